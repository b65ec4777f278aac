"""Files with rows in lines: delimited tables and JSON Lines."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import chain

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.csv_rows import COMMA, CsvDecoder, Dialect
from novaforge.tools.datasets.reading.dialect import DELIMITERS
from novaforge.tools.datasets.reading.encoding import conversion, guess_single_byte
from novaforge.tools.datasets.reading.jsonl_rows import JsonlDecoder
from novaforge.tools.datasets.reading.lines import cut, forget, line_end
from novaforge.tools.datasets.reading.opened import OpenedFile
from novaforge.tools.datasets.rows import MEDIA_ROW_BYTES, ROW_BYTES

_INVOCATION = re.compile(rb'"schemaType"\s*:\s*"ModelInvocationLog"')
_LOOKED_AT = 64 * 1024


class JsonlLayout:
    """One JSON object per line."""

    format = "jsonl"
    is_text = True
    columns: list[str] | None = None
    delimiter = ""

    def __init__(self, head: bytes = b"") -> None:
        self.decoder = JsonlDecoder()
        self._bedrock = _INVOCATION.search(head[:_LOOKED_AT]) is not None

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield whole lines."""
        return cut(opened.blocks, opened.uri, index, 1, line_end, forget, MEDIA_ROW_BYTES)

    def notes(self) -> list[Finding]:
        """Return whether the rows are records of model invocations."""
        message = "the rows are records of Bedrock model invocation logging"
        return [Finding(rule="source-bedrock", severity="info", message=message)] if self._bedrock else []


class CsvLayout:
    """A table with a header."""

    format = "csv"
    is_text = True

    def __init__(self, opened: OpenedFile, dialect: Dialect) -> None:
        self._dialect = dialect
        self.delimiter = dialect.delimiter
        header = _Header(opened, dialect)
        self._first: tuple[OpenedFile, _Header] | None = (opened, header)
        self.columns: list[str] = header.names
        self.decoder = CsvDecoder(len(header.names), dialect)

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield whole rows after the header; raises InputError when the header is another one."""
        header = self._first[1] if self._first and self._first[0] is opened else _Header(opened, self._dialect)
        self._first = None
        refuse_difference(self.columns, header.names, opened.uri)
        rest = chain([header.rest], opened.blocks)
        return cut(rest, opened.uri, index, header.lines + 1, self._dialect.row_end, self._dialect.shrink)

    def notes(self) -> list[Finding]:
        """Return what was found to stand between cells, unless it is commas."""
        if self._dialect == COMMA:
            return []
        quotes = "" if self._dialect.quoted else "; quotes are read as text, since no row uses them around cells"
        message = f"cells are separated by {DELIMITERS[self.delimiter]}s{quotes}"
        return [Finding(rule="source-delimiter", severity="info", message=message)]


def refuse_difference(wanted: list[str], names: list[str], uri: str) -> None:
    """Raise InputError when the header of a further file is not that of the first."""
    if names == wanted:
        return
    missing = [name for name in wanted if name not in names]
    further = [name for name in names if name not in wanted]
    said = [f"it lacks {_shown(missing)}"] if missing else []
    said += [f"it has also {_shown(further)}"] if further else []
    message = f"The header of {uri} is not that of the first file: {', '.join(said) or 'the order differs'}."
    raise InputError(message, field="source", value=uri, fix="give files with the same columns in the same order")


def refuse_duplicates(names: list[str], uri: str) -> None:
    """Raise InputError for a header with the same name twice."""
    if len(set(names)) == len(names):
        return
    twice = sorted({name for name in names if names.count(name) > 1})
    message = f"{uri} has columns of the same name: {_shown(twice)}."
    raise InputError(message, field="source", value=uri, fix="rename them in the header")


class _Header:
    """The first row of a table, the lines it takes with blank ones before it, and what follows it in the first blocks."""

    def __init__(self, opened: OpenedFile, dialect: Dialect) -> None:
        self._uri = opened.uri
        data = _first_row(opened.blocks, dialect)
        text = data.decode("utf-8", "surrogateescape")
        reader = dialect.reader(StringIO(text, newline="\n"))
        try:
            names = next((cells for cells in reader if cells), None)
        except csv.Error as error:
            if len(data) > ROW_BYTES and ("unexpected end" in str(error) or "field limit" in str(error)):
                raise self._unusable("has a header over 1 MB", "give a CSV file with a header") from error
            if b"\n" not in data and b"\r" in data:
                fix = "convert the line ends: tr '\\r' '\\n' < FILE > NEW-FILE"
                raise self._unusable("ends its lines with carriage returns only", fix) from error
            raise self._unusable(f"has a header that is malformed CSV: {error}", "correct the header") from error
        if names is None:
            raise self._unusable("has no rows", "give a file with a header and rows")
        self.names: list[str] = names
        self.lines = reader.line_num
        end = _after_lines(data, self.lines)
        self._check(data[:end])
        self.rest = data[end:]

    def _check(self, data: bytes) -> None:
        if len(data) > ROW_BYTES:
            raise self._unusable("has a header over 1 MB", "give a CSV file with a header")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._unusable("has a header that is not UTF-8", conversion(guess_single_byte(data))) from error
        refuse_duplicates(self.names, self._uri)

    def _unusable(self, what: str, fix: str) -> InputError:
        return InputError(f"{self._uri} {what}.", field="source", value=self._uri, fix=fix)


def _first_row(blocks: Iterator[bytes], dialect: Dialect) -> bytes:
    """Return blocks until they hold a whole row, or more than a row may have."""
    data = b""
    while len(data) <= ROW_BYTES and not dialect.row_end(data.lstrip(b"\r\n")):
        block = next(blocks, None)
        if block is None:
            break
        data += block
    return data


def _after_lines(data: bytes, lines: int) -> int:
    """Return where the line after the first `lines` lines begins."""
    end = 0
    for _ in range(lines):
        end = data.find(b"\n", end) + 1 or len(data)
    return end


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(repr(one_line(name, 60)) for name in names[:10]) + more
