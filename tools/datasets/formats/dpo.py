"""DPO rows: Converse turns whose last one holds candidates, one preferred and the others not."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from novaforge.tools.datasets.formats.base import Fields, RowFormat, all_objects, objects
from novaforge.tools.datasets.formats.converse_check import Abilities, check_head, check_turn
from novaforge.tools.datasets.formats.converse_plain import plain_system
from novaforge.tools.datasets.formats.converse_text import all_texts, holds_reserved_word, placed_texts, role_texts
from novaforge.tools.datasets.formats.rules import SCHEMA_VERSION
from novaforge.tools.datasets.rows import Hit, JsonRow

LABELS = ("preferred", "non-preferred")
_KEYS = {"schemaVersion", "system", "messages"}
_CANDIDATES = "$.messages[1].candidates"
_BUILT_PATHS = {
    "system": "$.system[0].text",
    "query": "$.messages[0].content[0].text",
    "chosen": f"{_CANDIDATES}[0].content[0].text",
    "rejected": f"{_CANDIDATES}[1].content[0].text",
}


def build(fields: Fields) -> JsonRow:
    """Return a row of one question with a preferred and a rejected answer."""
    row: JsonRow = {"schemaVersion": SCHEMA_VERSION}
    if fields.get("system"):
        row["system"] = [{"text": fields["system"]}]
    pair = ((fields["chosen"], "preferred"), (fields["rejected"], "non-preferred"))
    candidates = [{"content": [{"text": text}], "preferenceLabel": label} for text, label in pair]
    row["messages"] = [
        {"role": "user", "content": [{"text": fields["query"]}]},
        {"role": "assistant", "candidates": candidates},
    ]
    return row


def check(abilities: Abilities, row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks."""
    return [] if keeps_the_rules(row) else check_in_full(abilities, row)


def keeps_the_rules(row: JsonRow) -> bool:
    """Tell that a row of texts breaks no rule; False says nothing. It is the hot path of every pass."""
    messages = row.get("messages")
    if row.get("schemaVersion") != SCHEMA_VERSION or type(messages) is not list or len(messages) < 2:
        return False
    if len(messages) % 2 or len(row) != 2 + ("system" in row) or ("system" in row and not plain_system(row["system"])):
        return False
    for index, message in enumerate(messages[:-1]):
        if type(message) is not dict or len(message) != 2 or message.get("role") != ("user", "assistant")[index % 2]:
            return False
        if not _plain_text(message.get("content")):
            return False
    return _plain_candidates(messages[-1])


def _plain_candidates(message: Any) -> bool:
    if type(message) is not dict or len(message) != 2 or message.get("role") != "assistant":
        return False
    candidates = message.get("candidates")
    if type(candidates) is not list or len(candidates) < 2:
        return False
    preferred, said = 0, set[str]()
    for item in candidates:
        if type(item) is not dict or len(item) != 2 or item.get("preferenceLabel") not in LABELS:
            return False
        text = _plain_text(item.get("content"))
        if not text or text.isspace() or text in said:
            return False
        said.add(text)
        preferred += item["preferenceLabel"] == "preferred"
    return preferred == 1


def _plain_text(content: Any) -> str:
    """Return the text of content that is one text without reserved words, else nothing."""
    if type(content) is not list or len(content) != 1 or type(content[0]) is not dict or len(content[0]) != 1:
        return ""
    text = content[0].get("text")
    return text if type(text) is str and not holds_reserved_word(text) else ""


