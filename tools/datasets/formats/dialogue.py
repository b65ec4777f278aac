"""OpenAI-style messages as rows for RFT hold them: who may say what, and the texts in them."""

from typing import Any

from novaforge.tools.datasets.formats.base import all_objects, blank, objects
from novaforge.tools.datasets.rows import Hit, JsonRow


def is_text(value: Any) -> bool:
    """Tell a text with something in it, or a non-empty list of text parts."""
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    return (
        all_objects(value)
        and bool(value)
        and all(part.get("type") == "text" and isinstance(part.get("text"), str) for part in value)
    )


def complete_call(call: Any) -> bool:
    """Tell a call with id, type "function", and a function's name and arguments."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or call.get("type") != "function" or blank(call.get("id")):
        return False
    return not blank(function.get("name")) and isinstance(function.get("arguments"), str | dict)


def message_texts(message: JsonRow) -> list[str]:
    """Return the texts of one message."""
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [part["text"] for _, part in objects(content) if isinstance(part.get("text"), str)]


def role_texts(messages: Any, role: str) -> list[str]:
    """Return the texts of the messages of one role."""
    found: list[str] = []
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == role:
            found += message_texts(message)
    return found


def unpaired_calls(messages: list[JsonRow], path: str, rule: str) -> list[Hit]:
    """Check that each tool message answers an earlier call once, and that no id of a call is used twice."""
    asked: set[str] = set()
    answered: set[str] = set()
    hits: list[Hit] = []
    for index, message in enumerate(messages):
        for place, call in objects(message.get("tool_calls")):
            key = call.get("id")
            if isinstance(key, str):
                if key in asked:
                    hits.append(Hit(rule, f"{path}[{index}].tool_calls[{place}].id"))
                asked.add(key)
        key = message.get("tool_call_id")
        if message.get("role") == "tool" and isinstance(key, str):
            if key not in asked or key in answered:
                hits.append(Hit(rule, f"{path}[{index}].tool_call_id"))
            answered.add(key)
    return hits
