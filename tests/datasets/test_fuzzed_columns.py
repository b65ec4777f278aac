"""Changed, cut and lengthened bytes of Parquet, Arrow, workbooks and JSON arrays end in all rows, counted, or in an error of ours."""

import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from novaforge.guards.errors import InputError, NovaForgeError, RefusedError

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

NewDesk = Callable[[], AbstractContextManager["Desk"]]
COUNT = 60
NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\xff" * 7 + b"\x7f"]
"""Lengths and counts that are none, below zero, or far too many."""


def rows() -> list[dict[str, Any]]:
    return [
        {
            "text": f"text {number} é" * (number % 4),
            "n": number,
            "turns": [{"role": "user", "content": None if number % 3 else "x"}] * (number % 3),
            "x": number / 8,
            "at": datetime(2026, 1, 1 + number % 20),
        }
        for number in range(COUNT)
    ]


def table() -> Any:
    kind = pa.array(["HQ", "LQ"] * (COUNT // 2)).dictionary_encode()
    scores = pa.array([[("k", number)] for number in range(COUNT)], pa.map_(pa.string(), pa.int32()))
    return pa.Table.from_pylist(rows()).append_column("kind", kind).append_column("scores", scores)


def _parquet(**options: Any) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(table(), buffer, row_group_size=25, **options)
    return buffer.getvalue()


def _arrow(make: Callable[..., Any]) -> bytes:
    buffer = io.BytesIO()
    with make(buffer, table().schema) as out:
        out.write_table(table(), max_chunksize=20)
    return buffer.getvalue()


def _feather() -> bytes:
    buffer = io.BytesIO()
    feather.write_feather(table(), buffer, compression="zstd")
    return buffer.getvalue()


def _excel() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for place in range(COUNT + 1):
            sheet.write_row(place, 0, [f"text {place}" if place else "text", place or "n"])
    return buffer.getvalue()


def _json() -> bytes:
    return json.dumps(rows(), default=str, ensure_ascii=False).encode()


VALID: dict[str, Callable[[], bytes]] = {
    "snappy.parquet": lambda: _parquet(compression="snappy"),
    "plain.parquet": lambda: _parquet(compression="none", use_dictionary=False, data_page_size=200),
    "delta.parquet": lambda: _parquet(
        compression="zstd", use_dictionary=False, data_page_version="2.0",
        column_encoding={"text": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED"},
    ),
    "file.arrow": lambda: _arrow(ipc.new_file),
    "stream.arrow": lambda: _arrow(ipc.new_stream),
    "data.feather": _feather,
    "data.xlsx": _excel,
    "data.json": _json,
}  # fmt: skip


@cache
def valid(name: str) -> bytes:
    return VALID[name]()


@st.composite
def edits(draw: st.DrawFn, data: bytes) -> bytes:
    """Change, take out or put in a few bytes, mostly where the numbers are: near the end, or at the beginning of a stream."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(changed) - 1) | st.integers(max(0, len(changed) - 1500), len(changed) - 1))
        how = draw(st.sampled_from(["flip", "number", "in", "out", "cut"]))
        if how == "flip":
            changed[place] ^= draw(st.integers(1, 255))
        elif how == "number":
            number = draw(st.sampled_from(NUMBERS))
            changed[place : place + len(number)] = number
        elif how == "in":
            changed[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif how == "out":
            del changed[place : place + draw(st.integers(1, 8))]
        else:
            del changed[place:]
        changed = changed or bytearray(b"x")
    return bytes(changed)


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_row_is_given_or_rejected_or_the_file_is_an_error(
    new_desk: NewDesk, name: str, data: st.DataObject
) -> None:
    with new_desk() as desk:
        path = desk.write(name, data.draw(edits(valid(name))))
        try:
            seen = desk.read(path)
        except NovaForgeError as error:
            assert isinstance(error, InputError | RefusedError) and error.fix and error.message
            return
    places = sorted([*seen.numbers, *(reject.line for reject in seen.rejects)])
    if name == "data.xlsx":
        assert len(set(places)) == len(places)
        return
    assert places == list(range(1, len(places) + 1))
    if name.endswith(".parquet"):
        assert len(places) == COUNT
    elif name != "data.json":
        assert len(places) == COUNT or "rows may be missing" in seen.notes["source-arrow-end"]


@pytest.mark.parametrize("name", VALID)
def test_unchanged_they_hold_all_rows(desk: "Desk", name: str) -> None:
    seen = desk.read(desk.write(name, valid(name)))
    assert len(seen.rows) == COUNT and not seen.rejects and not seen.notes


def test_an_index_that_names_fewer_record_batches_than_there_are_is_told(desk: "Desk") -> None:
    data = valid("file.arrow")
    # The list of three blocks: its length stands before the first one, which begins where the first message ends.
    whole = ipc.open_file(io.BytesIO(data))
    assert whole.num_record_batches == 3
    places = [place for place in range(len(data) - 1200, len(data)) if data[place : place + 4] == b"\3\0\0\0"]
    fewer = (data[:place] + b"\1\0\0\0" + data[place + 4 :] for place in places)
    told = 0
    for changed in fewer:
        try:
            seen = desk.read(desk.write("file.arrow", changed))
        except InputError:
            continue
        if len(seen.rows) < COUNT:
            assert "its index does not name; rows may be missing" in seen.notes["source-arrow-end"]
            told += 1
    assert told == 1


def test_a_stream_behind_another_one_is_told(desk: "Desk") -> None:
    seen = desk.read(desk.write("stream.arrow", valid("stream.arrow") * 2))
    assert len(seen.rows) == COUNT and "behind the mark of its end" in seen.notes["source-arrow-end"]


def test_rows_without_columns_are_an_error_and_not_no_rows(desk: "Desk") -> None:
    buffer = io.BytesIO()
    batch = pa.RecordBatch.from_struct_array(pa.array([{}] * COUNT, pa.struct([])))
    with ipc.new_file(buffer, batch.schema) as out:
        out.write_batch(batch)
    with pytest.raises(InputError, match="rows but no columns"):
        desk.read(desk.write("rows.arrow", buffer.getvalue()))
