"""Read chats in OpenAI's form: messages with roles, tools beside them, perhaps a reference answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, messages_of, tools_of
from novaforge.tools.datasets.rows import JsonRow

Reader = Callable[[JsonRow], Chat]
"""Turns a record into a chat; picklable. Raises BadRowError."""


@dataclass(frozen=True)
class OpenAiReader:
    """Reads messages and tools below the keys they have; `answers` are the keys that make up the reference answer."""

    messages: str = "messages"
    tools: str = "tools"
    system: str = ""
    answers: tuple[str, ...] = ()
    id: str = "id"
    metadata: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but messages and tools is read."""
        return self.tools == "tools" and not (self.system or self.answers or self.metadata)

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        value = row.get(self.messages)
        path = f"$.{self.messages}" if self.messages == "messages" else "$[messages]"
        messages = value if type(value) is list and value and type(value[0]) is dict else messages_of(value, path)
        for index, message in enumerate(messages):
            if type(message) is not dict:
                raise BadRowError("a message is not an object", f"{path}[{index}]")
        chat = Chat(messages, where=path)
        if self.tools in row:
            chat.tools = tools_of(row[self.tools])
        elif "functions" in row:
            chat.tools = tools_of(row["functions"], "$.functions")
        if self.system and isinstance(row.get(self.system), str) and row[self.system]:
            chat.messages = [{"role": "system", "content": row[self.system]}, *messages]
            chat.shift = 1
        if self.answers:
            chat.reference = self._reference(row)
        given = row.get(self.id)
        chat.id = given if isinstance(given, str) else ""
        if self.metadata:
            chat.metadata = row.get(self.metadata)
        return chat

    def _reference(self, row: JsonRow) -> Any:
        """Return the one answer as it is, or several as an object; a number becomes text."""
        first, *others = self.answers
        if others:
            return {key: row[key] for key in self.answers if key in row}
        value = row.get(first)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int):
            return str(value)
        if value is None or value == "":
            raise BadRowError("the reference answer is missing or empty", "$[answer]")
        if not isinstance(value, str | dict):
            return {first: value}
        return value
