"""One chat as it is between reading and writing: OpenAI-style messages, tools, and what is known beside them."""

import json
import re
from dataclasses import dataclass
from typing import Any

import orjson

from novaforge.tools.datasets.rows import JsonRow

_LONG, _LONGEST = 19, 20
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
LONG_NUMBER = re.compile(f"[0-9]{{{_LONG}}}")
"""Whole numbers of fewer digits fit 64 bits."""


class BadRowError(Exception):
    """A row that cannot be represented exactly; the reason and the path never quote the row."""

    def __init__(self, reason: str, path: str = "$") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


@dataclass(slots=True)
class Chat:
    """Messages in OpenAI's roles and keys, system first; the last one is the wanted answer unless `reference` is given."""

    messages: list[JsonRow]
    tools: list[JsonRow] | None = None
    reference: Any = None
    """The wanted answer where it stands beside the messages: text or an object."""
    rejected: JsonRow | None = None
    """The worse answer of a preference pair, as an assistant message."""
    id: str = ""
    metadata: Any = None
    task: Any = None
    info: Any = None
    where: str = "$.messages"
    """Where the messages stand in the source row, for paths."""
    shift: int = 0
    """How many messages were put in front of those at `where`."""
    group: str = ""

    def path(self, index: int, tail: str = "") -> str:
        """Return the path of a message in the source row."""
        return f"{self.where}[{max(0, index - self.shift)}]{tail}"


def messages_of(value: Any, path: str) -> list[JsonRow]:
    """Return a non-empty list of objects, parsed from JSON text where it is text; raises BadRowError."""
    if isinstance(value, str):
        value = parsed(value, path)
    if not isinstance(value, list) or not value:
        raise BadRowError("the list of messages is missing or empty", path)
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise BadRowError("a message is not an object", f"{path}[{index}]")
    return value


def parsed(text: str, path: str) -> Any:
    """Return the value of a JSON text; raises BadRowError when it is none, or when something in it would be lost."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRowError("the text is not JSON", path) from error
    if reason := loss(text, value):
        raise BadRowError(reason, path)
    return value


def loss(text: str, value: Any) -> str:
    """Return what the fast parser lost of a JSON text: a number beyond 64 bits, or one of two keys alike; "" for nothing."""
    # Each quote of a text is written as one again, but for one spelt in hexadecimal; a key that is gone takes two along.
    try:
        again = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise BadRowError("a value is nested too deep") from error
    long = len(text) >= _LONG and LONG_NUMBER.search(text) is not None
    if not long and text.count('"') == again.count(b'"') and "\\u0022" not in text:
        return ""
    try:
        json.loads(text, parse_int=_fits, object_pairs_hook=_different)
    except _LossError as problem:
        return str(problem)
    return ""


class _LossError(Exception):
    """Something in a JSON text cannot be kept; the text says what."""


def _fits(digits: str) -> int:
    # Python refuses to convert very long numbers; twenty digits and a sign is all that 64 bits can need.
    if len(digits) > _LONGEST or not _SMALLEST <= int(digits) <= _LARGEST:
        raise _LossError("a whole number is too large for 64 bits")
    return 0


def _different(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _LossError("the same key stands twice in one JSON object")


def as_json(value: Any) -> str:
    """Return a value as JSON text; raises BadRowError when it is nested too deep."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        raise BadRowError("a value is nested too deep") from error


def tools_of(value: Any, path: str = "$.tools") -> list[JsonRow] | None:
    """Return function specifications in OpenAI's form, or None where there are none; raises BadRowError.

    Bare specifications (name, description, parameters) are wrapped; JSON text is parsed; an empty list means no tools.
    """
    if isinstance(value, str):
        value = parsed(value, path) if value.strip() else None
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        raise BadRowError("tools is not a list", path)
    found: list[JsonRow] = []
    for index, tool in enumerate(value):
        if not isinstance(tool, dict):
            raise BadRowError("a tool is not an object", f"{path}[{index}]")
        found.append(tool if "function" in tool else {"type": "function", "function": tool})
    return found
