"""The straight way for most chats: texts of user and assistant by turns, without tools, media or reasoning."""

from typing import Any, NamedTuple

from novaforge.tools.datasets.formats.rules import RESERVED_WORDS, SCHEMA_VERSION
from novaforge.tools.datasets.rows import JsonRow

_BEFORE_COLON = tuple(word.removesuffix(":") for word in RESERVED_WORDS if word.endswith(":"))
_OTHER = tuple(word for word in RESERVED_WORDS if word.startswith("<"))


class PlainRow(NamedTuple):
    """A Converse row with what is asked and answered in it."""

    row: JsonRow
    prompt: str
    answer: str


def plain_row(messages: Any, system_prompt: str | None) -> PlainRow | None:
    """Return the Converse row of messages that are plain texts by turns and break no rule.

    None for all others, which go the long way; a test compares both ways.
    """
    if type(messages) is not list:
        return None
    system, wanted = "", "user"
    turns: list[JsonRow] = []
    asked: list[str] = []
    text: Any = ""
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return None
        role, text = message.get("role"), message.get("content")
        if type(text) is not str or not text or _suspicious(text):
            return None
        if role == wanted:
            turns.append({"role": role, "content": [{"text": text}]})
            if role == "user":
                asked.append(text)
                wanted = "assistant"
            else:
                wanted = "user"
        elif (role == "system" or role == "developer") and not turns and not system:
            system = text
        else:
            return None
    if not turns or (system.isspace() if system else _suspicious(system_prompt or "")) or wanted != "user":
        return None
    row: JsonRow = {"schemaVersion": SCHEMA_VERSION}
    if system or system_prompt:
        row["system"] = [{"text": system or system_prompt}]
    row["messages"] = turns
    return PlainRow(row, asked[0] if len(asked) == 1 else "\n".join(asked), text)


def _suspicious(text: str) -> bool:
    """Tell a text that may hold one of the reserved words; wrong only in the direction that costs time."""
    if ":" in text:
        for piece in text.split(":")[:-1]:
            if piece.endswith(_BEFORE_COLON):
                return True
    return ("<" in text and any(word in text for word in _OTHER)) or "[EOS]" in text
