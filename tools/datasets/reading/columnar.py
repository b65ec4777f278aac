"""Parquet, Arrow and Feather files as rows, one record batch at a time."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from novaforge.guards.errors import InputError, NovaForgeError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.tools.datasets.reading.arrow_rows import lines_of, refuse_types
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.jsonl_rows import JsonlDecoder
from novaforge.tools.datasets.reading.made import made_batches
from novaforge.tools.datasets.reading.opened import OpenedFile

_MOST_ROWS = 4096
_BUFFER_BYTES = 1024 * 1024
_STREAM_MARK = b"\xff\xff\xff\xff"
_END_MARK = _STREAM_MARK + b"\0\0\0\0"
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
        self._open_ended: list[str] = []

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield the rows as JSON Lines; raises InputError for a damaged file, RefusedError for columns JSON cannot hold."""
        import pyarrow as pa  # here, not above: heavy, and only needed for these formats

        opened.progress(0)
        record_batches = _parquet if self.format == "parquet" else _arrow
        try:
            yield from made_batches(index, _lines(opened, record_batches), opened.block_bytes)
            if opened.magic.startswith(_STREAM_MARK) and not _ends(opened):
                self._open_ended.append(opened.uri)
        except NovaForgeError:
            raise
        except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, MemoryError) as error:
            # A damaged length may ask for more memory than there is.
            message = f"{opened.uri} cannot be read as {self.format}: {type(error).__name__}."
            fix = "copy or write the file again"
            raise InputError(message, field="source", value=opened.uri, fix=fix) from error

    def notes(self) -> list[Finding]:
        """Return which streams do not end with the mark of their end."""
        if not self._open_ended:
            return []
        message = f"{self._open_ended[0]} does not end with the mark of its end; rows may be missing"
        fix = "compare the number of rows, or write the file again"
        return [
            Finding(rule="source-arrow-end", severity="warn", message=message, fix=fix, count=len(self._open_ended))
        ]


def _lines(opened: OpenedFile, record_batches: Callable[[OpenedFile], Iterator[tuple[Any, float]]]) -> Iterator[bytes]:
    for record_batch, share in record_batches(opened):
        # Arrow trusts offsets it reads: without this a damaged file ends the process, not the call.
        record_batch.validate(full=True)
        yield from lines_of(record_batch)
        opened.progress(share)


def _parquet(opened: OpenedFile) -> Iterator[tuple[Any, float]]:
    from pyarrow import parquet  # here, not above: heavy, and only needed for these formats

    with parquet.ParquetFile(opened.random(), pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
        refuse_types(file.schema_arrow, opened.uri)
        meta = file.metadata
        _refuse_bomb(meta, opened)
        total = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
        done = 0
        for record_batch in file.iter_batches(_rows_at_a_time(opened, meta.num_rows, total), use_threads=False):
            done += record_batch.num_rows
            yield record_batch, done / max(1, meta.num_rows)


def _ends(opened: OpenedFile) -> bool:
    """Tell a stream with its end mark: one cut off between two record batches is well-formed without it."""
    stream = opened.random()
    stream.seek(-len(_END_MARK), os.SEEK_END)
    return stream.read(len(_END_MARK)) == _END_MARK


def _refuse_bomb(meta: Any, opened: OpenedFile) -> None:
    """Raise RefusedError for a row group that unpacks to far more than the whole file takes: pages are unpacked at once."""
    for group in range(meta.num_row_groups):
        # Asking for a column of damaged metadata would end the process; this is a number beside them.
        unpacked = meta.row_group(group).total_byte_size
        if unpacked > _MOST_UNPACKED and unpacked > _MOST_TIMES * opened.file.bytes:
            message = f"{opened.uri} has {opened.file.bytes} bytes, and one of its row groups unpacks to {unpacked}."
            raise RefusedError(message, rule="source-size", fix="write it again with smaller row groups")


def _arrow(opened: OpenedFile) -> Iterator[tuple[Any, float]]:
    from pyarrow import ipc  # here, not above: heavy, and only needed for these formats

    stream = opened.random()
    if opened.magic.startswith(b"ARROW1"):
        with ipc.open_file(stream) as file:
            refuse_types(file.schema, opened.uri)
            for number in range(file.num_record_batches):
                yield from _slices(opened, file.get_batch(number), (number + 1) / file.num_record_batches)
        return
    with ipc.open_stream(stream) as reader:
        refuse_types(reader.schema, opened.uri)
        for record_batch in reader:
            yield from _slices(opened, record_batch, min(1.0, stream.tell() / opened.file.bytes))


def _slices(opened: OpenedFile, record_batch: Any, share: float) -> Iterator[tuple[Any, float]]:
    step = _rows_at_a_time(opened, record_batch.num_rows, record_batch.get_total_buffer_size())
    for start in range(0, record_batch.num_rows, step):
        yield record_batch.slice(start, step), share


def _rows_at_a_time(opened: OpenedFile, rows: int, size: int) -> int:
    """Return how many rows make about one batch, so that few are in memory as Python objects."""
    return max(1, min(_MOST_ROWS, opened.block_bytes * rows // max(1, size)))
