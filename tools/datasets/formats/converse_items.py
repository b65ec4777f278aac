"""Checks of single content items of Converse messages."""

import re
from typing import Any

from novaforge.tools.datasets.formats.base import all_objects, blank
from novaforge.tools.datasets.formats.rules import DOCUMENT_FORMATS, IMAGE_FORMATS, VIDEO_FORMATS
from novaforge.tools.datasets.rows import Hit, JsonRow

_FORMATS = {"image": IMAGE_FORMATS, "video": VIDEO_FORMATS, "document": DOCUMENT_FORMATS}
_KINDS = {"text", "reasoningContent", "toolUse", "toolResult", *_FORMATS}
_URI = re.compile(r"s3://[A-Za-z0-9_\-/.]+")
"""The characters AWS's validator takes in a media URI (facts: SDK validation of s3Location.uri)."""


def check_item(item: JsonRow, role: str, path: str) -> list[Hit]:
    """Return every rule one content item breaks in a turn of the given role."""
    kinds = item.keys() & _KINDS
    hits: list[Hit] = []
    if not kinds or {"toolUse", "toolResult"} <= kinds:
        hits.append(Hit("DA3-content", path))
    if item.keys() - _KINDS:
        hits.append(Hit("DA1-key", path))
    if "text" in item and not isinstance(item["text"], str):
        hits.append(Hit("DA3-text", f"{path}.text"))
    for kind in sorted(kinds & _FORMATS.keys()):
        hits += _media(item[kind], kind, role, f"{path}.{kind}")
    if "reasoningContent" in item:
        hits += _reasoning(item["reasoningContent"], role, f"{path}.reasoningContent")
    if "toolUse" in item:
        hits += _tool_use(item["toolUse"], role, f"{path}.toolUse")
    if "toolResult" in item:
        hits += _tool_result(item["toolResult"], role, f"{path}.toolResult")
    return hits


def media_uri(item: JsonRow) -> tuple[str, str] | None:
    """Return kind and URI of a media item, or None."""
    for kind in _FORMATS:
        value: Any = item.get(kind)
        for key in ("source", "s3Location", "uri"):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str):
            return kind, value
    return None


def _media(value: Any, kind: str, role: str, path: str) -> list[Hit]:
    hits = [] if role == "user" else [Hit("DA5-place", path)]
    if not isinstance(value, dict):
        return [*hits, Hit("DA8-source", path)]
    if value.get("format") not in _FORMATS[kind]:
        hits.append(Hit("DA8-format", f"{path}.format"))
    source = value.get("source")
    location = source.get("s3Location") if isinstance(source, dict) else None
    if not isinstance(location, dict) or blank(location.get("bucketOwner")) or not _plain_uri(location.get("uri")):
        hits.append(Hit("DA8-source", f"{path}.source"))
    return hits


def _plain_uri(value: Any) -> bool:
    return isinstance(value, str) and _URI.fullmatch(value) is not None


def _reasoning(value: Any, role: str, path: str) -> list[Hit]:
    inner = value.get("reasoningText") if isinstance(value, dict) else None
    good = role == "assistant" and isinstance(inner, dict) and isinstance(inner.get("text"), str)
    return [] if good else [Hit("RE4", path)]


def _tool_use(value: Any, role: str, path: str) -> list[Hit]:
    hits = [] if role == "assistant" else [Hit("DA4-place", path)]
    if (
        not isinstance(value, dict)
        or blank(value.get("toolUseId"))
        or blank(value.get("name"))
        or not isinstance(value.get("input"), dict)
    ):
        hits.append(Hit("DA4-use", path))
    return hits


def _tool_result(value: Any, role: str, path: str) -> list[Hit]:
    hits = [] if role == "user" else [Hit("DA4-place", path)]
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(value, dict) or blank(value.get("toolUseId")) or not content or not all_objects(content):
        return [*hits, Hit("DA4-result", path)]
    for index, item in enumerate(content):
        if not _result_item(item):
            hits.append(Hit("DA4-result", f"{path}.content[{index}]"))
    return hits


def _result_item(item: JsonRow) -> bool:
    if ("text" in item) == ("json" in item):
        return False
    return isinstance(item.get("text", ""), str) and isinstance(item.get("json", {}), dict)
