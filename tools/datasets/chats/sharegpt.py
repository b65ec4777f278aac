"""Read ShareGPT conversations: turns with from and value, function calls and observations, tools as JSON text."""

from dataclasses import dataclass
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, messages_of, parsed, tools_of
from novaforge.tools.datasets.rows import JsonRow

_ROLES = {
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant",
    "bot": "assistant", "model": "assistant", "system": "system", "function_call": "call", "tool_call": "call",
    "observation": "tool", "tool": "tool", "function_response": "tool", "tool_response": "tool",
}  # fmt: skip


@dataclass(frozen=True)
class ShareGptReader:
    """Reads conversations below the key they have."""

    conversations: str = "conversations"

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        path = f"$.{self.conversations}" if self.conversations == "conversations" else "$[conversations]"
        turns = messages_of(row.get(self.conversations), path)
        chat = Chat(messages(turns, path), where=path)
        chat.tools = tools_of(row.get("tools"))
        system = row.get("system")
        if isinstance(system, str) and system:
            chat.messages.insert(0, {"role": "system", "content": system})
            chat.shift = 1
        given = row.get("id")
        chat.id = given if isinstance(given, str) else ""
        return chat


def messages(turns: list[JsonRow], path: str) -> list[JsonRow]:
    """Return ShareGPT turns as messages in OpenAI's form; raises BadRowError.

    Calls have no ids there: they get numbers, and observations answer them in their order.
    """
    found: list[JsonRow] = []
    waiting: list[str] = []
    asked = 0
    for index, turn in enumerate(turns):
        name, value = turn.get("from"), turn.get("value")
        role = _ROLES.get(name) if type(name) is str else None
        if type(value) is not str or role is None or role == "call":
            made = message(turn, f"{path}[{index}]")
            for call in made.get("tool_calls", ()) if role == "call" else ():
                asked += 1
                call["id"] = f"call_{asked}"
                waiting.append(call["id"])
            found.append(made)
        elif role == "tool" and waiting:
            found.append({"role": role, "tool_call_id": waiting.pop(0), "content": value})
        else:
            found.append({"role": role, "content": value})
    return found


def message(turn: JsonRow, path: str) -> JsonRow:
    """Return a ShareGPT turn as a message in OpenAI's form; raises BadRowError."""
    if "from" not in turn and "role" in turn:
        return turn
    name, value = turn.get("from"), turn.get("value")
    role = _ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise BadRowError("from is none of human, gpt, system, function_call, observation, tool", f"{path}.from")
    if role == "call":
        return {"role": "assistant", "tool_calls": _calls(value, f"{path}.value")}
    if not isinstance(value, str):
        raise BadRowError("value is not text", f"{path}.value")
    return {"role": role, "content": value}


def _calls(value: Any, path: str) -> list[JsonRow]:
    found = parsed(value, path) if isinstance(value, str) else value
    calls = found if isinstance(found, list) else [found]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        raise BadRowError("a function call is not an object with a name", path)
    return [
        {"type": "function", "function": {"name": call["name"], "arguments": call.get("arguments", {})}}
        for call in calls
    ]
