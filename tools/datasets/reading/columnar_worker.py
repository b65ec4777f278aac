"""The rows of Parquet, Arrow and Feather files, one record batch at a time, in the process that may end over them."""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.datasets.reading.arrow_index import unnamed_bytes
from novaforge.tools.datasets.reading.arrow_rows import lines_of, refuse_types
from novaforge.tools.datasets.reading.made import made_batches

_MOST_ROWS = 512
"""Rows decoded at a time: few enough that one long value, which all of them refer to, does not become gigabytes."""
_MOST_CLAIMED, _CLAIMED_TIMES = 100_000_000, 1000
"""Our own bounds: rows that take no bytes are read one after the other like others, but not without end."""
_BUFFER_BYTES = 1024 * 1024
_STREAM_MARK = b"\xff\xff\xff\xff"
_END_MARK = _STREAM_MARK + b"\0\0\0\0"
_PADDING = 64
"""Bytes that may stand between the rows and the index, or behind the end of a stream: its mark, and zeros up to a full word."""


class Sink(Protocol):
    """Takes lines of rows with the share of the file that is done."""

    def batch(self, data: bytes, share: float) -> None:
        """Take some lines."""
        ...


def read_columnar(file: BinaryIO, request: dict[str, Any], sink: Sink) -> dict[str, Any]:
    """Hand all rows to `sink` as JSON Lines; returns, under `missing`, why rows of an Arrow file may be missing.

    Raises InputError and RefusedError, and whatever libraries raise for damaged files.
    """
    reader = _Parquet(file, request) if request["format"] == "parquet" else _Arrow(file, request)
    for batch in made_batches(0, reader.lines(), request["block_bytes"]):
        sink.batch(batch.data, reader.share)
    return reader.found()


