"""The texts of Converse rows, and the words they must not hold."""

import re
from collections.abc import Iterator
from typing import Any

from novaforge.tools.datasets.formats.base import objects
from novaforge.tools.datasets.formats.rules import RESERVED_WORDS
from novaforge.tools.datasets.rows import JsonRow

_COLON_WORDS = [word for word in RESERVED_WORDS if word.endswith(":")]
_MARKUP_WORDS = [word[1:] for word in RESERVED_WORDS if word.startswith("<")]
_OTHER_WORDS = tuple(word for word in RESERVED_WORDS if not word.endswith(":") and not word.startswith("<"))
# Each colon is looked back from, each bracket ahead from: a search for one character is many times faster than for words.
_COLON = re.compile(
    f":(?<=[{''.join({word[-2] for word in _COLON_WORDS})}]:)(?:{'|'.join(f'(?<={word})' for word in _COLON_WORDS)})"
).search
_MARKUP = re.compile(f"<(?:{'|'.join(_MARKUP_WORDS)})").search


def holds_reserved_word(text: str) -> bool:
    """Tell a text that holds one of the reserved words; case matters."""
    if ":" in text and _COLON(text) is not None:
        return True
    if "<" in text and _MARKUP(text) is not None:
        return True
    if "[" in text:
        for word in _OTHER_WORDS:
            if word in text:
                return True
    return False


def role_texts(row: JsonRow, role: str) -> list[str]:
    """Return the texts of the turns of one role."""
    messages = row.get("messages")
    found: list[str] = []
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == role:
            found += _item_texts(message.get("content"))
    return found


def _item_texts(content: Any) -> list[str]:
    if not isinstance(content, list):
        return []
    return [item["text"] for item in content if isinstance(item, dict) and isinstance(item.get("text"), str)]


def last_text(row: JsonRow) -> str:
    """Return the text of the last turn."""
    messages = row.get("messages")
    turns = [item for item in messages if isinstance(item, dict)] if isinstance(messages, list) else []
    return "\n".join(_item_texts(turns[-1].get("content"))) if turns else ""


def all_texts(row: JsonRow) -> list[str]:
    """Return every text: system, turns, reasoning, tool results and candidates."""
    found = _item_texts(row.get("system"))
    messages = row.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict):
            content = message.get("content")
            for item in content if isinstance(content, list) else ():
                if isinstance(item, dict):
                    _add_texts(item, found)
            if "candidates" in message:
                for _, candidate in objects(message["candidates"]):
                    found += _item_texts(candidate.get("content"))
    return found


def _add_texts(item: JsonRow, found: list[str]) -> None:
    text = item.get("text")
    if isinstance(text, str):
        found.append(text)
        if len(item) == 1:
            return
    if "reasoningContent" in item:
        thought = _dig(item["reasoningContent"], "reasoningText", "text")
        found += [thought] if isinstance(thought, str) else []
    if "toolResult" in item:
        found += _item_texts(_dig(item["toolResult"], "content"))


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
    yield from _item_extras(item, path)


def _item_extras(item: JsonRow, path: str) -> Iterator[tuple[str, str]]:
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
