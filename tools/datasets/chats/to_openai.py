"""Write chats as rows that hold OpenAI-style messages: RFT of one turn, prompts of multi-turn RFT."""

from collections import Counter
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, as_json
from novaforge.tools.datasets.chats.items import TEXT_PARTS, described
from novaforge.tools.datasets.chats.to_converse import SYSTEM_ROLES, Calls, count_left_out
from novaforge.tools.datasets.rows import JsonRow

REASONING = "reasoning is left out: the rows have no place for it"
_PLAIN = {"role", "content"}


def rft_row(chat: Chat, system_prompt: str | None, row_id: str, counts: Counter[str]) -> JsonRow:
    """Return an RFT row: the turns before the last answer as messages, that answer as reference; raises BadRowError."""
    prompt, answer = cut(chat, counts)
    if answer is None:
        raise BadRowError("there is no answer to take as reference", chat.path(len(chat.messages) - 1))
    row: JsonRow = {"id": row_id, "messages": messages(chat, prompt, system_prompt, counts), "reference_answer": answer}
    if chat.tools:
        row["tools"] = described(chat.tools, counts)
    if chat.metadata is not None:
        row["metadata"] = chat.metadata
    return row


def multiturn_row(chat: Chat, system_prompt: str | None, row_id: str, counts: Counter[str], *, nested: bool) -> JsonRow:
    """Return a row of multi-turn RFT, nested below metadata or flat; raises BadRowError."""
    prompt, answer = cut(chat, counts)
    if chat.tools:
        raise BadRowError("the rows have no place for tools; the environment defines them", "$.tools")
    found = [_as_system(message) for message in messages(chat, prompt, system_prompt, counts)]
    alone = len(found) == 1 and found[0].get("role") == "user" and isinstance(found[0].get("content"), str)
    if not nested and not alone:
        raise BadRowError("the prompt is more than one text, and flat rows hold a text", chat.where)
    inner: JsonRow = {"prompt": found[0]["content"] if alone else found}
    for key, value in (("answer", answer), ("task", chat.task), ("info", chat.info)):
        if value is not None:
            inner[key] = value
    if isinstance(answer, dict):
        inner["answer"] = as_json(answer)
    return {"id": row_id, "metadata": inner} if nested else {"id": row_id, **inner}


def _as_system(message: JsonRow) -> JsonRow:
    """Return a developer's message as a system message, which it stands for; these rows know no developer."""
    return {**message, "role": "system"} if message.get("role") == "developer" else message


def cut(chat: Chat, counts: Counter[str]) -> tuple[list[JsonRow], Any]:
    """Return the messages of the prompt, and the wanted answer: text, an object with calls, or None."""
    if chat.reference is not None:
        return chat.messages, chat.reference
    last = chat.messages[-1]
    if last.get("role") != "assistant":
        return chat.messages, None
    return chat.messages[:-1], _answer(last, chat.path(len(chat.messages) - 1), counts)


def messages(chat: Chat, found: list[JsonRow], system_prompt: str | None, counts: Counter[str]) -> list[JsonRow]:
    """Return messages with the keys and roles RFT rows have; raises BadRowError."""
    if not found:
        raise BadRowError("there is no prompt before the answer", chat.where)
    for index, message in enumerate(found):
        if type(message.get("content")) is list:
            _refuse_media(message["content"], chat.path(index, ".content"))
    calls = Calls()
    written = [
        message if message.keys() <= _PLAIN else _calling(chat, index, calls, counts)
        for index, message in enumerate(found)
    ]
    systems = sum(message.get("role") in SYSTEM_ROLES for message in found)
    if systems == 0 and system_prompt is not None:
        return [{"role": "system", "content": system_prompt}, *written]
    return written


def plain_text(content: Any, path: str) -> str:
    """Return the text of a message's content; raises BadRowError when there is more than text in it."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts: list[str] = []
    for part in parts:
        known = isinstance(part, dict) and part.get("type", "text") in TEXT_PARTS
        if not known or not isinstance(part.get("text"), str):
            raise BadRowError("the content holds more than text", path)
        texts.append(part["text"])
    return "\n".join(texts)


def _refuse_media(parts: list[Any], path: str) -> None:
    for index, part in enumerate(parts):
        if not isinstance(part, dict) or part.get("type") not in TEXT_PARTS:
            raise BadRowError("the prompt holds more than text, and these rows hold text only", f"{path}[{index}]")


def _answer(message: JsonRow, path: str, counts: Counter[str]) -> Any:
    if message.get("reasoning") or message.get("reasoning_content"):
        counts[REASONING] += 1
    content = message.get("content")
    calls = message.get("tool_calls") or (
        [{"function": message["function_call"]}] if "function_call" in message else []
    )
    if not calls:
        text = plain_text(content, f"{path}.content")
        if not text or text.isspace():
            raise BadRowError("the last answer is empty", f"{path}.content")
        return text
    counts["an answer that is a function call is a reference answer {tool_calls: [{name, arguments}]}"] += 1
    asked = [call.get("function") if isinstance(call, dict) else None for call in calls]
    if not all(isinstance(function, dict) for function in asked):
        raise BadRowError("a tool call is not a function call", f"{path}.tool_calls")
    return ({"content": content} if content else {}) | {"tool_calls": asked}


def _calling(chat: Chat, index: int, calls: Calls, counts: Counter[str]) -> JsonRow:
    """Return a message that has more than role and content, with ids for its calls."""
    message, path = chat.messages[index], chat.path(index)
    count_left_out(message, counts)
    if message.get("reasoning") or message.get("reasoning_content"):
        counts[REASONING] += 1
    written: JsonRow = {"role": message.get("role"), "content": message.get("content")}
    if message.get("role") in ("tool", "function"):
        written["role"] = "tool"
        written["tool_call_id"] = calls.answer(message.get("tool_call_id"), path)
        return written
    asked = message.get("tool_calls")
    if asked is None and "function_call" in message:
        asked = [{"type": "function", "function": message["function_call"]}]
    if isinstance(asked, list) and asked:
        written["tool_calls"] = [_call(call, calls, counts, f"{path}.tool_calls") for call in asked]
        if written["content"] is None:
            del written["content"]
    return written


def _call(call: Any, calls: Calls, counts: Counter[str], path: str) -> JsonRow:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise BadRowError("a tool call is not a function call", path)
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        function = {**function, "arguments": as_json(arguments if arguments is not None else {})}
    return {"id": calls.ask(call.get("id"), counts), "type": "function", "function": function}
