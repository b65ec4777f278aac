"""The same rows give the same files whatever format they come in; JSON Lines, the simplest, says what is right."""

import csv
import io
import json
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

Row = dict[str, Any]
NewDesk = Callable[[], AbstractContextManager["Desk"]]
COLUMNS = {"query": "query", "response": "response"}
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(lambda text: f"a {text} b")
ROWS = st.lists(
    st.fixed_dictionaries({
        "query": TEXT,
        # An answer that is missing makes a reject of the row.
        "response": st.none() | st.just("") | TEXT,
        "n": st.integers(-(2**53), 2**53),
        "x": st.floats(-1e6, 1e6, width=32) | st.none(),
        "tags": st.lists(st.text("ab\n\"é", max_size=3), max_size=2),
        "inner": st.fixed_dictionaries({"k": st.booleans()}),
    }),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(row["response"] for row in rows))  # fmt: skip
"""Rows as all formats can hold them: with the same keys, and one type for each."""

SCHEMA = pa.schema([
    ("query", pa.string()), ("response", pa.string()), ("n", pa.int64()), ("x", pa.float64()), ("tags", pa.list_(pa.string())),
    ("inner", pa.struct([("k", pa.bool_())])),
])  # fmt: skip


def jsonl(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _table(rows: list[Row]) -> Any:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _parquet(rows: list[Row]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(_table(rows), buffer, row_group_size=5)
    return buffer.getvalue()


def _arrow(rows: list[Row], make: Callable[..., Any]) -> bytes:
    buffer = io.BytesIO()
    with make(buffer, SCHEMA) as out:
        out.write_table(_table(rows), max_chunksize=3)
    return buffer.getvalue()


def _feather(rows: list[Row]) -> bytes:
    buffer = io.BytesIO()
    feather.write_feather(_table(rows), buffer, compression="lz4")
    return buffer.getvalue()


OTHERS: dict[str, Callable[[list[Row]], bytes]] = {
    "array/rows.json": lambda rows: json.dumps(rows, indent=1).encode(),
    "inside/rows.json": lambda rows: json.dumps({"data": rows}, ensure_ascii=False).encode(),
    "parquet/rows.parquet": _parquet,
    "file/rows.arrow": lambda rows: _arrow(rows, ipc.new_file),
    "stream/rows.arrow": lambda rows: _arrow(rows, ipc.new_stream),
    "feather/rows.feather": _feather,
}


def outcome(desk: "Desk", source: str, out: str, **arguments: Any) -> tuple[Any, ...]:
    """Return all that a transform says and writes about rows; what it says about the source's own file is left out."""
    result = desk.transform(source, out, columns=COLUMNS, **arguments)
    folder = desk.folder / out
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "manifest" not in path.name
    }
    return (files, result.rows_read, result.rows_written, result.rejected["rows"], result.rows_unused)


@pytest.mark.parametrize("name", OTHERS)
@settings(max_examples=15, deadline=None)
@given(rows=ROWS)
def test_every_format_of_objects_gives_what_json_lines_give(new_desk: NewDesk, name: str, rows: list[Row]) -> None:
    with new_desk() as desk:
        expected = desk.read(desk.write("lines/rows.jsonl", jsonl(rows)))
        seen = desk.read(desk.write(name, OTHERS[name](rows)))
        assert [(line.number, line.record) for line in seen.lines] == [
            (line.number, line.record) for line in expected.lines
        ]
        assert expected.rows == rows and not seen.rejects
        assert seen.identity.rows == len(rows) and seen.identity.bytes == len(OTHERS[name](rows))
        assert outcome(desk, str(desk.folder / name), "other") == outcome(
            desk, str(desk.folder / "lines/rows.jsonl"), "lines-out"
        )


@pytest.mark.parametrize("name", OTHERS)
def test_many_rows_over_many_batches_are_the_same_too(desk: "Desk", name: str) -> None:
    draw = random.Random(7)
    rows = [
        {
            "query": f"q {number} " + "word " * draw.choice([1, 30, 400]),
            "response": draw.choice(["A", "B", None, "", "long " * 50]),
            "n": number, "x": None, "tags": ["é\n"] * (number % 3), "inner": {"k": number % 2 == 0},
        }
        for number in range(3000)
    ]  # fmt: skip
    source, lines = desk.write(name, OTHERS[name](rows)), desk.write("lines/rows.jsonl", jsonl(rows))
    split = {"split": {"train": 0.7, "test": 0.3}, "seed": 3}
    result = outcome(desk, source, "other", **split)
    assert result == outcome(desk, lines, "lines-out", **split) and result[1] == 3000 and result[3] > 1000
    seen = desk.read(source)
    assert seen.numbers == list(range(1, 3001)) and seen.identity.sha256 == desk.read(source).identity.sha256


def test_what_no_row_may_be_is_a_reject_at_the_same_place_in_json_and_json_lines(desk: "Desk") -> None:
    bad = [b"5", b'"text"', b"null", b"[1]", b'{"a":1,"a":2}', b'{"b":NaN}', b'{"n":123456789012345678901234567890}']
    elements = [piece for one in bad for piece in (one, b'{"query":"q","response":"a"}')]
    expected = desk.read(desk.write("rows.jsonl", b"\n".join(elements) + b"\n"))
    for name, content in (
        ("rows.json", b"[" + b",".join(elements) + b"]"),
        ("in.json", b'{"data":[{},' + b",".join(elements) + b"]}"),
    ):
        seen = desk.read(desk.write(name, content))
        ahead = name == "in.json"
        assert [number - ahead for number in seen.numbers][ahead:] == expected.numbers
        assert [(reject.line - ahead, reject.reason) for reject in seen.rejects] == [
            (reject.line, reject.reason) for reject in expected.rejects
        ]
    assert len(expected.rejects) == len(bad)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(TEXT, st.just("") | TEXT), min_size=1, max_size=12).filter(
        lambda rows: any(row[1] for row in rows)
    )
)
def test_a_workbook_gives_what_the_same_table_as_csv_gives(new_desk: NewDesk, rows: list[tuple[str, str]]) -> None:
    with new_desk() as desk:
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("query", "response"), *rows])
        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
            sheet = book.add_worksheet()
            for place, row in enumerate([("query", "response"), *rows]):
                for column, cell in enumerate(row):
                    sheet.write_string(place, column, cell)
        table, sheet_path = desk.write("csv/rows.csv", text.getvalue()), desk.write("book/rows.xlsx", buffer.getvalue())
        expected, seen = desk.read(table), desk.read(sheet_path)
        assert seen.rows == expected.rows and seen.numbers == expected.numbers == list(range(2, len(rows) + 2))
        assert outcome(desk, sheet_path, "other") == outcome(desk, table, "lines-out")


def test_identities_name_the_bytes_that_were_read(desk: "Desk") -> None:
    import hashlib

    rows = [{"query": "q", "response": "a", "n": 1, "x": 0.5, "tags": [], "inner": {"k": True}}]
    for name, make in OTHERS.items():
        path = Path(desk.write(name, make(rows)))
        seen = desk.read(str(path))
        assert seen.identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert seen.source.bytes_read == seen.identity.bytes == path.stat().st_size
