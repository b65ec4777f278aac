"""Write chats as Converse turns."""

from collections import Counter
from typing import Any, NamedTuple

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, as_json
from novaforge.tools.datasets.chats.items import Media, content_items, reasoning_item, tool_config, tool_input
from novaforge.tools.datasets.formats.rules import SCHEMA_VERSION
from novaforge.tools.datasets.rows import JsonRow

SYSTEM_ROLES = ("system", "developer")
MERGED = "messages of one role in a row are items of one turn: Converse alternates"
SYSTEMS_JOINED = "several system messages are joined with a blank line"
RENAMED = "a tool call id that was used before in the chat got a number"
_KNOWN = {
    "role", "content", "tool_calls", "tool_call_id", "function_call", "name", "reasoning", "reasoning_content",
}  # fmt: skip
_NAMED = {"weight", "refusal", "audio", "annotations", "id", "metadata"}


class Calls:
    """The function calls of one chat: ids are unique, and each result answers one call."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}
        """The id a call has in the source, and the one it has in the row, for calls without a result."""
        self.used: set[str] = set()

    def ask(self, given: Any, counts: Counter[str]) -> str:
        """Return the id of a new call."""
        source = given if isinstance(given, str) and given else f"call_{len(self.used) + 1}"
        name, number = source, 2
        while name in self.used:
            name, number = f"{source}-{number}", number + 1
        if name != source and source == given:
            counts[RENAMED] += 1
        self.used.add(name)
        self.open[source] = name
        return name

    def answer(self, given: Any, path: str) -> str:
        """Return the id of the call a result belongs to; without an id it is the oldest open one. Raises BadRowError."""
        source = given if isinstance(given, str) and given else next(iter(self.open), None)
        if source is None or source not in self.open:
            raise BadRowError("a tool result answers no open function call", path)
        return self.open.pop(source)


class Turns(NamedTuple):
    """Converse turns with the system text."""

    system: str
    messages: list[JsonRow]


def turns(chat: Chat, media: Media, counts: Counter[str]) -> Turns:
    """Return the turns of a chat; raises BadRowError for what Converse cannot hold."""
    system: list[str] = []
    found: list[JsonRow] = []
    calls: Calls | None = None
    before = ""
    content: list[JsonRow] = []
    for index, message in enumerate(chat.messages):
        role = message.get("role")
        text = message.get("content")
        if len(message) == 2 and type(text) is str and text and (role == "user" or role == "assistant"):
            items = [{"text": text}]
        elif role in SYSTEM_ROLES:
            _add_system(chat, index, system, early=not found)
            continue
        else:
            calls = calls or Calls()
            try:
                role, items = _items(message, media, calls, counts)
            except BadRowError as problem:
                raise BadRowError(problem.reason, chat.path(index, problem.path)) from problem
        if role == before:
            # Results of parallel calls belong into one turn anyway.
            if not ("toolResult" in items[0] and "toolResult" in content[-1]):
                counts[MERGED] += 1
            content += items
        else:
            content, before = items, role
            found.append({"role": role, "content": content})
    if len(system) > 1:
        counts[SYSTEMS_JOINED] += 1
    return Turns("\n\n".join(system), found)


def converse_row(chat: Chat, system_prompt: str | None, media: Media, counts: Counter[str]) -> JsonRow:
    """Return a Converse row that ends with an assistant turn; raises BadRowError."""
    if chat.reference is not None:
        chat.messages = [*chat.messages, {"role": "assistant", "content": answer_text(chat.reference, counts)}]
    made = turns(chat, media, counts)
    messages = made.messages
    if not messages or messages[0]["role"] != "user":
        raise BadRowError("the chat does not begin with a user's turn", chat.path(chat.shift))
    if messages[-1]["role"] != "assistant":
        raise BadRowError("the chat does not end with an assistant's turn", chat.path(len(chat.messages) - 1))
    return wrap(chat, made, messages, system_prompt, counts)


def answer_text(value: Any, counts: Counter[str]) -> str:
    """Return a reference answer as text; an object becomes JSON text."""
    if isinstance(value, str):
        return value
    counts["a reference answer that is no text is written as JSON text"] += 1
    return as_json(value)


def wrap(chat: Chat, made: Turns, messages: list[JsonRow], system_prompt: str | None, counts: Counter[str]) -> JsonRow:
    """Return messages as a Converse row with system and tools."""
    row: JsonRow = {"schemaVersion": SCHEMA_VERSION}
    system = made.system or system_prompt
    if system:
        row["system"] = [{"text": system}]
    row["messages"] = messages
    if chat.tools:
        row["toolConfig"] = tool_config(chat.tools, counts)
    return row


def _add_system(chat: Chat, index: int, system: list[str], *, early: bool) -> None:
    if not early:
        raise BadRowError("a system message stands after the first turn", chat.path(index))
    text = chat.messages[index].get("content")
    if isinstance(text, list):
        text = "".join(_system_part(part, chat.path(index, ".content")) for part in text)
    if not isinstance(text, str):
        raise BadRowError("a system message is not text", chat.path(index, ".content"))
    # An empty system message says nothing, and Converse takes none.
    if text:
        system.append(text)


def _system_part(part: Any, path: str) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    if not isinstance(text, str):
        raise BadRowError("a system message is not text", path)
    return text


def _items(message: JsonRow, media: Media, calls: Calls, counts: Counter[str]) -> tuple[str, list[JsonRow]]:
    """Return the turn's role and items of a message that is more than plain text; paths of errors begin at the message."""
    role = message.get("role")
    if message.keys() - _KNOWN:
        count_left_out(message, counts)
    if role == "user":
        items = content_items(message.get("content"), media, ".content")
    elif role == "assistant":
        items = assistant_items(message, media, calls, counts)
    elif role in ("tool", "function"):
        return "user", [_result(message, media, calls)]
    else:
        raise BadRowError("the role is none of system, developer, user, assistant, tool, function", ".role")
    if not items or all(item.get("text") == "" for item in items):
        raise BadRowError(f"the {role} message is empty", ".content")
    return role, items


