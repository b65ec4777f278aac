"""Tell what kind of file something is, by its name and its first bytes."""

from pathlib import PurePosixPath

from novaforge.guards.errors import RefusedError
from novaforge.tools.datasets.reading.dialect import find_dialect
from novaforge.tools.datasets.reading.layout import Layout
from novaforge.tools.datasets.reading.line_layouts import CsvLayout, JsonlLayout
from novaforge.tools.datasets.reading.opened import OpenedFile

_TABLES = {".csv", ".tsv", ".tab", ".psv"}
_JSON_LINES = {".jsonl", ".ndjson"}
_SIGNATURES = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip or Excel",
}
WORKS = "CSV (.csv) and JSON Lines (.jsonl), uncompressed, one file at a time"


def find_layout(opened: OpenedFile) -> Layout:
    """Return the layout of a file by name, else by content; raises RefusedError for formats that are not read."""
    uri, head = opened.uri, opened.head
    named = next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), "")
    text = head.lstrip()
    suffix = PurePosixPath(uri).suffix.lower()
    if not named and text.startswith(b"[") and suffix not in _TABLES:
        named = "a JSON array"
    if not named and b"\0" in head[:4096] and suffix not in _TABLES | _JSON_LINES:
        named = "a binary file"
    if named:
        raise _not_read(uri, f"looks like {named}")
    if suffix in _JSON_LINES or (suffix not in _TABLES and text.startswith(b"{")):
        return JsonlLayout()
    if suffix in _TABLES or (suffix in {"", ".txt"} and _like_a_header(text.split(b"\n", 1)[0])):
        return CsvLayout(opened, find_dialect(head, suffix))
    raise _not_read(uri, "is neither CSV nor JSON Lines by name or content")


def _like_a_header(line: bytes) -> bool:
    """Tell a line of several short, different names from a line of prose with commas."""
    names = [name.strip() for name in line.split(b",")]
    return len(names) > 1 and len(set(names)) == len(names) and all(0 < len(name) <= 40 for name in names)


def _not_read(uri: str, what: str) -> RefusedError:
    return RefusedError(f"{uri} {what}. Read now: {WORKS}.", rule="source-format", fix="convert it to CSV or JSONL")
