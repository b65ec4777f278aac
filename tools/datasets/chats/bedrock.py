"""Read Converse rows, DPO rows and logs of Bedrock invocations as chats in OpenAI's form."""

from dataclasses import dataclass
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, as_json, messages_of, parsed
from novaforge.tools.datasets.chats.items import MediaPart
from novaforge.tools.datasets.formats.base import objects
from novaforge.tools.datasets.rows import JsonRow

_MEDIA = ("image", "video", "document")
_NOT_SAID = ("cachePoint", "guardContent")


@dataclass(frozen=True)
class ConverseReader:
    """Reads Converse rows."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        turns = messages_of(row.get("messages"), "$.messages")
        return _chat(row, turns)


@dataclass(frozen=True)
class DpoReader:
    """Reads Converse rows whose last turn holds candidates."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row with both answers; raises BadRowError."""
        *turns, last = messages_of(row.get("messages"), "$.messages")
        pair = {item.get("preferenceLabel"): item for _, item in objects(last.get("candidates"))}
        if set(pair) != {"preferred", "non-preferred"} or len(last["candidates"]) != 2:
            raise BadRowError("the candidates are not one preferred and one non-preferred answer", "$.messages[-1]")
        chat = _chat(row, turns)
        better, worse = (
            _assistant(pair[label].get("content"), "$.messages[-1].candidates")
            for label in ("preferred", "non-preferred")
        )
        chat.messages, chat.rejected = [*chat.messages, *better], worse[0]
        return chat


@dataclass(frozen=True)
class BedrockLogReader:
    """Reads records of model invocation logging: Converse, and InvokeModel with bodies of Nova or Anthropic."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a call; raises BadRowError for a failed call or a body that is not in the record."""
        if row.get("errorCode"):
            raise BadRowError("the call failed", "$.errorCode")
        given = _body(row, "input")
        answer = _body(row, "output")
        turns = messages_of(given.get("messages"), "$.input.inputBodyJson.messages") if "messages" in given else []
        if not turns:
            raise BadRowError("the call was no chat", "$.input.inputBodyJson")
        chat = _chat(given, turns, "$.input.inputBodyJson.messages")
        chat.messages += _assistant(_said(answer), "$.output.outputBodyJson")
        request = row.get("requestId")
        chat.id = request if isinstance(request, str) else ""
        return chat


def _body(row: JsonRow, side: str) -> JsonRow:
    holder = row.get(side)
    if not isinstance(holder, dict):
        raise BadRowError(f"the record has no {side}", f"$.{side}")
    body: Any = holder.get(f"{side}BodyJson")
    path = f"$.{side}.{side}BodyJson"
    if isinstance(body, str):
        body = parsed(body, path)
    if isinstance(body, list):
        return {"stream": body}
    if not isinstance(body, dict):
        stored = f"{side}BodyS3Path" in holder
        raise BadRowError("the body lies in an S3 object of its own" if stored else "the body is not logged", path)
    return body


def _said(body: JsonRow) -> Any:
    """Return the content items of an answer: Converse and Nova's output.message, or Anthropic's content, or a stream."""
    if "stream" in body:
        return [{"text": _streamed(body["stream"])}]
    output = body.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    if isinstance(message, dict):
        return message.get("content")
    if isinstance(body.get("content"), list):
        return body["content"]
    raise BadRowError("the output is neither Converse, Nova nor Anthropic", "$.output.outputBodyJson")


def _streamed(events: list[Any]) -> str:
    """Return the text of streamed events; raises BadRowError when they hold more than text."""
    texts: list[str] = []
    for event in events:
        if not isinstance(event, dict):
            continue
        inner = event.get("contentBlockDelta", event)
        delta = inner.get("delta") if isinstance(inner, dict) else None
        if isinstance(delta, dict) and isinstance(delta.get("text"), str):
            texts.append(delta["text"])
        elif isinstance(delta, dict) and delta.keys() & {"toolUse", "partial_json", "thinking", "reasoningContent"}:
            raise BadRowError("the streamed answer holds more than text", "$.output.outputBodyJson")
    return "".join(texts)


def _chat(row: JsonRow, turns: list[JsonRow], path: str = "$.messages") -> Chat:
    messages: list[JsonRow] = []
    if system := _system(row.get("system")):
        messages.append({"role": "system", "content": system})
    for index, turn in enumerate(turns):
        where = f"{path}[{index}]"
        role, content = turn.get("role"), turn.get("content")
        if role == "assistant":
            messages += _assistant(content, where)
        elif role == "user":
            messages += _user(content, where)
        else:
            raise BadRowError("the role is neither user nor assistant", f"{where}.role")
    chat = Chat(messages, _tools(row), where=path)
    chat.shift = len(messages) - len(turns)
    return chat


