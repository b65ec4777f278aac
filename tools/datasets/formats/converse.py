"""Converse rows, which SFT of Nova reads: schemaVersion, system, messages with content items, toolConfig."""

from collections.abc import Iterator
from functools import partial

from novaforge.tools.datasets.formats import converse_check
from novaforge.tools.datasets.formats.base import Fields, RowFormat, objects
from novaforge.tools.datasets.formats.converse_check import Abilities
from novaforge.tools.datasets.formats.converse_text import holds_reserved_word, placed_texts, role_texts
from novaforge.tools.datasets.formats.rules import SCHEMA_VERSION
from novaforge.tools.datasets.rows import Hit, JsonRow

_BUILT_PATHS = {
    "system": "$.system[0].text",
    "query": "$.messages[0].content[0].text",
    "reasoning": "$.messages[1].content[0].reasoningContent",
    "response": "$.messages[1].content[-1].text",
}
_PARTS = ("image", "video", "document", "reasoningContent", "toolUse", "toolResult")


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
    return converse_check.check(row, abilities)


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks: only a text can be wrong in it."""
    return [Hit("DA2", path) for name, path in _BUILT_PATHS.items() if holds_reserved_word(fields.get(name, ""))]


def prompt(row: JsonRow) -> str:
    """Return the user's texts."""
    return "\n".join(role_texts(row, "user"))


def answer(row: JsonRow) -> str:
    """Return the text of the last assistant turn."""
    turns = objects(row.get("messages"))
    content = turns[-1][1].get("content") if turns else None
    return "\n".join(item["text"] for _, item in objects(content) if isinstance(item.get("text"), str))


def texts(row: JsonRow) -> Iterator[str]:
    """Yield every text: system, turns, reasoning and tool results."""
    for _, text in placed_texts(row):
        yield text


def parts(row: JsonRow) -> set[str]:
    """Return which optional parts a row has."""
    found = {"system"} if row.get("system") else set[str]()
    for _, message in objects(row.get("messages")):
        for _, item in objects(message.get("content")):
            found.update(part for part in _PARTS if part in item)
    return found


def converse(model: str, abilities: Abilities) -> RowFormat:
    """Return the format for a model."""
    return RowFormat(
        name="converse",
        method="SFT_LORA",
        required=("query", "response"),
        optional=("system", "reasoning") if abilities.reasoning else ("system",),
        structured=(),
        build=build,
        check=partial(check, abilities),
        check_fields=check_fields,
        prompt=prompt,
        answer=answer,
        texts=texts,
        parts=parts,
        model=model,
        tools=abilities.tools,
        reasoning=abilities.reasoning,
        media=abilities.media,
    )


CONVERSE = converse("nova_lite_2", Abilities(("image", "video", "document"), tools=True, reasoning=True))