def check_in_full(abilities: Abilities, row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks, without the quick look before."""
    hits = check_head(row, _KEYS)
    messages = row.get("messages")
    if not isinstance(messages, list) or len(messages) < 2 or not all_objects(messages):
        return [*hits, Hit("DA3-messages", "$.messages")]
    last = len(messages) - 1
    for index, message in enumerate(messages[:last]):
        hits += _earlier(message, index, abilities)
    if messages[last].get("role") != "assistant" or last % 2 == 0 or "candidates" not in messages[last]:
        hits.append(Hit("DA3-dpo-last", f"$.messages[{last}]"))
    hits += _candidates(messages[last], f"$.messages[{last}]")
    return hits + [Hit("DA2", path) for path, text in placed_texts(row) if holds_reserved_word(text)]


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks."""
    hits = [Hit("DA2", path) for name, path in _BUILT_PATHS.items() if holds_reserved_word(fields.get(name, ""))]
    return [Hit("DA3-dpo-equal", _CANDIDATES), *hits] if fields["chosen"] == fields["rejected"] else hits


def prompt(row: JsonRow) -> str:
    """Return the user's texts."""
    return "\n".join(role_texts(row, "user"))


def answer(row: JsonRow) -> str:
    """Return the preferred answer."""
    return next((_text(item) for item in _pair(row) if item.get("preferenceLabel") == "preferred"), "")


def rejected(row: JsonRow) -> list[str]:
    """Return the answers that are not preferred."""
    return [_text(item) for item in _pair(row) if item.get("preferenceLabel") == "non-preferred"]


def texts(row: JsonRow) -> Iterator[str]:
    """Yield every text: system, turns and candidates."""
    return iter(all_texts(row))


def parts(row: JsonRow) -> set[str]:
    """Return which optional parts a row has."""
    found = {"system"} if row.get("system") else set[str]()
    for _, message in objects(row.get("messages")):
        for _, item in objects(message.get("content")):
            found.update(part for part in ("image", "video", "document") if part in item)
    return found


def _earlier(message: JsonRow, index: int, abilities: Abilities) -> list[Hit]:
    path = f"$.messages[{index}]"
    if "candidates" in message:
        return [Hit("DA3-dpo-place", path)]
    hits = check_turn(message, index, abilities)
    content = message.get("content")
    videos = [place for place, item in objects(content) if "video" in item]
    return hits + [Hit("DA8-dpo-video", f"{path}.content[{place}]") for place in videos]


def _candidates(message: JsonRow, path: str) -> list[Hit]:
    if "candidates" not in message:
        return []
    hits = [Hit("DA1-key", path)] if message.keys() - {"role", "candidates"} else []
    candidates = message["candidates"]
    if not all_objects(candidates) or len(candidates) < 2:
        return [*hits, Hit("DA3-dpo-candidates", f"{path}.candidates")]
    for index, item in enumerate(candidates):
        hits += _candidate(item, f"{path}.candidates[{index}]")
    labels = [item.get("preferenceLabel") for item in candidates]
    if labels.count("preferred") != 1 or "non-preferred" not in labels:
        hits.append(Hit("DA3-dpo-labels", f"{path}.candidates"))
    said = [_text(item) for item in candidates]
    if len(set(said)) < len(said):
        hits.append(Hit("DA3-dpo-equal", f"{path}.candidates"))
    return hits


def _candidate(item: JsonRow, path: str) -> list[Hit]:
    hits = [Hit("DA1-key", path)] if item.keys() - {"content", "preferenceLabel"} else []
    if item.get("preferenceLabel") not in LABELS:
        hits.append(Hit("DA3-dpo-label", f"{path}.preferenceLabel"))
    content = item.get("content")
    if not content or not all_objects(content) or any(set(part) != {"text"} for part in content):
        return [*hits, Hit("DA3-dpo-content", f"{path}.content")]
    return hits if _text(item).strip() else [*hits, Hit("DA3-dpo-content", f"{path}.content")]


def _pair(row: JsonRow) -> list[JsonRow]:
    turns = objects(row.get("messages"))
    return [item for _, item in objects(turns[-1][1].get("candidates"))] if turns else []


def _text(item: JsonRow) -> str:
    parts: list[Any] = [part.get("text") for _, part in objects(item.get("content"))]
    return "\n".join(text for text in parts if isinstance(text, str))


def dpo(model: str, abilities: Abilities) -> RowFormat:
    """Return the format for a model."""
    return RowFormat(
        name="dpo",
        method="DPO_LORA",
        required=("query", "chosen", "rejected"),
        optional=("system",),
        structured=(),
        build=build,
        check=partial(check, abilities),
        check_fields=check_fields,
        prompt=prompt,
        answer=answer,
        texts=texts,
        parts=parts,
        model=model,
        media=tuple(kind for kind in abilities.media if kind == "image"),
    )
