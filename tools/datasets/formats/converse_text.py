"""The texts of Converse rows, and the words they must not hold."""

from collections.abc import Iterator
from typing import Any

from novaforge.tools.datasets.formats.base import objects
from novaforge.tools.datasets.formats.rules import RESERVED_WORDS
from novaforge.tools.datasets.rows import JsonRow

_COLON_WORDS = tuple(word for word in RESERVED_WORDS if word.endswith(":"))
_MARKUP_WORDS = tuple(word for word in RESERVED_WORDS if word.startswith("<"))
_BRACKET_WORDS = tuple(word for word in RESERVED_WORDS if word.startswith("["))


def holds_reserved_word(text: str) -> bool:
    """Tell a text that holds one of the reserved words; case matters."""
    # Most texts hold no colon and no bracket, and one search for those is cheaper than thirteen.
    if ":" in text:
        for word in _COLON_WORDS:
            if word in text:
                return True
    if "<" in text:
        for word in _MARKUP_WORDS:
            if word in text:
                return True
    if "[" in text:
        for word in _BRACKET_WORDS:
            if word in text:
                return True
    return False


def role_texts(row: JsonRow, role: str) -> Iterator[str]:
    """Yield the texts of the turns of one role."""
    for _, message in objects(row.get("messages")):
        if message.get("role") == role:
            yield from (
                item["text"] for _, item in objects(message.get("content")) if isinstance(item.get("text"), str)
            )


def placed_texts(row: JsonRow) -> Iterator[tuple[str, str]]:
    """Yield every text with its path: system, turns, reasoning, tool results and candidates."""
    for index, item in objects(row.get("system")):
        yield from _text(item.get("text"), f"$.system[{index}].text")
    for index, message in objects(row.get("messages")):
        path = f"$.messages[{index}]"
        for place, item in objects(message.get("content")):
            yield from _item(item, f"{path}.content[{place}]")
        if "candidates" in message:
            for number, candidate in objects(message["candidates"]):
                for place, item in objects(candidate.get("content")):
                    yield from _text(item.get("text"), f"{path}.candidates[{number}].content[{place}].text")


def _item(item: JsonRow, path: str) -> Iterator[tuple[str, str]]:
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
