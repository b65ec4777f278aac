"""Rows that are no files: they are asked for, and arrive as JSON objects."""

import hashlib
from collections.abc import Iterator
from typing import Protocol

from novaforge.guards.findings import Finding
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading.batch import Batch, block_bytes
from novaforge.tools.datasets.reading.files import SourceFile, Stamp
from novaforge.tools.datasets.reading.hub import SCHEME as HUB
from novaforge.tools.datasets.reading.hub import HubRows
from novaforge.tools.datasets.reading.jsonl_rows import JsonlDecoder
from novaforge.tools.datasets.reading.logs_insights import SCHEME as LOGS
from novaforge.tools.datasets.reading.logs_insights import LogRows
from novaforge.tools.datasets.reading.made import made_batches
from novaforge.tools.datasets.reading.opened import OpenedFile

BLOCK_BYTES = block_bytes(16 * 1024 * 1024)


class Fetched(Protocol):
    """Rows that are fetched while they are read."""

    format: str
    notes: list[Finding]
    version: str

    def lines(self) -> Iterator[bytes]:
        """Yield one JSON line per row."""
        ...


class RemoteLayout:
    """Fetched rows, numbered from 1 in the order they came; `size` and `sha256` are those of the JSON lines they make."""

    is_text = False
    columns: list[str] | None = None
    delimiter = ""

    def __init__(self, rows: Fetched) -> None:
        self.format = rows.format
        self.decoder = JsonlDecoder(made=True)
        self._rows = rows
        self._hash = hashlib.sha256()
        self.size = 0

    def batches(self, index: int, opened: OpenedFile | None = None) -> Iterator[Batch]:
        """Yield the rows as they come."""
        for batch in made_batches(index, self._rows.lines(), BLOCK_BYTES):
            self._hash.update(batch.data)
            self.size += len(batch.data)
            yield batch

    def notes(self) -> list[Finding]:
        """Return limits that were met."""
        return self._rows.notes

    @property
    def version(self) -> str:
        """Which state of the rows it was, where there is a name for it."""
        return self._rows.version

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of the lines so far."""
        return self._hash.hexdigest()


class RemoteFile:
    """Stands for the file that there is not."""

    compression = ""

    def __init__(self, uri: str, layout: RemoteLayout) -> None:
        self.file = SourceFile(uri, Stamp(0))
        self._layout = layout

    @property
    def bytes_read(self) -> int:
        """How many bytes of JSON lines came so far."""
        return self._layout.size

    def finish(self) -> str:
        """Return the hash of all lines."""
        self.file = SourceFile(self.file.uri, Stamp(self._layout.size, version_id=self._layout.version or None))
        return self._layout.sha256


def fetched_rows(ctx: ToolContext, uri: str, argument: str) -> Fetched | None:
    """Return the rows behind a cloudwatch:// or hf:// URI, None for any other."""
    if uri.startswith(LOGS):
        return LogRows(ctx, uri, argument)
    return HubRows(uri, argument) if uri.startswith(HUB) else None
