"""Files of typed columns and workbooks are read by another process; whatever becomes of it, the call ends with rows or a clear error."""

import io
import os
import signal
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from novaforge.guards.errors import CancelledError, ConfigError, InputError, RefusedError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.datasets.reading import apart_process
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.source import open_source

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

BUCKET = "novaforge-sandbox"
TEXT = "x" * 2000


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return the processes that were given files, the last one at the end."""
    apart_process.end_idle()
    taken: list[int] = []
    take = apart_process.take

    def noted(look: Callable[[], None]) -> apart_process.Process:
        process = take(look)
        taken.append(process.pid)
        return process

    monkeypatch.setattr(apart_process, "take", noted)
    yield taken
    apart_process.end_idle()


def small(desk: "Desk", name: str = "small.parquet") -> str:
    parquet.write_table(pa.table({"t": ["a", "b", "c"]}), desk.folder / name)
    return str(desk.folder / name)


def large(desk: "Desk") -> str:
    """Return a file of more batches than the sockets between the processes hold."""
    table = pa.table({"t": [f"{number}{TEXT}" for number in range(5000)]})
    parquet.write_table(table, desk.folder / "large.parquet", compression="none", use_dictionary=False)
    return str(desk.folder / "large.parquet")


@contextmanager
def begun(desk: "Desk", ctx: Any = None) -> Generator[Iterator[Batch]]:
    """Yield the batches of a large file behind the first one."""
    with open_source(ctx or desk.ctx, large(desk)) as source:
        batches = source.batches()
        next(batches)
        yield batches


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_a_reader_that_dies_is_an_error_that_names_the_file_and_how(
    desk: "Desk", readers: list[int], number: signal.Signals
) -> None:
    with begun(desk) as batches:
        os.kill(readers[-1], number)
        with pytest.raises(
            InputError, match=rf"large\.parquet cannot be read as parquet; .* by {number.name}"
        ) as caught:
            list(batches)
    assert caught.value.fix and not is_there(readers[-1])
    assert len(desk.read(small(desk)).rows) == 3 and len(set(readers)) == 2


def test_a_reader_that_hangs_is_an_error_in_the_end(
    desk: "Desk", readers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(desk) as batches:
        os.kill(readers[-1], signal.SIGSTOP)
        monkeypatch.setattr(apart_process, "QUIET_S", 0.3)
        with pytest.raises(InputError, match=r"gave no sign for 0\.3 s"):
            list(batches)
    assert not is_there(readers[-1])


def test_a_cancelled_call_ends_the_reader_it_waits_for(desk: "Desk", readers: list[int]) -> None:
    cancelled: list[bool] = []
    with begun(desk, replace(desk.ctx, cancelled=lambda: bool(cancelled))) as batches:
        os.kill(readers[-1], signal.SIGSTOP)
        cancelled.append(True)
        with pytest.raises(CancelledError):
            list(batches)
    assert not is_there(readers[-1])


def test_a_source_closed_half_way_ends_its_reader(desk: "Desk", readers: list[int]) -> None:
    with begun(desk):
        assert is_there(readers[-1])
    assert not is_there(readers[-1])


def test_one_reader_serves_file_after_file_and_is_replaced_when_it_ended(desk: "Desk", readers: list[int]) -> None:
    path = small(desk)
    (desk.folder / "many").mkdir()
    for number in range(3):
        small(desk, f"many/{number}.parquet")
    assert len(desk.read(path).rows) == 3 and len(desk.read(str(desk.folder / "many")).rows) == 9
    parquet.write_table(pa.table({"d": pa.array([1], pa.duration("s"))}), desk.folder / "d.parquet")
    with pytest.raises(RefusedError, match="duration"):
        desk.read(str(desk.folder / "d.parquet"))
    assert len(readers) == 5 and len(set(readers)) == 1
    os.kill(readers[0], signal.SIGKILL)
    assert len(desk.read(path).rows) == 3 and readers[-1] != readers[0]


def test_two_sources_at_a_time_have_a_reader_each(desk: "Desk", readers: list[int]) -> None:
    with begun(desk) as batches:
        assert len(desk.read(small(desk)).rows) == 3
        assert sum(batch.data.count(b"\n") for batch in batches) > 4000
    assert len(set(readers)) == 2 and len(desk.read(small(desk)).rows) == 3 and len(set(readers)) == 2


def test_a_reader_that_cannot_start_is_an_error_of_the_installation(
    desk: "Desk", readers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small(desk)
    monkeypatch.setattr(apart_process, "command", lambda module: ["/bin/sh", "-c", "exit 3"])
    with pytest.raises(ConfigError, match="ended with status 3 at its start"):
        desk.read(path)
    monkeypatch.setattr(apart_process, "command", lambda module: [str(desk.folder / "absent")])
    with pytest.raises(ConfigError, match="No process can be started"):
        desk.read(path)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system does not show environments")
def test_a_reader_has_no_keys(desk: "Desk", readers: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-parent")
    with begun(desk):
        seen = Path(f"/proc/{readers[-1]}/environ").read_bytes()
    assert b"secret-of-the-parent" not in seen and b"AWS_" not in seen and b"PATH=" in seen


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system does not show environments")
def test_a_reader_takes_the_memory_of_one_thread_on_any_machine(
    desk: "Desk", readers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "64")
    with begun(desk):
        seen = Path(f"/proc/{readers[-1]}/environ").read_bytes().split(b"\0")
    assert b"OPENBLAS_NUM_THREADS=1" in seen and b"OPENBLAS_NUM_THREADS=64" not in seen


def test_what_a_reader_says_is_held_against_what_it_sends(
    desk: "Desk", readers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = apart_process.Process.receive

    def one_row_less(self: apart_process.Process, look: Callable[[], None]) -> tuple[bytes, bytearray]:
        kind, content = receive(self, look)
        return kind, content[:-1] if kind == b"B" else content

    monkeypatch.setattr(apart_process.Process, "receive", one_row_less)
    with pytest.raises(InputError, match="cannot be read as parquet"):
        desk.read(small(desk))


def claiming(rows: int) -> bytes:
    """Return a file of some hundred bytes that says it has so many rows of nothing."""
    buffer = io.BytesIO()
    batch = pa.record_batch({"nothing": pa.nulls(123_456_789)})
    with ipc.new_file(buffer, batch.schema) as out:
        out.write_batch(batch)
    return buffer.getvalue().replace(struct.pack("<q", 123_456_789), struct.pack("<q", rows))


def test_rows_that_take_no_bytes_are_read_a_few_at_a_time_and_can_be_cancelled(
    desk: "Desk", readers: list[int]
) -> None:
    path = desk.write("claims.arrow", claiming(50_000_000))
    cancelled: list[bool] = []
    with open_source(replace(desk.ctx, cancelled=lambda: bool(cancelled)), path) as source:
        batches = source.batches()
        seen = [next(batches) for _ in range(4)]
        assert max(len(batch.data) for batch in seen) < 200_000 and seen[3].first > seen[2].first > 1
        shares = [source.bytes_read for _ in (1,) if next(batches)]
        assert 0 <= shares[0] < source.bytes_total
        cancelled.append(True)
        os.kill(readers[-1], signal.SIGSTOP)
        with pytest.raises(CancelledError):
            for _ in batches:
                pass
    assert not is_there(readers[-1])
    assert len(desk.read(desk.write("few.arrow", claiming(20_000))).rows) == 20_000


def test_more_rows_than_anybody_would_wait_for_are_refused_unread(desk: "Desk") -> None:
    with pytest.raises(RefusedError, match="claims 1000000000000000 rows") as caught:
        desk.read(desk.write("claims.arrow", claiming(10**15)))
    assert caught.value.fix


def test_a_column_that_asks_for_a_thousand_gigabytes_costs_an_error(desk: "Desk", readers: list[int]) -> None:
    buffer = io.BytesIO()
    batch = pa.record_batch({"t": ["x" * 100_003]})
    with ipc.new_file(buffer, batch.schema, options=ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_batch(batch)
    good = buffer.getvalue()
    unpacked, zstd = struct.pack("<q", 100_003), b"\x28\xb5\x2f\xfd"
    assert good.count(unpacked + zstd) == 1
    bad = good.replace(unpacked + zstd, struct.pack("<q", 2**40) + zstd)
    with pytest.raises(InputError, match="more than the 1024 MB of memory") as caught:
        desk.read(desk.write("row.arrow", bad))
    assert caught.value.fix and len(desk.read(small(desk)).rows) == 3 and len(set(readers)) == 2


@pytest.fixture
def prefix() -> str:
    return f"s3://{BUCKET}/apart/{uuid4().hex}"


def test_objects_are_read_through_the_parent_which_has_the_keys(desk: "Desk", storage: Storage, prefix: str) -> None:
    ctx = desk.context(storage=storage)
    table = pa.table({"Body": [f"q{number}" for number in range(3000)], "Y": ["HQ"] * 3000})
    with pa.OSFile(str(desk.folder / "a"), "wb") as sink, ipc.new_stream(sink, table.schema) as out:
        out.write_table(table, max_chunksize=500)
    parquet.write_table(table, desk.folder / "b")
    made = openpyxl.Workbook()
    sheet: Any = made.active
    for row in [["Body", "Y"], *table.to_pylist()]:
        sheet.append(list(row.values()) if isinstance(row, dict) else row)
    made.save(desk.folder / "c")
    for name, key in (("a", "a.arrow"), ("b", "b.parquet"), ("c", "c.xlsx")):
        storage.put(f"{prefix}/{key}", (desk.folder / name).read_bytes())
        seen = desk.read(f"{prefix}/{key}", ctx)
        rows = [tuple(row.values()) if isinstance(row, dict) else tuple(row) for row in seen.rows]
        assert rows == [(f"q{number}", "HQ") for number in range(3000)] and seen.identity.etag


def test_an_object_replaced_while_it_is_read_is_an_error(
    desk: "Desk", storage: Storage, aws: Aws, prefix: str, readers: list[int]
) -> None:
    uri = f"{prefix}/large.parquet"
    storage.put(uri, Path(large(desk)).read_bytes())
    with open_source(desk.context(storage=storage), uri) as source:
        batches = source.batches()
        next(batches)
        aws.call("s3", "put_object", Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"), Body=b"other")
        with pytest.raises(InputError, match="changed while it was being read"):
            list(batches)
    assert not is_there(readers[-1])