def _system(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    items = [item for _, item in objects(value) if not item.keys() & set(_NOT_SAID)]
    if not isinstance(value, list) or not all(isinstance(item.get("text"), str) for item in items):
        raise BadRowError("system is not a list of texts", "$.system")
    return "\n\n".join(item["text"] for item in items)


def _assistant(content: Any, path: str) -> list[JsonRow]:
    """Return an assistant's turn as a message: reasoning, text, calls."""
    message: JsonRow = {"role": "assistant", "content": None}
    texts: list[str] = []
    for item in _items(content, path):
        if isinstance(item.get("text"), str):
            if "tool_calls" in message:
                raise BadRowError("text follows a tool use in one turn, and the order would change", path)
            texts.append(item["text"])
        elif "toolUse" in item or item.get("type") == "tool_use":
            used: Any = item.get("toolUse", item)
            function = {"name": used.get("name"), "arguments": as_json(used.get("input", {}))}
            call = {"id": used.get("toolUseId", used.get("id")), "type": "function", "function": function}
            message.setdefault("tool_calls", []).append(call)
        elif "reasoningContent" in item or item.get("type") == "thinking":
            message["reasoning"] = f"{message.get('reasoning', '')}{_reasoning(item, path)}"
        else:
            raise BadRowError("an assistant's item is neither text, tool use nor reasoning", path)
    if texts:
        message["content"] = texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
    if not texts and len(message) == 2:
        raise BadRowError("the assistant's turn is empty", path)
    return [message]


def _user(content: Any, path: str) -> list[JsonRow]:
    """Return a user's turn as tool messages followed by one of what the user said."""
    results: list[JsonRow] = []
    parts: list[Any] = []
    for item in _items(content, path):
        if isinstance(item.get("text"), str):
            parts.append({"type": "text", "text": item["text"]})
        elif "toolResult" in item or item.get("type") == "tool_result":
            if parts:
                raise BadRowError("a tool result follows text in one turn, and the order would change", path)
            results.append(_result(item, path))
        elif item.keys() & set(_MEDIA):
            parts.append(MediaPart(item))
        else:
            raise BadRowError("a user's item is neither text, media nor a tool result", path)
    if not parts:
        return results
    only = parts[0]["text"] if len(parts) == 1 and type(parts[0]) is dict else parts
    return [*results, {"role": "user", "content": only}]


def _items(content: Any, path: str) -> list[JsonRow]:
    if isinstance(content, str):
        return [{"text": content}]
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise BadRowError("content is not a list of items", f"{path}.content")
    # Cache points say what to keep for the next call, nothing about the chat.
    return [item for item in content if "cachePoint" not in item]


def _reasoning(item: JsonRow, path: str) -> str:
    inner: Any = item.get("reasoningContent")
    text = inner.get("reasoningText") if isinstance(inner, dict) else None
    found = text.get("text") if isinstance(text, dict) else item.get("thinking")
    if not isinstance(found, str):
        raise BadRowError("the reasoning is no text", path)
    return found


def _result(item: JsonRow, path: str) -> JsonRow:
    used: Any = item.get("toolResult", item)
    content = used.get("content")
    texts = [content] if isinstance(content, str) else []
    for _, part in objects(content):
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif "json" in part:
            texts.append(as_json(part["json"]))
        else:
            raise BadRowError("a tool result holds more than text and JSON", path)
    found: Any = texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
    return {"role": "tool", "tool_call_id": used.get("toolUseId", used.get("tool_use_id")), "content": found or ""}


def _tools(row: JsonRow) -> list[JsonRow] | None:
    config = row.get("toolConfig")
    listed = config.get("tools") if isinstance(config, dict) else row.get("tools")
    found = [_function(tool) for _, tool in objects(listed) if "cachePoint" not in tool]
    return found or None


def _function(tool: JsonRow) -> JsonRow:
    spec: Any = tool.get("toolSpec", tool)
    schema: Any = spec.get("inputSchema", spec.get("input_schema")) if isinstance(spec, dict) else None
    if not isinstance(schema, dict):
        raise BadRowError("a tool is not a function", "$.toolConfig")
    function = {key: spec[key] for key in ("name", "description") if key in spec}
    return {"type": "function", "function": function | {"parameters": schema.get("json", schema)}}
