"""What a reader yields: rows with their line, and rejects with their reason."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

ROW_BYTES = 1_000_000
"""The longest row that is read or written, in bytes; our own limit, so that one bad row cannot fill the memory."""
MEDIA_ROW_BYTES = 14_000_000
"""The longest line of JSON that is read when media stand in it as data: URIs: 10 MB of them in base64. They leave the row."""

EMPTY_LINE = "empty line"
NOT_UTF8 = "not UTF-8"
TOO_LARGE = "row over 1 MB"
BAD_JSON = "not JSON"
NOT_AN_OBJECT = "not a JSON object"
DUPLICATE_KEY = "the same key twice in one JSON object"
BIG_NUMBER = "number beyond 64 bits"
TOO_DEEP = "nested too deeply"
NO_JSON_VALUE = "value that JSON cannot hold"
BAD_CSV = "malformed CSV"
TOO_FEW_CELLS = "fewer cells than the header"
TOO_MANY_CELLS = "more cells than the header"
FILTERED = "filter "
"""Begins the reason of a row that a filter left out, before the filter's name."""

JsonRow: TypeAlias = dict[str, Any]
"""One JSON object of a dataset."""

Record: TypeAlias = list[str] | JsonRow
"""One row as read: the cells of a table row, or a JSON object."""


class Line(NamedTuple):
    """One readable row: its first physical line (1-based), its content, and its bytes where it was one JSON line."""

    number: int
    record: Record
    raw: bytes


class Reject(NamedTuple):
    """One row that cannot be used: its first physical line, why, a detail that never quotes the row, and its last line.

    `last` is 0 for a row of one line. A quote that is never closed makes one row of all lines below it.
    """

    line: int
    reason: str
    detail: str = ""
    last: int = 0

    @property
    def lines(self) -> int:
        """How many physical lines the row takes."""
        return max(1, self.last - self.line + 1)


OnReject = Callable[[Reject], None]
"""Told about each row that is left out; nothing is left out without it."""


class Hit(NamedTuple):
    """A place in a row that breaks a rule; the path names keys of the format only, never the row's content."""

    rule: str
    path: str = "$"


class MediaRef(NamedTuple):
    """A media file a row needs in the data's bucket: its kind, where it is now, and the name it gets below the target.

    `source` is an s3://, http(s):// or local reference; `data` holds the bytes instead when the row carried them itself.
    """

    kind: str
    source: str
    name: str
    data: bytes = b""


class Finished(NamedTuple):
    """A row ready to be written: its bytes, content, query and answer as text, the rules it breaks, the media it needs.

    `group` keeps rows together in a split; empty means the query does.
    """

    data: bytes
    row: JsonRow
    prompt: str
    answer: str
    hits: list[Hit]
    media: tuple[MediaRef, ...] = ()
    group: str = ""


def media_inside(line: bytes) -> bool:
    """Tell a line of JSON that is longer than a row because media stand in it, and still not too long to be read."""
    return len(line) <= MEDIA_ROW_BYTES and b'"data:' in line and b";base64," in line
