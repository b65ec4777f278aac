"""Any bytes under any name end in rows, rejects or a clear refusal: never a crash, never a hang, nothing left behind."""

import gzip
import io
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.tool import inspect_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

NewDesk = Callable[[], AbstractContextManager["Desk"]]
ROWS = [{"query": f"what is {number}?", "response": "é ü 日本" * number, "note": 'a "b", c'} for number in range(1, 30)]
CSV = (
    "query,response,note\r\n" + "".join('"{query}","{response}","x, ""y"""\r\n'.format(**row) for row in ROWS)
).encode()
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
SECONDS = 60


def _parquet() -> bytes:
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), buffer, row_group_size=10, compression="snappy")
    return buffer.getvalue()


def _arrow(kind: str) -> bytes:
    import pyarrow

    table, buffer = pyarrow.Table.from_pylist(ROWS), io.BytesIO()
    with (pyarrow.ipc.new_stream if kind == "stream" else pyarrow.ipc.new_file)(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def _excel() -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([dict.fromkeys(ROWS[0], "x") | {key: key for key in ROWS[0]}, *ROWS]):
            sheet.write_row(place, 0, list(row.values()))
    return buffer.getvalue()


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.compress(data)


VALID: dict[str, Callable[[], bytes]] = {
    "data.csv": lambda: CSV,
    "data.tsv": lambda: CSV.replace(b",", b"\t"),
    "data.jsonl": lambda: JSONL,
    "data.json": lambda: json.dumps(ROWS, ensure_ascii=False).encode(),
    "object.json": lambda: json.dumps({"version": 1, "data": ROWS}).encode(),
    "data.parquet": _parquet,
    "data.feather": lambda: _arrow("file"),
    "data.arrow": lambda: _arrow("stream"),
    "data.xlsx": _excel,
    "data.csv.gz": lambda: gzip.compress(CSV, mtime=0),
    "data.jsonl.zst": lambda: _zstd(JSONL),
    "utf16.csv": lambda: CSV.decode().encode("utf-16"),
    "notes.txt": lambda: b"First paragraph.\n\nSecond one.\n" * 20,
    "notes.md": lambda: b"# Title\n\nText.\n" * 20,
    "data": lambda: JSONL,
}
_made: dict[str, bytes] = {}


def _valid(name: str) -> bytes:
    if name not in _made:
        _made[name] = VALID[name]()
    return _made[name]


@contextmanager
def _alarm() -> Iterator[None]:
    """Turn a hang into a failure."""

    def stop(number: int, frame: Any) -> None:
        raise AssertionError(f"still busy after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _try(new_desk: NewDesk, name: str, data: bytes) -> None:
    """Let every tool read the bytes; only the project's errors may come out, and only a whole target may be left."""
    with new_desk() as desk, _alarm():
        source = desk.write(name, data)
        before = desk.tree()
        columns = {"query": "query", "response": "response"}
        calls: list[Callable[[], Any]] = [
            lambda: inspect_dataset(desk.ctx, source=source),
            lambda: desk.validate(source),
            lambda: desk.transform(source, columns=columns, split={"train": 0.5, "test": 0.5}),
            lambda: desk.transform(source, "auto"),
        ]
        for call in calls:
            tree, folders = desk.tree(), {path for path in desk.folder.rglob("*") if path.is_dir()}
            try:
                result = call()
            except NovaForgeError as error:
                assert desk.tree() == tree and folders == {path for path in desk.folder.rglob("*") if path.is_dir()}
                assert str(error)
                continue
            if hasattr(result, "rows_written"):
                assert result.rows_read == result.rows_written + result.rejected["rows"] + result.rows_unused
        assert desk.tree()[name] == before[name]


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=600))
def test_random_bytes_under_any_name(new_desk: NewDesk, name: str, data: bytes) -> None:
    _try(new_desk, name, data)


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_valid_files_with_changed_bytes(new_desk: NewDesk, name: str, data: st.DataObject) -> None:
    valid = bytearray(_valid(name))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(valid) - 1))
        end = min(len(valid), place + data.draw(st.integers(0, 6)))
        valid[place:end] = data.draw(st.binary(max_size=6))
        if not valid:
            valid += b"x"
    _try(new_desk, name, bytes(valid))


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=20, deadline=None)
@given(share=st.floats(0, 1))
def test_files_cut_off_anywhere(new_desk: NewDesk, name: str, share: float) -> None:
    valid = _valid(name)
    _try(new_desk, name, valid[: int(len(valid) * share)])


@pytest.mark.parametrize("name", ["data.csv.gz", "data.jsonl.zst"])
def test_a_cut_compressed_file_is_an_error_and_not_a_shorter_file(desk: "Desk", name: str) -> None:
    valid = _valid(name)
    source = desk.write(name, valid[: len(valid) * 2 // 3])
    with pytest.raises(NovaForgeError):
        desk.transform(source, columns={"query": "query", "response": "response"})
    assert list(desk.tree()) == [name]


def test_a_small_file_that_unpacks_to_gigabytes_does_not_fill_the_memory(desk: "Desk") -> None:
    import resource

    line = json.dumps({"query": "q" * 500, "response": "a"}).encode() + b"\n"
    packed = gzip.compress(line * 200_000)  # 100 MB out of well under one
    source = desk.write("bomb.jsonl.gz", packed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = inspect_dataset(desk.ctx, source=source)
    assert seen.rows == 200_000 and len(packed) < 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
    endless = desk.write("line.jsonl.gz", gzip.compress(b'{"query":"' + b"x" * 150_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NovaForgeError):
        inspect_dataset(desk.ctx, source=endless)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
