"""Parquet, Arrow and Feather files as rows, one record batch at a time."""

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
_MOST_UNPACKED = 128 * 1024 * 1024
_MOST_TIMES = 200
"""Our own bounds: texts shrink to a tenth or so, and a chunk this large is read page by page when it was not made to hurt."""


class ColumnarLayout:
    """Files of typed columns; their rows are objects, numbered from 1."""

    is_text = False
    columns: list[str] | None = None
    delimiter = ""

    def __init__(self, kind: str) -> None:
        self.format = kind
        self.decoder = JsonlDecoder(made=True)

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield the rows as JSON Lines; raises InputError for a damaged file, RefusedError for columns JSON cannot hold."""
        import pyarrow as pa  # here, not above: heavy, and only needed for these formats

        opened.progress(0)
        record_batches = _parquet if self.format == "parquet" else _arrow
        try:
            yield from made_batches(index, _lines(opened, record_batches), opened.block_bytes)
        except NovaForgeError:
            raise
        except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, MemoryError) as error:
            # A damaged length may ask for more memory than there is.
            message = f"{opened.uri} cannot be read as {self.format}: {type(error).__name__}."
            fix = "copy or write the file again"
            raise InputError(message, field="source", value=opened.uri, fix=fix) from error

    def notes(self) -> list[Finding]:
        """Return nothing."""
        return []


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
        _refuse_bomb(meta, opened.uri)
        total = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
        done = 0
        for record_batch in file.iter_batches(_rows_at_a_time(opened, meta.num_rows, total), use_threads=False):
            done += record_batch.num_rows
            yield record_batch, done / max(1, meta.num_rows)


def _refuse_bomb(meta: Any, uri: str) -> None:
    """Raise RefusedError for a column chunk that unpacks to far more than it takes: its pages are unpacked as a whole."""
    for group in range(meta.num_row_groups):
        for number in range(meta.num_columns):
            chunk = meta.row_group(group).column(number)
            unpacked = chunk.total_uncompressed_size
            if unpacked > _MOST_UNPACKED and unpacked > _MOST_TIMES * max(1, chunk.total_compressed_size):
                message = f"{uri} has a column chunk of {chunk.total_compressed_size} bytes that unpacks to {unpacked}."
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
