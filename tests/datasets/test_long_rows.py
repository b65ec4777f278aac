"""Rows that are long because media stand in them as data: URIs are read alike from JSON Lines, JSON and typed columns."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from novaforge.tools.datasets.reading.json_split import Elements
from novaforge.tools.datasets.rows import MEDIA_ROW_BYTES, ROW_BYTES

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

START = "data:image/png;base64,"


def row(number: int, size: int, start: str = START) -> dict[str, Any]:
    return {"query": f"what is on picture {number}?", "response": "a dog", "images": [{"data": start + "A" * size}]}


def fitting(longest: int) -> int:
    """Return how much of a picture makes a line of JSON exactly so long."""
    return longest - len(json.dumps(row(2, 0), separators=(",", ":")))


ROWS = [
    row(0, 10),
    row(1, 3 * ROW_BYTES),
    row(2, fitting(MEDIA_ROW_BYTES)),
    row(3, fitting(MEDIA_ROW_BYTES) + 1),
    row(4, 2 * ROW_BYTES, "no picture at all: "),
    row(5, 20),
]
"""The fourth is a byte too long, the fifth is long for no good reason."""

LEFT = [1, 2, 3, 6]
REJECTED = [(4, "row over 1 MB"), (5, "row over 1 MB")]


def _json(rows: Any) -> bytes:
    return json.dumps(rows, separators=(",", ":")).encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), buffer, compression="zstd")
    return buffer.getvalue()


def _arrow(rows: list[dict[str, Any]], make: Callable[..., Any] = ipc.new_file) -> bytes:
    buffer, table = io.BytesIO(), pa.Table.from_pylist(rows)
    with make(buffer, table.schema) as out:
        out.write_table(table)
    return buffer.getvalue()


WAYS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "rows.jsonl": lambda rows: b"".join(_json(one) + b"\n" for one in rows),
    "array.json": _json,
    "packed.json.gz": lambda rows: gzip.compress(_json(rows), 1, mtime=0),
    "inside.json": lambda rows: _json({"version": 1, "items": rows}),
    "stacked.json": lambda rows: b"".join(map(_json, rows)),
    "rows.parquet": _parquet,
    "rows.arrow": _arrow,
    "stream.arrow": lambda rows: _arrow(rows, ipc.new_stream),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_row_may_be_as_long_in_any_format(desk: "Desk", name: str) -> None:
    seen = desk.read(desk.write(name, WAYS[name](ROWS)))
    assert seen.numbers == LEFT and seen.rows == [ROWS[number - 1] for number in LEFT]
    assert [(reject.line, reject.reason) for reject in seen.rejects] == REJECTED


@pytest.mark.parametrize("size", [3 * ROW_BYTES, fitting(MEDIA_ROW_BYTES) - 200])
def test_a_file_of_one_object_may_be_one_long_row(desk: "Desk", size: int) -> None:
    one = row(7, size)
    assert desk.read(desk.write("one.json", json.dumps(one, indent=2))).rows == [one]
    seen = desk.read(desk.write("long.json", json.dumps(row(7, 2 * ROW_BYTES, "no picture: "))))
    assert not seen.rows and [reject.reason for reject in seen.rejects] == ["row over 1 MB"]


def test_long_rows_come_out_of_every_format_as_they_do_of_json_lines(desk: "Desk") -> None:
    rows = [row(1, 1_500_000), row(2, 100)]
    written: dict[str, bytes] = {}
    for name in ("rows.jsonl", "array.json", "rows.parquet", "rows.arrow"):
        source = desk.write(f"{name}.d/rows{Path(name).suffix}", WAYS[name](rows))
        out = f"out-{name}"
        result = desk.transform(source, out, "EVALUATION")
        assert result.rows_written == 2
        written[name] = next(data for path, data in desk.tree().items() if path.startswith(out) and len(data) > 10**6)
    assert len(set(written.values())) == 1


def test_the_memory_of_long_rows_is_that_of_one() -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(4):
            yield b'{"a":"data:image/png;base64,'
            for _ in range(120):
                yield b"A" * 100_000
            yield b'"},'

    elements = Elements(blocks(), "x")
    most = count = 0
    for element in elements:
        most, count = max(most, elements.held), count + (len(element) > 12_000_000)
    assert count == 4 and most < 12_500_000


def test_a_row_that_never_ends_is_not_kept() -> None:
    elements = Elements((b'{"a":"' + b"A" * 100_000 if not number else b"A" * 100_000 for number in range(400)), "x")
    assert list(elements) == [b""] and elements.held < 300_000
