"""Find the media a row refers to, in Converse and gen_qa rows."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from novaforge.tools.datasets.formats.base import objects
from novaforge.tools.datasets.rows import JsonRow

_KINDS = ("image", "video", "document")


class MediaItem(NamedTuple):
    """One media reference of a row: its kind, the format and owner the row says, its URI and its JSON path."""

    kind: str
    format: str
    uri: str
    owner: str
    path: str


def media_items(row: JsonRow) -> Iterator[MediaItem]:
    """Yield the media references of a row; what is no reference by shape is left to the checks of the format."""
    messages = row.get("messages")
    if isinstance(messages, list):
        for index, message in enumerate(messages):
            content = message.get("content") if isinstance(message, dict) else None
            if isinstance(content, list):
                yield from _content(content, index)
    if "images" in row:
        yield from _images(row["images"])


def _content(content: list[Any], index: int) -> Iterator[MediaItem]:
    for place, item in enumerate(content):
        # Nearly every item is text alone; nothing is made for it.
        if isinstance(item, dict) and not (len(item) == 1 and "text" in item):
            for kind in _KINDS:
                if kind in item and (
                    found := _located(kind, item[kind], f"$.messages[{index}].content[{place}].{kind}")
                ):
                    yield found


def _located(kind: str, value: Any, path: str) -> MediaItem | None:
    location = _inner(_inner(value, "source"), "s3Location")
    uri = _inner(location, "uri")
    if not isinstance(uri, str):
        return None
    return MediaItem(kind, _text(_inner(value, "format")), uri, _text(_inner(location, "bucketOwner")), path)


def _inner(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _images(value: Any) -> Iterator[MediaItem]:
    for index, item in objects(value):
        uri = item.get("data")
        if isinstance(uri, str):
            yield MediaItem("image", "", uri, "", f"$.images[{index}].data")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
