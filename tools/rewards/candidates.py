"""Candidate answers a reward function is tried on: right, wrong, empty, and ways of cheating."""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from novaforge.guards.values import JsonObject

BEGIN, END = "<|begin_of_solution|>", "<|end_of_solution|>"
"""Nova writes its solution between these markers; reward code sees them."""
GARBAGE = "zq xv 7 # ~ lorem qwop ]]"
MAX_LABELS = 50
"""Data with no more distinct references than this is treated as a choice among labels."""
ANSWER_KEYS = ("answer", "label", "response", "solution", "value", "text")
REPEATS = 20

HONEST = ("reference", "reference_in_markers", "reference_as_json")
"""Spellings of the right answer; the best of them counts, since only the reward's author knows the format."""

WRONG = ("wrong_reference", "wrong_in_markers")
"""Spellings of a wrong answer; the better one counts, so that right and wrong are compared in the same dress."""


def event_of(rows: Sequence[JsonObject], texts: Sequence[JsonValue]) -> list[JsonObject]:
    """Return the event for rows whose assistant answered with the given texts (or content lists)."""
    return [
        {**row, "id": row_id(row, index), "messages": [*_turns(row), {"role": "assistant", "content": text}]}
        for index, (row, text) in enumerate(zip(rows, texts, strict=True))
    ]


def row_id(row: JsonObject, index: int) -> str:
    """Return a row's id, or one made from its place when it has none."""
    given = row.get("id")
    return given if isinstance(given, str) and given else f"row-{index + 1}"


def spell(reference: JsonValue) -> str:
    """Return a reference answer as a model would write it: the text itself, or the one value an object holds."""
    if isinstance(reference, str):
        return reference
    if isinstance(reference, dict):
        named = [reference[key] for key in ANSWER_KEYS if key in reference]
        values = named or (list(reference.values()) if len(reference) == 1 else [])
        if values and isinstance(values[0], str | int | float):
            return str(values[0])
    return json.dumps(reference, ensure_ascii=False)


def in_markers(text: str) -> str:
    """Return a text as Nova would write it as its solution."""
    return f"{BEGIN}{text}{END}"


def labels_of(rows: Sequence[JsonObject]) -> list[str]:
    """Return the distinct references when they look like labels of a classification, else nothing."""
    seen = sorted({spell(row.get("reference_answer")) for row in rows})
    return seen if 2 <= len(seen) <= MAX_LABELS and len(seen) <= len(rows) / 2 else []


def candidates(rows: Sequence[JsonObject]) -> dict[str, list[str]]:
    """Return named lists of answers, one per row, of known quality."""
    truth = [spell(row.get("reference_answer")) for row in rows]
    made = {
        "reference": truth,
        "reference_in_markers": [in_markers(text) for text in truth],
        "empty": [""] * len(rows),
        "garbage": [GARBAGE] * len(rows),
    }
    if any(isinstance(row.get("reference_answer"), dict) for row in rows):
        made["reference_as_json"] = [json.dumps(row.get("reference_answer"), ensure_ascii=False) for row in rows]
    wrong = [_another(truth, index) for index in range(len(truth))]
    if all(text is not None for text in wrong):
        made["wrong_reference"] = [text or "" for text in wrong]
        made["wrong_in_markers"] = [in_markers(text or "") for text in wrong]
    return made


def probes(rows: Sequence[JsonObject], labels: Sequence[str]) -> dict[str, list[str]]:
    """Return named lists of answers that must not score like the truth: ways a policy learns to cheat."""
    truth = [spell(row.get("reference_answer")) for row in rows]
    others = list(labels) or sorted(set(truth))[:20]
    made = {
        "hidden_in_list": [_hidden(text, others) for text in truth],
        "repeated": [" ".join([text] * REPEATS) for text in truth],
        "prompt_echo": [prompt_of(row) for row in rows],
        "only_markers": [f"{BEGIN}{END}"] * len(rows),
    }
    if labels:
        made["all_labels"] = [" ".join(labels)] * len(rows)
    return made


def prompt_of(row: JsonObject) -> str:
    """Return the text of the last user message."""
    texts = [_content(turn.get("content")) for turn in _turns(row) if turn.get("role") == "user"]
    return texts[-1] if texts else ""


def _turns(row: JsonObject) -> list[JsonObject]:
    turns = row.get("messages")
    return [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []


def _content(content: JsonValue) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _another(truth: Sequence[str], index: int) -> str | None:
    """Return the next reference that differs from the one at `index`."""
    following = [*truth[index + 1 :], *truth[:index]]
    return next((text for text in following if text != truth[index]), None)


def _hidden(text: str, others: Sequence[str]) -> str:
    listed = "; ".join([*(other for other in others if other != text), text])
    filler = "There are several ways to read this question, and each has something to be said for it. " * 5
    return f"{filler}It could be one of the following: {listed}. {filler}"
