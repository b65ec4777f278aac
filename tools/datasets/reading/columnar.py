"""Parquet, Arrow and Feather files as rows, read by a process of its own."""

from collections.abc import Iterator

from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading.apart import Apart, Task
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.jsonl_rows import JsonlDecoder
from novaforge.tools.datasets.reading.opened import OpenedFile

_STREAM_MARK = b"\xff\xff\xff\xff"
LEAST_MEMORY, MOST_MEMORY = 1024**3, 4 * 1024**3
"""What reading a small and a large file may take, libraries included: a record batch is in memory as a whole, pages of a row
group are, and a damaged length of a page is believed."""
_MEMORY_TIMES = 64
_MOST_UNPACKED = 128 * 1024 * 1024
_MOST_TIMES = 200
"""Our own bounds: texts shrink to a tenth or so, and a row group this large has many pages when it was not made to hurt."""


class ColumnarLayout:
    """Files of typed columns; their rows are objects, numbered from 1."""

    is_text = False
    columns: list[str] | None = None
    delimiter = ""

    def __init__(self, kind: str) -> None:
        self.format = kind
        self.decoder = JsonlDecoder(made=True)
        self._incomplete: list[str] = []

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield the rows as JSON Lines; raises InputError for a damaged file, RefusedError for columns JSON cannot hold."""
        opened.progress(0)
        apart = Apart(opened, self._task(opened))
        first = 1
        for data in apart:
            yield Batch(index, first, data)
            first += data.count(b"\n")
        if missing := apart.found.get("missing"):
            self._incomplete.append(f"{opened.uri} {one_line(missing)}")

    def notes(self) -> list[Finding]:
        """Return which Arrow files may lack rows although what is there is well-formed."""
        if not self._incomplete:
            return []
        message = f"{self._incomplete[0]}; rows may be missing"
        fix = "compare the number of rows, or write the file again"
        return [
            Finding(rule="source-arrow-end", severity="warn", message=message, fix=fix, count=len(self._incomplete))
        ]

    def _task(self, opened: OpenedFile) -> Task:
        options = {
            "format": self.format,
            "stream": opened.magic.startswith(_STREAM_MARK),
            "most_unpacked": _MOST_UNPACKED,
            "most_times": _MOST_TIMES,
        }
        fix = "copy or write the file again; write it with smaller row groups or record batches where they are large"
        memory = min(MOST_MEMORY, LEAST_MEMORY + _MEMORY_TIMES * opened.file.bytes)
        return Task("columnar", memory, f"cannot be read as {self.format}", fix, options)
