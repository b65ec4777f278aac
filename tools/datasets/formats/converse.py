"""Converse rows, which SFT of Nova reads: schemaVersion, system, messages with content items, toolConfig."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from novaforge.tools.datasets.formats import converse_check
from novaforge.tools.datasets.formats.base import Fields, RowFormat, Texts
from novaforge.tools.datasets.formats.converse_check import Abilities
from novaforge.tools.datasets.formats.converse_plain import keeps_the_rules
from novaforge.tools.datasets.formats.converse_text import all_texts, holds_reserved_word, last_text, role_texts
from novaforge.tools.datasets.formats.rules import SCHEMA_VERSION
from novaforge.tools.datasets.rows import Hit, JsonRow

_BUILT_PATHS = {
    "system": "$.system[0].text",
    "query": "$.messages[0].content[0].text",
    "reasoning": "$.messages[1].content[0].reasoningContent",
    "response": "$.messages[1].content[-1].text",
}
_PARTS = {"image", "video", "document", "reasoningContent", "toolUse", "toolResult"}


def build(fields: Fields) -> JsonRow:
    """Return a single-turn row; reasoning goes before the answer in the assistant's turn."""
    answer: list[JsonRow] = [{"text": fields["response"]}]
    if fields.get("reasoning"):
        answer.insert(0, {"reasoningContent": {"reasoningText": {"text": fields["reasoning"]}}})
    row: JsonRow = {"schemaVersion": SCHEMA_VERSION}
    if fields.get("system"):
        row["system"] = [{"text": fields["system"]}]
    row["messages"] = [
        {"role": "user", "content": [{"text": fields["query"]}]},
        {"role": "assistant", "content": answer},
    ]
    return row


def check(abilities: Abilities, row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks."""
    return [] if keeps_the_rules(row, abilities) else converse_check.check(row, abilities)


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks: only a text can be wrong in it."""
    return [Hit("DA2", path) for name, path in _BUILT_PATHS.items() if holds_reserved_word(fields.get(name, ""))]


def prompt(row: JsonRow) -> str:
    """Return the user's texts."""
    return "\n".join(role_texts(row, "user"))


def answer(row: JsonRow) -> str:
    """Return the text of the last assistant turn."""
    return last_text(row)


def texts(row: JsonRow) -> Iterator[str]:
    """Yield every text: system, turns, reasoning and tool results."""
    return iter(all_texts(row))


def parts(row: JsonRow) -> set[str]:
    """Return which optional parts a row has."""
    found = {"system"} if row.get("system") else set[str]()
    messages = row.get("messages")
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for item in content if isinstance(content, list) else ():
            if isinstance(item, dict) and not (len(item) == 1 and "text" in item):
                found |= item.keys() & _PARTS
    return found


def plain(row: JsonRow) -> Texts | None:
    """Return the texts of a row of one question and one answer, with or without a system prompt; None of any other row."""
    messages, system = row.get("messages"), row.get("system")
    if type(messages) is not list or len(messages) != 2:
        return None
    asked, answered = _only_text(messages[0], "user"), _only_text(messages[1], "assistant")
    if asked is None or answered is None:
        return None
    if not system:
        return Texts(asked, answered, (asked, answered), set())
    said = _one_text(system)
    return None if said is None else Texts(asked, answered, (said, asked, answered), {"system"})


def _only_text(message: Any, role: str) -> str | None:
    if type(message) is not dict or message.get("role") != role or "candidates" in message:
        return None
    return _one_text(message.get("content"))


def _one_text(content: Any) -> str | None:
    if type(content) is not list or len(content) != 1 or type(content[0]) is not dict or len(content[0]) != 1:
        return None
    text = content[0].get("text")
    return text if type(text) is str else None


def converse(model: str, abilities: Abilities) -> RowFormat:
    """Return the format for a model."""
    return RowFormat(
        name="converse",
        method="SFT_LORA",
        required=("query", "response"),
        optional=(
            "system",
            *(("reasoning",) if abilities.reasoning else ()),
            *(("images",) if abilities.media else ()),
        ),
        structured=("images",) if abilities.media else (),
        build=build,
        check=partial(check, abilities),
        check_fields=check_fields,
        prompt=prompt,
        answer=answer,
        texts=texts,
        parts=parts,
        model=model,
        plain=plain,
        tools=abilities.tools,
        reasoning=abilities.reasoning,
        media=abilities.media,
    )


CONVERSE = converse("nova_lite_2", Abilities(("image", "video", "document"), tools=True, reasoning=True))
