"""Converse rows, which SFT of Nova reads: schemaVersion, system, messages with content items, toolConfig."""

from collections.abc import Iterator
from typing import Any

from novaforge.tools.datasets.formats.base import Fields, RowFormat, all_objects, blank, objects
from novaforge.tools.datasets.formats.converse_items import check_item
from novaforge.tools.datasets.formats.converse_tools import check_tools
from novaforge.tools.datasets.formats.rules import RESERVED_WORDS, SCHEMA_VERSION
from novaforge.tools.datasets.rows import Hit, JsonRow

_KEYS = {"schemaVersion", "system", "messages", "toolConfig"}
_COLON_WORDS = tuple(word for word in RESERVED_WORDS if word.endswith(":"))
_MARKUP_WORDS = tuple(word for word in RESERVED_WORDS if word.startswith("<"))
_BRACKET_WORDS = tuple(word for word in RESERVED_WORDS if word.startswith("["))
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


def check(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks."""
    hits = [Hit("DA1-key")] if row.keys() - _KEYS else []
    if row.get("schemaVersion") != SCHEMA_VERSION:
        hits.append(Hit("DA3-version", "$.schemaVersion"))
    hits += _system(row)
    messages = row.get("messages")
    if not isinstance(messages, list) or len(messages) < 2 or not all_objects(messages):
        return [*hits, Hit("DA3-messages", "$.messages")]
    hits += _turns(messages)
    for index, message in objects(messages):
        hits += _message(message, f"$.messages[{index}]")
    return [*hits, *check_tools(row), *_reserved(row)]


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks: only a text can be wrong in it."""
    return [Hit("DA2", path) for name, path in _BUILT_PATHS.items() if holds_reserved_word(fields.get(name, ""))]


def holds_reserved_word(text: str) -> bool:
    """Tell a text that holds one of the reserved words; case matters."""
    # Most texts hold no colon and no bracket, and one search for those is cheaper than thirteen.
    if ":" in text and any(word in text for word in _COLON_WORDS):
        return True
    if "<" in text and any(word in text for word in _MARKUP_WORDS):
        return True
    return any(word in text for word in _BRACKET_WORDS)


def prompt(row: JsonRow) -> str:
    """Return the user's texts."""
    return "\n".join(_role_texts(row, "user"))


def answer(row: JsonRow) -> str:
    """Return the text of the last assistant turn."""
    turns = objects(row.get("messages"))
    content = turns[-1][1].get("content") if turns else None
    return "\n".join(item["text"] for _, item in objects(content) if isinstance(item.get("text"), str))


def texts(row: JsonRow) -> Iterator[str]:
    """Yield every text: system, turns, reasoning and tool results."""
    for _, text in _placed_texts(row):
        yield text


def parts(row: JsonRow) -> set[str]:
    """Return which optional parts a row has."""
    found = {"system"} if row.get("system") else set[str]()
    for _, message in objects(row.get("messages")):
        for _, item in objects(message.get("content")):
            found.update(part for part in _PARTS if part in item)
    return found


def _system(row: JsonRow) -> list[Hit]:
    if "system" not in row:
        return []
    system = row["system"]
    if not all_objects(system) or not system or any(set(item) != {"text"} or blank(item["text"]) for item in system):
        return [Hit("DA3-system", "$.system")]
    return [Hit("DA3-systems", "$.system")] if len(system) > 1 else []


def _turns(messages: list[JsonRow]) -> list[Hit]:
    hits: list[Hit] = []
    for index, message in enumerate(messages):
        role = message.get("role")
        if role not in ("user", "assistant"):
            hits.append(Hit("DA3-role", f"$.messages[{index}].role"))
        elif role != ("user", "assistant")[index % 2]:
            hits.append(Hit("DA3-turns", f"$.messages[{index}].role"))
    if len(messages) % 2:
        hits.append(Hit("DA3-turns", f"$.messages[{len(messages) - 1}].role"))
    return hits


def _message(message: JsonRow, path: str) -> list[Hit]:
    hits = [Hit("DA1-key", path)] if message.keys() - {"role", "content"} else []
    content = message.get("content")
    if not content or not all_objects(content):
        return [*hits, Hit("DA3-content", f"{path}.content")]
    for index, item in objects(content):
        hits += check_item(item, str(message.get("role")), f"{path}.content[{index}]")
    return hits + _together(content, path)


def _together(content: list[JsonRow], path: str) -> list[Hit]:
    """Check what may stand side by side in one message."""
    counts = {
        kind: sum(kind in item for item in content) for kind in ("image", "video", "document", "reasoningContent")
    }
    media = [kind for kind in ("image", "video", "document") if counts[kind]]
    hits = [Hit("DA8-kinds", path)] if len(media) > 1 else []
    if counts["image"] > 10 or counts["video"] > 1:
        hits.append(Hit("DA8-count", path))
    if media and counts["reasoningContent"]:
        hits.append(Hit("RE4", path))
    said = [item["text"] for item in content if isinstance(item.get("text"), str)]
    if said and not any(said) and not counts["image"] and not counts["video"]:
        hits.append(Hit("DA3-text", path))
    return hits


def _reserved(row: JsonRow) -> list[Hit]:
    return [Hit("DA2", path) for path, text in _placed_texts(row) if holds_reserved_word(text)]


def _role_texts(row: JsonRow, role: str) -> Iterator[str]:
    for _, message in objects(row.get("messages")):
        if message.get("role") == role:
            yield from (
                item["text"] for _, item in objects(message.get("content")) if isinstance(item.get("text"), str)
            )


def _placed_texts(row: JsonRow) -> Iterator[tuple[str, str]]:
    for index, item in objects(row.get("system")):
        yield from _text(item.get("text"), f"$.system[{index}].text")
    for index, message in objects(row.get("messages")):
        for place, item in objects(message.get("content")):
            path = f"$.messages[{index}].content[{place}]"
            yield from _text(item.get("text"), f"{path}.text")
            if "reasoningContent" in item:
                yield from _text(_dig(item, "reasoningContent", "reasoningText", "text"), f"{path}.reasoningContent")
            if "toolResult" in item:
                for inner, result in objects(_dig(item, "toolResult", "content")):
                    yield from _text(result.get("text"), f"{path}.toolResult.content[{inner}].text")


def _text(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value


def _dig(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


CONVERSE = RowFormat(
    name="converse",
    method="SFT_LORA",
    required=("query", "response"),
    optional=("system", "reasoning"),
    structured=(),
    build=build,
    check=check,
    check_fields=check_fields,
    prompt=prompt,
    answer=answer,
    texts=texts,
    parts=parts,
)