class _Reader:
    """A file while it is read; `share` of it is done, from 0 to 1."""

    def __init__(self, file: BinaryIO, request: dict[str, Any]) -> None:
        self._file = file
        self._request = request
        self._uri: str = request["uri"]
        self._block: int = request["block_bytes"]
        self.share = 0.0

    def lines(self) -> Iterator[bytes]:
        """Yield each row as JSON."""
        for record_batch, share in self._batches():
            # Arrow trusts offsets it reads.
            record_batch.validate(full=True)
            if not record_batch.num_columns:
                message = f"{self._uri} has rows but no columns."
                raise InputError(message, field="source", value=self._uri, fix="copy or write the file again")
            for part in self._even(record_batch):
                yield from lines_of(part)
            self.share = share

    def found(self) -> dict[str, Any]:
        """Return what is known at the end."""
        return {}

    def _batches(self) -> Iterator[tuple[Any, float]]:
        raise NotImplementedError

    def _rows_at_a_time(self, rows: int, size: int) -> int:
        """Return how many rows make about one batch, so that few are in memory as Python objects."""
        return max(1, min(_MOST_ROWS, self._block * rows // max(1, size)))

    def _refuse_claim(self, rows: int) -> None:
        """Raise RefusedError for rows that nobody would ever wait for, claimed by a few bytes."""
        size = self._request["size"]
        if rows > _MOST_CLAIMED and rows > _CLAIMED_TIMES * size:
            message = f"{self._uri} has {size} bytes and claims {rows} rows."
            raise RefusedError(message, rule="source-size", fix="write it again with the rows you want")

    def _even(self, record_batch: Any) -> Iterator[Any]:
        """Cut a record batch whose rows are far longer than those of the file are as a rule."""
        if record_batch.num_rows > 1 and _size(record_batch) > 8 * self._block:
            half = record_batch.num_rows // 2
            yield from self._even(record_batch.slice(0, half))
            yield from self._even(record_batch.slice(half))
        else:
            yield record_batch


class _Parquet(_Reader):
    def _batches(self) -> Iterator[tuple[Any, float]]:
        from pyarrow import parquet  # here, not above: heavy, and only needed for these formats

        with parquet.ParquetFile(
            self._file, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True
        ) as file:
            refuse_types(file.schema_arrow, self._uri)
            meta = file.metadata
            groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
            done, total = 0, max(1, sum(group.num_rows for group in groups))
            self._refuse_claim(total)
            for number, group in enumerate(groups):
                self._refuse_bomb(group.total_byte_size)
                came = 0
                step = self._rows_at_a_time(group.num_rows, group.total_byte_size)
                for record_batch in file.iter_batches(step, row_groups=[number], use_threads=False):
                    came += record_batch.num_rows
                    yield record_batch, (done + came) / total
                done += came
                self._refuse_miscount(f"its row group {number}", group.num_rows, came)
            self._refuse_miscount("it", meta.num_rows, done)

    def _refuse_bomb(self, unpacked: int) -> None:
        """Raise RefusedError for a row group that unpacks to far more than the whole file takes: pages are unpacked at once."""
        size, most, times = (self._request[name] for name in ("size", "most_unpacked", "most_times"))
        if unpacked > most and unpacked > times * size:
            message = f"{self._uri} has {size} bytes, and one of its row groups unpacks to {unpacked}."
            raise RefusedError(message, rule="source-size", fix="write it again with smaller row groups")

    def _refuse_miscount(self, what: str, said: int, came: int) -> None:
        if said != came:
            message = f"{self._uri} is damaged: {what} says {said} rows and holds {came}."
            raise InputError(message, field="source", value=self._uri, fix="copy or write the file again")


class _Arrow(_Reader):
    def __init__(self, file: BinaryIO, request: dict[str, Any]) -> None:
        super().__init__(file, request)
        self._missing = ""

    def found(self) -> dict[str, Any]:
        """Return why rows may be missing, although what is there is well-formed; an empty text when nothing says so."""
        return {"missing": self._missing}

    def _batches(self) -> Iterator[tuple[Any, float]]:
        return self._stream() if self._request["stream"] else self._indexed()

    def _indexed(self) -> Iterator[tuple[Any, float]]:
        from pyarrow import ipc  # here, not above: heavy, and only needed for these formats

        with ipc.open_file(self._file) as file:
            refuse_types(file.schema, self._uri)
            total = file.num_record_batches
            for number in range(total):
                yield from self._slices(file.get_batch(number), number / total, 1 / total)
            if unnamed_bytes(self._file, self._request["size"]) > _PADDING:
                self._missing = "has bytes that its index does not name"

    def _stream(self) -> Iterator[tuple[Any, float]]:
        from pyarrow import ipc  # here, not above: heavy, and only needed for these formats

        size = self._request["size"]
        with ipc.open_stream(self._file) as reader:
            refuse_types(reader.schema, self._uri)
            before = 0.0
            for record_batch in reader:
                share = min(1.0, self._file.tell() / size)
                yield from self._slices(record_batch, before, share - before)
                before = share
            behind = size - self._file.tell()
        if behind > _PADDING:
            self._missing = "has bytes behind the mark of its end"
        elif not self._ends():
            # Cut off between two record batches it is well-formed.
            self._missing = "does not end with the mark of its end"

    def _slices(self, record_batch: Any, before: float, share: float) -> Iterator[tuple[Any, float]]:
        rows = record_batch.num_rows
        self._refuse_claim(rows)
        step = self._rows_at_a_time(rows, record_batch.get_total_buffer_size())
        for start in range(0, rows, step):
            yield record_batch.slice(start, step), before + share * min(1.0, (start + step) / rows)

    def _ends(self) -> bool:
        self._file.seek(-len(_END_MARK), os.SEEK_END)
        return self._file.read(len(_END_MARK)) == _END_MARK


def _size(record_batch: Any) -> int:
    try:
        return int(record_batch.nbytes)
    except (NotImplementedError, TypeError, ValueError):
        return 0
