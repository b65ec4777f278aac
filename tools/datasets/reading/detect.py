"""Tell what kind of file something is, by its name and its first bytes."""

from novaforge.guards.errors import RefusedError
from novaforge.tools.datasets.reading.columnar import ColumnarLayout
from novaforge.tools.datasets.reading.dialect import find_dialect, is_table
from novaforge.tools.datasets.reading.excel import ExcelLayout
from novaforge.tools.datasets.reading.files import SourceFile
from novaforge.tools.datasets.reading.json_layout import JsonLayout, is_json_lines
from novaforge.tools.datasets.reading.layout import Layout
from novaforge.tools.datasets.reading.line_layouts import CsvLayout, JsonlLayout
from novaforge.tools.datasets.reading.names import family_of
from novaforge.tools.datasets.reading.opened import OpenedFile
from novaforge.tools.datasets.reading.signatures import refuse_others
from novaforge.tools.datasets.reading.text_layout import TextLayout

WORKS = (
    "CSV and other delimited text (.csv, .tsv), JSON Lines (.jsonl), JSON (.json), Parquet, Arrow and Feather, Excel and "
    "OpenDocument tables, plain text and Markdown; each also packed with gzip or zstd where it is text"
)
_STREAM = b"\xff\xff\xff\xff"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IN_WORKBOOKS = (b"[Content_Types].xml", b"xl/", b"application/vnd.oasis.opendocument.spreadsheet")


def find_layout(opened: OpenedFile) -> Layout:
    """Return the layout of a file by name, else by content; raises RefusedError for formats that are not read."""
    kind = kind_of(opened)
    if kind == "csv":
        return CsvLayout(opened, find_dialect(opened.head, opened.suffix))
    if kind == "excel":
        return ExcelLayout(opened)
    if kind in ("parquet", "arrow"):
        return ColumnarLayout(kind)
    if kind == "jsonl":
        return JsonlLayout(opened.head)
    return JsonLayout() if kind == "json" else TextLayout()


def kind_of(opened: OpenedFile) -> str:
    """Return the name of a file's format; raises RefusedError for formats that are not read."""
    binary = _binary_kind(opened)
    if not binary:
        refuse_others(opened.uri, opened.magic)
    return binary or _text_kind(opened)


def refuse_other(layout: Layout, opened: OpenedFile, first: SourceFile) -> None:
    """Raise RefusedError when a further file of a source has another format than the first one."""
    kind = kind_of(opened)
    if kind != layout.format:
        message = f"{opened.uri} is {kind}, but {first.uri} is {layout.format}."
        raise RefusedError(message, rule="source-mixed", fix="name files of one format with a pattern")


def _binary_kind(opened: OpenedFile) -> str:
    magic, family = opened.magic, family_of(opened.uri)
    if magic.startswith(b"PAR1"):
        return "parquet"
    if magic.startswith((b"ARROW1", _STREAM)) or (family == "Arrow" and not magic.startswith(b"FEA1")):
        return "arrow"
    zipped = magic.startswith(b"PK\x03\x04") and (family == "Excel" or any(name in magic for name in _IN_WORKBOOKS))
    return "excel" if zipped or magic.startswith(_OLE) else ""


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
    if ((family == "text" and opened.suffix == ".txt") or not opened.suffix) and is_table(opened.head):
        return "csv"
    if family == "JSON":
        return "json"
    if family == "text":
        return "text"
    raise _not_read(opened.uri, "is no data by name or content")


def _not_read(uri: str, what: str) -> RefusedError:
    return RefusedError(f"{uri} {what}.", rule="source-format", fix=f"convert it; read are: {WORKS}")
