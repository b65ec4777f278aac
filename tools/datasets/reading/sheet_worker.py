"""The first sheet of a workbook as lists of texts, in the process that may end over it.

The library behind it gives up by ending the process: a workbook of a few kilobytes with a cell in the last corner asks for
hundreds of gigabytes.
"""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any, BinaryIO, Protocol

import orjson

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.datasets.reading.jsonl_rows import made_reject
from novaforge.tools.datasets.reading.made import made_batches
from novaforge.tools.datasets.rows import ROW_BYTES, TOO_LARGE

_PIECE_BYTES = 8 * 1024 * 1024


class Sink(Protocol):
    """Takes the names of the sheets, then lines of rows."""

    def note(self, value: Any) -> None:
        """Take the names."""
        ...

    def batch(self, data: bytes, share: float) -> None:
        """Take some lines."""
        ...


def read_sheet(file: BinaryIO, request: dict[str, Any], sink: Sink) -> dict[str, Any]:
    """Hand over the names of all sheets, then each row of the first one as a JSON list of texts.

    Raises RefusedError for a workbook that is too large to be read as a whole.
    """
    from python_calamine import CalamineWorkbook  # here, not above: only this task needs it

    data = _bytes(file, request)
    book = CalamineWorkbook.from_filelike(BytesIO(data))
    sink.note(book.sheet_names)
    for batch in made_batches(0, _lines(book), request["block_bytes"]):
        sink.batch(batch.data, 0)
    return {}


def _lines(book: Any) -> Iterator[bytes]:
    for row in book.get_sheet_by_index(0).iter_rows():
        line = orjson.dumps([cell_text(cell) for cell in row])
        yield line if len(line) <= ROW_BYTES else made_reject(TOO_LARGE)


def _bytes(file: BinaryIO, request: dict[str, Any]) -> bytes:
    data = b"".join(iter(lambda: file.read(_PIECE_BYTES), b""))
    if data.startswith(b"PK"):
        unpacked = _unpacked(data, request)
        if unpacked > request["most_unpacked"]:
            message = request["too_large"].replace("SIZE", f"{unpacked // 1024**2} MB unpacked")
            raise RefusedError(message, rule="source-size", fix=request["too_large_fix"])
    return data


def _unpacked(data: bytes, request: dict[str, Any]) -> int:
    try:
        return sum(part.file_size for part in zipfile.ZipFile(BytesIO(data)).infolist())
    except Exception as error:
        # The module raises errors of many kinds for damaged archives.
        message = f"{request['uri']} {request['damaged']}."
        raise InputError(message, field="source", value=request["uri"]) from error


def cell_text(cell: Any) -> str:
    """Return a cell as text: whole numbers without decimals, dates, times and durations as ISO 8601, truth as TRUE or FALSE."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, timedelta):
        return _duration(cell)
    return cell.isoformat() if isinstance(cell, date | datetime | time) else str(cell)


def _duration(cell: timedelta) -> str:
    """Return hours, minutes and seconds as OpenDocument writes them."""
    seconds = abs(cell) // timedelta(seconds=1)
    rest = f"{abs(cell).microseconds / 1_000_000:.6f}".strip("0").rstrip(".")
    sign = "-" if cell < timedelta(0) else ""
    return f"{sign}PT{seconds // 3600:02}H{seconds // 60 % 60:02}M{seconds % 60:02}{rest}S"
