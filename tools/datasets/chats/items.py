"""Turn the parts of OpenAI messages into content items of Converse."""

from collections import Counter
from typing import Any

import orjson

from novaforge.tools.datasets.chats.chat import BadRowError, loss
from novaforge.tools.datasets.media.references import MediaError, image_item
from novaforge.tools.datasets.media.target import MediaTarget
from novaforge.tools.datasets.rows import JsonRow, MediaRef

TEXT_PARTS = ("text", "input_text", "output_text")
_MEDIA_KEYS = {
    "image_url": ("image_url", "image"), "input_image": ("image_url", "image"), "image": ("image", "image"),
    "video_url": ("video_url", "video"), "video": ("video", "video"),
}  # fmt: skip


class MediaPart:
    """A media item that is in Converse's form already; it passes through unchanged."""

    def __init__(self, item: JsonRow) -> None:
        self.item = item


class Media:
    """Collects the media files of one row."""

    def __init__(self, target: MediaTarget) -> None:
        self.target = target
        self.found: list[MediaRef] = []

    def item(self, reference: str, kind: str | None, path: str) -> JsonRow:
        """Return the content item of a reference, whose kind its name tells if nobody else; raises BadRowError."""
        try:
            item, needed = image_item(reference, self.target, kind=kind)
        except MediaError as error:
            raise BadRowError(f"unusable media: {error}", path) from error
        if needed is not None:
            self.found.append(needed)
        return item

    def take(self) -> tuple[MediaRef, ...]:
        """Return what was collected, and forget it."""
        found, self.found = tuple(self.found), []
        return found


def content_items(value: Any, media: Media, path: str) -> list[JsonRow]:
    """Return the items of a message's content: text, or a list of text and media parts; raises BadRowError."""
    if isinstance(value, str):
        return [{"text": value}] if value else []
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRowError("content is neither text nor a list of parts", path)
    return [_part(part, media, f"{path}[{index}]") for index, part in enumerate(value)]


def reasoning_item(text: str) -> JsonRow:
    """Return the item of a reasoning text."""
    return {"reasoningContent": {"reasoningText": {"text": text}}}


def tool_input(arguments: Any, path: str) -> JsonRow:
    """Return the arguments of a call as an object; raises BadRowError."""
    value = arguments
    if isinstance(arguments, str):
        # OpenAI's own models write an empty text for a function without parameters.
        try:
            value = orjson.loads(arguments) if arguments.strip() else {}
        except orjson.JSONDecodeError as error:
            raise BadRowError("the arguments of a function call are not JSON", path) from error
        if arguments.strip() and (reason := loss(arguments, value)):
            raise BadRowError(f"in the arguments of a function call {reason}", path)
    if not isinstance(value, dict):
        raise BadRowError("the arguments of a function call are not an object", path)
    return value


def described(tools: list[JsonRow], counts: Counter[str]) -> list[JsonRow]:
    """Return function specifications with a description each: OpenAI lets it out, AWS's validators want one."""
    found: list[JsonRow] = []
    for tool in tools:
        function = tool.get("function")
        if isinstance(function, dict) and function.get("description") in (None, "") and function.get("name"):
            counts["a tool without a description has its name for one: AWS wants a description"] += 1
            tool = {**tool, "function": {**function, "description": function["name"]}}
        found.append(tool)
    return found


def tool_config(tools: list[JsonRow], counts: Counter[str]) -> JsonRow:
    """Return OpenAI's function specifications as toolConfig; what is incomplete is left to the format's own check."""
    specs: list[JsonRow] = []
    for index, tool in enumerate(described(tools, counts)):
        function = tool.get("function")
        if not isinstance(function, dict):
            raise BadRowError("a tool is not a function", f"$.tools[{index}]")
        spec = {key: function[key] for key in ("name", "description") if key in function}
        # Leaving parameters out means a function without parameters.
        spec["inputSchema"] = {"json": function.get("parameters") or {"type": "object", "properties": {}}}
        if "strict" in function:
            counts["the key strict of a tool is left out: Converse has no place for it"] += 1
        specs.append({"toolSpec": spec})
    return {"tools": specs}


def _part(part: Any, media: Media, path: str) -> JsonRow:
    if isinstance(part, str):
        return {"text": part}
    if isinstance(part, MediaPart):
        return part.item
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in TEXT_PARTS and isinstance(part.get("text"), str):
        return {"text": part["text"]}
    if kind == "media" and isinstance(part.get("media"), str):
        return media.item(part["media"], None, path)
    if kind in _MEDIA_KEYS:
        key, what = _MEDIA_KEYS[kind]
        value = part.get(key)
        reference = value.get("url") if isinstance(value, dict) else value
        if isinstance(reference, str):
            return media.item(reference, what, path)
    raise BadRowError("a content part is neither text nor an image or video reference", path)
