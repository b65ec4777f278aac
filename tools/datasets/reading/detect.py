"""Tell what kind of file something is, by its name and its first bytes."""

from novaforge.guards.errors import RefusedError
from novaforge.tools.datasets.reading.dialect import find_dialect, is_table
from novaforge.tools.datasets.reading.files import SourceFile
from novaforge.tools.datasets.reading.json_layout import JsonLayout, is_json_lines
from novaforge.tools.datasets.reading.layout import Layout
from novaforge.tools.datasets.reading.line_layouts import CsvLayout, JsonlLayout
from novaforge.tools.datasets.reading.names import family_of
from novaforge.tools.datasets.reading.opened import OpenedFile
from novaforge.tools.datasets.reading.signatures import refuse_others

WORKS = (
    "CSV and other delimited text (.csv, .tsv), JSON Lines (.jsonl), JSON (.json), Parquet, Arrow and Feather, Excel and "
    "OpenDocument tables, plain text and Markdown; each also packed with gzip or zstd where it is text"
)


def find_layout(opened: OpenedFile) -> Layout:
    """Return the layout of a file by name, else by content; raises RefusedError for formats that are not read."""
    kind = kind_of(opened)
    if kind == "csv":
        return CsvLayout(opened, find_dialect(opened.head, opened.suffix))
    return JsonlLayout() if kind == "jsonl" else JsonLayout()


def kind_of(opened: OpenedFile) -> str:
    """Return the name of a file's format; raises RefusedError for formats that are not read."""
    refuse_others(opened.uri, opened.magic)
    return _text_kind(opened)


def refuse_other(layout: Layout, opened: OpenedFile, first: SourceFile) -> None:
    """Raise RefusedError when a further file of a source has another format than the first one."""
    kind = kind_of(opened)
    if kind != layout.format:
        message = f"{opened.uri} is {kind}, but {first.uri} is {layout.format}."
        raise RefusedError(message, rule="source-mixed", fix="name files of one format with a pattern")


def _text_kind(opened: OpenedFile) -> str:
    family, head = family_of(opened.uri), opened.head.lstrip()
    if family == "CSV":
        return "csv"
    if family == "JSON Lines":
        return "jsonl"
    if head.startswith(b"{"):
        return "jsonl" if is_json_lines(head) or family not in ("JSON", "") else "json"
    if head.startswith(b"["):
        return "json"
    if b"\0" in opened.head[:4096]:
        raise _not_read(opened.uri, "looks like a binary file")
    if (family == "text" and opened.suffix == ".txt" or not opened.suffix) and is_table(opened.head):
        return "csv"
    if family == "JSON":
        return "json"
    raise _not_read(opened.uri, "is no data by name or content")


def _not_read(uri: str, what: str) -> RefusedError:
    return RefusedError(f"{uri} {what}.", rule="source-format", fix=f"convert it; read are: {WORKS}")
