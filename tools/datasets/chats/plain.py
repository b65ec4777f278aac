"""The straight way for most chats: texts of user and assistant by turns, function calls with their results.

It writes the same rows as the long way, with fewer steps; whatever is in any way special is left to the long way.
"""

from collections import Counter
from typing import Any, NamedTuple

import orjson

from novaforge.tools.datasets.chats.chat import BadRowError, loss, tools_of
from novaforge.tools.datasets.chats.items import tool_config
from novaforge.tools.datasets.formats.converse_tools import check_tools
from novaforge.tools.datasets.formats.rules import RESERVED_WORDS, SCHEMA_VERSION
from novaforge.tools.datasets.rows import JsonRow

_BEFORE_COLON = tuple(word.removesuffix(":") for word in RESERVED_WORDS if word.endswith(":"))
_OTHER = tuple(word for word in RESERVED_WORDS if word.startswith("<"))
_SPECIFICATIONS = 64
"""How many different lists of tools are kept at a time; most sets have one, or a new one in each row."""


class PlainRow(NamedTuple):
    """A Converse row with what is asked and answered in it."""

    row: JsonRow
    prompt: str
    answer: str


class _Tools(NamedTuple):
    config: JsonRow
    names: frozenset[str]


class _Special(Exception):
    """The chat has to go the long way."""


class Straight:
    """Writes chats that break no rule; a test compares its rows with those of the long way."""

    def __init__(self, system_prompt: str | None, *, tools: bool) -> None:
        self._system_prompt = system_prompt if not suspicious(system_prompt or "") else None
        self._possible = self._system_prompt == system_prompt
        self._tools_allowed = tools
        self._known: dict[bytes, _Tools | None] = {}

    def row(self, messages: Any, tools: Any = None) -> PlainRow | None:
        """Return the Converse row of messages with the tools beside them; None where the long way is needed."""
        if type(messages) is not list or not self._possible:
            return None
        known = None
        if tools:
            known = self._tools(tools)
            if known is None:
                return None
        try:
            return self._written(messages, known)
        except _Special:
            return None

    def _written(self, messages: list[Any], tools: _Tools | None) -> PlainRow:
        system, wanted = "", "user"
        text: Any = ""
        turns: list[JsonRow] = []
        asked: list[str] = []
        calls: _Open | None = None
        for message in messages:
            if type(message) is not dict:
                raise _Special
            role, text = message.get("role"), message.get("content")
            if len(message) == 2 and role == wanted and type(text) is str and text and not suspicious(text):
                turns.append({"role": role, "content": [{"text": text}]})
                if role == "user":
                    asked.append(text)
                    wanted = "assistant"
                else:
                    wanted = "user"
            elif role == "assistant" == wanted and tools is not None:
                calls = calls or _Open(tools.names)
                turns.append({"role": role, "content": calls.uses(message, text)})
                wanted, text = "user", text or ""
            elif role == "tool" and calls is not None:
                item = calls.result(message, text)
                if wanted == "user":
                    turns.append({"role": "user", "content": [item]})
                    wanted = "assistant"
                elif "toolResult" in turns[-1]["content"][-1]:
                    turns[-1]["content"].append(item)
                else:
                    raise _Special
            elif role in ("system", "developer") and not turns and not system:
                system = _system(message, text)
            else:
                raise _Special
        if not turns or wanted != "user":
            raise _Special
        row: JsonRow = {"schemaVersion": SCHEMA_VERSION}
        if system or self._system_prompt:
            row["system"] = [{"text": system or self._system_prompt}]
        row["messages"] = turns
        if tools is not None:
            row["toolConfig"] = tools.config
        return PlainRow(row, asked[0] if len(asked) == 1 else "\n".join(asked), text)

    def _tools(self, tools: Any) -> _Tools | None:
        """Return the specifications of a list of tools that breaks no rule; rows of one set mostly share it."""
        if not self._tools_allowed:
            return None
        try:
            key = tools.encode() if type(tools) is str else orjson.dumps(tools)
        except (orjson.JSONEncodeError, UnicodeEncodeError):
            return None
        if key not in self._known:
            if len(self._known) >= _SPECIFICATIONS:
                self._known.clear()
            self._known[key] = _specifications(tools)
        return self._known[key]


class _Open:
    """The calls of one chat that have no result yet."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._used: set[str] = set()
        self._open: set[str] = set()

    def uses(self, message: JsonRow, text: Any) -> list[JsonRow]:
        """Return the items of an assistant's message with calls."""
        calls = message.get("tool_calls")
        if type(calls) is not list or not calls or len(message) > 3 or (len(message) == 3 and "content" not in message):
            raise _Special
        items: list[JsonRow] = []
        if text:
            if type(text) is not str or suspicious(text):
                raise _Special
            items.append({"text": text})
        elif text is not None and text != "":
            raise _Special
        for call in calls:
            items.append({"toolUse": self._use(call)})
        return items

    def _use(self, call: Any) -> JsonRow:
        try:
            key, function = call["id"], call["function"]
            name, arguments = function["name"], function["arguments"]
        except (KeyError, TypeError, IndexError):
            raise _Special from None
        if type(key) is not str or not key or key.isspace() or key in self._used:
            raise _Special
        if type(name) is not str or name not in self._names:
            raise _Special
        value = _arguments(arguments) if type(arguments) is str else arguments
        if type(value) is not dict:
            raise _Special
        self._used.add(key)
        self._open.add(key)
        return {"toolUseId": key, "name": name, "input": value}

    def result(self, message: JsonRow, text: Any) -> JsonRow:
        """Return the item of a tool's message."""
        key = message.get("tool_call_id")
        if type(key) is not str or key not in self._open or type(text) is not str or not text or suspicious(text):
            raise _Special
        if len(message) > 3 and not (len(message) == 4 and "name" in message):
            raise _Special
        self._open.discard(key)
        return {"toolResult": {"toolUseId": key, "content": [{"text": text}]}}


def _arguments(text: str) -> Any:
    try:
        value = orjson.loads(text)
        lost = loss(text, value)
    except (orjson.JSONDecodeError, BadRowError):
        raise _Special from None
    if lost:
        raise _Special
    return value


def suspicious(text: str) -> bool:
    """Tell a text that may hold one of the reserved words; wrong only in the direction that costs time."""
    if ":" in text:
        for piece in text.split(":")[:-1]:
            if piece.endswith(_BEFORE_COLON):
                return True
    if "<" in text:
        for word in _OTHER:  # a generator would take as long as the search
            if word in text:
                return True
    return "[EOS]" in text


def _system(message: JsonRow, text: Any) -> str:
    if len(message) != 2 or type(text) is not str or not text or text.isspace() or suspicious(text):
        raise _Special
    return text


def _specifications(tools: Any) -> _Tools | None:
    counts: Counter[str] = Counter()
    try:
        listed = tools_of(tools)
        config = tool_config(listed, counts) if listed else None
    except BadRowError:
        return None
    if config is None or counts or check_tools({"messages": [], "toolConfig": config}):
        return None
    return _Tools(config, frozenset(tool["toolSpec"]["name"] for tool in config["tools"]))
