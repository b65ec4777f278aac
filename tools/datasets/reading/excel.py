"""The first sheet of Excel and OpenDocument workbooks as a table of texts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading.apart import Apart, Task
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.jsonl_rows import MADE_REJECT
from novaforge.tools.datasets.reading.line_layouts import refuse_difference, refuse_duplicates
from novaforge.tools.datasets.reading.made import made_batches
from novaforge.tools.datasets.reading.opened import OpenedFile
from novaforge.tools.datasets.rows import TOO_MANY_CELLS, Line, OnReject, Reject

MOST_BYTES = 100 * 1024 * 1024
MOST_UNPACKED = 600 * 1024 * 1024
MOST_MEMORY = 2 * 1024**3
"""Workbooks are read as a whole, by their nature; these bounds, and those of its process, keep that from filling the memory."""

_DAMAGED = "cannot be read as a workbook; it may be damaged, have a password, or a cell far from all others"
_FIX = "save the workbook again, or as CSV"


@dataclass
class CellsDecoder:
    """The rows of batches with one JSON list of texts per line."""

    width: int
    blank_lines: int = 0
    guess: str = ""

    def rows(self, batch: Batch, on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows with as many cells as the header; tell `on_reject` about longer ones."""
        for number, line in enumerate(batch.data.split(b"\n")[:-1], start=batch.first):
            if line.startswith(MADE_REJECT):
                reason, _, detail = line[1:].decode("utf-8", "replace").partition("\t")
                on_reject(Reject(number, reason, detail))
                continue
            cells: list[str] = orjson.loads(line)
            if not any(cells):
                self.blank_lines += 1
            elif any(cells[self.width :]):
                on_reject(Reject(number, TOO_MANY_CELLS, f"{len(cells)} of {self.width}"))
            else:
                yield Line(number, (cells + [""] * (self.width - len(cells)))[: self.width], b"")

    def sequence(self, batches: Iterable[Batch], on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows of all batches."""
        for batch in batches:
            yield from self.rows(batch, on_reject)


class ExcelLayout:
    """Workbooks; rows are numbered as the sheet numbers them."""

    format = "excel"
    is_text = False
    delimiter = ""

    def __init__(self, opened: OpenedFile) -> None:
        self._notes: list[Finding] = []
        self._first: tuple[OpenedFile, _Sheet] | None = (opened, _Sheet(opened))
        self.columns: list[str] = self._first[1].names
        self.decoder = CellsDecoder(len(self.columns))

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield the rows below the header; raises InputError when the header is another one."""
        sheet = self._first[1] if self._first and self._first[0] is opened else _Sheet(opened)
        self._first = None
        refuse_difference(self.columns, sheet.names, opened.uri)
        self._notes += sheet.notes()
        return made_batches(index, sheet.lines(), opened.block_bytes, sheet.first)

    def notes(self) -> list[Finding]:
        """Return which sheets were not read."""
        return self._notes


class _Sheet:
    """The first sheet of a workbook: its header, and the row numbers below it."""

    def __init__(self, opened: OpenedFile) -> None:
        self._uri = opened.uri
        opened.progress(0)
        if opened.file.bytes > MOST_BYTES:
            raise self._too_large(f"{opened.file.bytes // 1024**2} MB")
        apart = Apart(opened, self._task())
        self._names: list[str] = apart.note()
        self._lines = (line for data in apart for line in data.split(b"\n")[:-1])
        self.first = 1
        self.names = self._header()

    def lines(self) -> Iterator[bytes]:
        """Yield each row as a JSON list of texts."""
        return self._lines

    def notes(self) -> list[Finding]:
        """Return the names of the sheets that are not read."""
        if len(self._names) < 2:
            return []
        others = ", ".join(repr(one_line(name, 40)) for name in self._names[1:6])
        message = f"only the first sheet of {self._uri} is read, {one_line(self._names[0], 40)!r}; not read: {others}"
        return [
            Finding(rule="source-sheets", severity="warn", message=message, fix="save the sheet you want as a file")
        ]

    def _header(self) -> list[str]:
        for line in self._lines:
            self.first += 1
            if line.startswith(MADE_REJECT):
                raise self._unusable("has a header over 1 MB")
            names: list[str] = orjson.loads(line)
            while names and not names[-1]:
                names.pop()
            if names:
                refuse_duplicates(names, self._uri)
                return names
        raise self._unusable("has no rows in its first sheet")

    def _task(self) -> Task:
        options = {
            "most_unpacked": MOST_UNPACKED,
            "too_large": self._too_large("SIZE").message,
            "too_large_fix": self._too_large("").fix,
        }
        return Task("sheet", MOST_MEMORY, _DAMAGED, _FIX, options)

    def _too_large(self, size: str) -> RefusedError:
        message = f"{self._uri} has {size}; workbooks are read as a whole, up to 100 MB and 600 MB unpacked."
        return RefusedError(message, rule="source-size", fix="save it as CSV, which is read at any size")

    def _unusable(self, what: str) -> InputError:
        return InputError(f"{self._uri} {what}.", field="source", value=self._uri, fix=_FIX)