def assistant_items(message: JsonRow, media: Media, calls: Calls, counts: Counter[str]) -> list[JsonRow]:
    """Return reasoning, text and tool uses of an assistant message; raises BadRowError."""
    items: list[JsonRow] = []
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(reasoning, str):
        items.append(reasoning_item(reasoning))
    elif reasoning is not None:
        raise BadRowError("the reasoning is not text", ".reasoning")
    items += content_items(message.get("content"), media, ".content")
    if "tool_calls" in message or "function_call" in message:
        items += [{"toolUse": _use(call, calls, counts)} for call in _calls(message)]
    return items


def _use(call: Any, calls: Calls, counts: Counter[str]) -> JsonRow:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise BadRowError("a tool call is not a function call", ".tool_calls")
    arguments = tool_input(function.get("arguments", {}), ".tool_calls.function.arguments")
    return {"toolUseId": calls.ask(call.get("id"), counts), "name": function.get("name"), "input": arguments}


def _calls(message: JsonRow) -> list[Any]:
    found = message.get("tool_calls")
    if found is None:
        # The older form of one call without an id.
        older = message.get("function_call")
        return [] if older is None else [{"function": older}]
    if not isinstance(found, list):
        raise BadRowError("tool_calls is not a list", ".tool_calls")
    return found


def _result(message: JsonRow, media: Media, calls: Calls) -> JsonRow:
    content = message.get("content")
    if content == "" or content is None:
        inner: list[JsonRow] = [{"text": ""}]
    else:
        inner = content_items(content, media, ".content")
    return {"toolResult": {"toolUseId": calls.answer(message.get("tool_call_id"), ""), "content": inner}}


def count_left_out(message: JsonRow, counts: Counter[str]) -> None:
    """Count the keys of a message that no row has a place for; only names that OpenAI gives are named."""
    for key in message.keys() - _KNOWN:
        if message[key] is not None:
            shown = key if key in _NAMED else "an unknown name"
            counts[f"a message key is left out, the row has no place for it: {shown}"] += 1
