"""A quick look at Converse rows that accepts most rows without fault; whatever it does not accept is checked in full."""

from typing import Any

from novaforge.tools.datasets.formats.converse_check import Abilities
from novaforge.tools.datasets.formats.converse_text import holds_reserved_word
from novaforge.tools.datasets.formats.converse_tools import complete_names
from novaforge.tools.datasets.formats.rules import SCHEMA_VERSION
from novaforge.tools.datasets.rows import JsonRow


def keeps_the_rules(row: JsonRow, abilities: Abilities) -> bool:
    """Tell that a row of text, reasoning and tools breaks no rule; False says nothing.

    It is the hot path of every pass, hence the loops in one function. A test holds it to the full check.
    """
    messages = row.get("messages")
    if row.get("schemaVersion") != SCHEMA_VERSION or type(messages) is not list:
        return False
    known = 2
    if "system" in row:
        known = 3
        if not plain_system(row["system"]):
            return False
    tools: _Tools | None = None
    if "toolConfig" in row:
        known += 1
        tools = _tools(row["toolConfig"]) if abilities.tools else None
        if tools is None:
            return False
    if len(row) != known or len(messages) < 2 or len(messages) % 2:
        return False
    role = "user"
    for message in messages:
        if type(message) is not dict or len(message) != 2 or message.get("role") != role:
            return False
        content = message.get("content")
        if type(content) is not list or not content:
            return False
        for item in content:
            if type(item) is not dict or len(item) != 1:
                return False
            text = item.get("text")
            if type(text) is str:
                if not text or holds_reserved_word(text):
                    return False
            elif role == "user":
                if tools is None or not tools.answered_by(item.get("toolResult")):
                    return False
            elif not (
                (tools is not None and tools.used_by(item.get("toolUse")))
                or (abilities.reasoning and _plain_reasoning(item.get("reasoningContent")))
            ):
                return False
        role = "assistant" if role == "user" else "user"
    return True


def _tools(config: Any) -> "_Tools | None":
    names = complete_names(config)
    return None if names is None else _Tools(names)


class _Tools:
    """The tools of one row, and which of their uses wait for a result."""

    __slots__ = ("_answered", "_asked", "_names")

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._asked: set[str] = set()
        self._answered: set[str] = set()

    def used_by(self, use: Any) -> bool:
        """Tell a complete use with a new id."""
        if type(use) is not dict or type(use.get("input")) is not dict:
            return False
        key, name = use.get("toolUseId"), use.get("name")
        if type(key) is not str or type(name) is not str or key in self._asked or name not in self._names:
            return False
        self._asked.add(key)
        return bool(key) and not key.isspace()

    def answered_by(self, result: Any) -> bool:
        """Tell a complete result of an earlier use that has none yet."""
        if type(result) is not dict:
            return False
        key, content = result.get("toolUseId"), result.get("content")
        if type(key) is not str or key not in self._asked or key in self._answered:
            return False
        self._answered.add(key)
        if type(content) is not list or not content:
            return False
        return all(_plain_result(item) for item in content)


def _plain_result(item: Any) -> bool:
    if type(item) is not dict or len(item) != 1:
        return False
    text = item.get("text")
    return not holds_reserved_word(text) if type(text) is str else type(item.get("json")) is dict


def plain_system(system: Any) -> bool:
    """Tell a system of one text without reserved words."""
    if type(system) is not list or len(system) != 1 or type(system[0]) is not dict or len(system[0]) != 1:
        return False
    text = system[0].get("text")
    return type(text) is str and bool(text) and not text.isspace() and not holds_reserved_word(text)


def _plain_reasoning(value: Any) -> bool:
    inner = value.get("reasoningText") if type(value) is dict else None
    text = inner.get("text") if type(inner) is dict else None
    return type(text) is str and not holds_reserved_word(text)
