"""The engine gives the same bytes with any number of processes, survives torn batches, and tells what broke."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.guards.errors import CancelledError, ConfigError, InputError
from novaforge.tools.datasets.engine import run as engine
from novaforge.tools.datasets.engine.failures import exception_of, failure_of
from novaforge.tools.datasets.engine.pool import Pool
from novaforge.tools.datasets.engine.run import Engine
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading import opened
from novaforge.tools.datasets.reading.batch import Batch, TornBatchError
from novaforge.tools.datasets.results import TransformResult
from novaforge.tools.datasets.rows import Line, Reject
from tests.datasets.worker_modules import FOLDER, by_own_name

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

Task: Any = by_own_name("engine_task").Task
RATIOS = {"train": 0.8, "validation": 0.1, "test": 0.1}
ROWS = [
    (f'{index} a "quoted" text,\nwith a break <p>{"é" * (index % 50)}</p>', "abc"[index % 3])
    if index % 97
    else ("", "a")
    for index in range(3000)
]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return how to say how many workers there are, for however small a file; they get every batch, none is done here."""

    monkeypatch.setattr(Pool, "any_ready", property(lambda pool: True))
    monkeypatch.setattr(opened, "block_bytes", lambda total: 20_000)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")]))

    def use(count: int) -> None:
        monkeypatch.setattr(engine, "workers_for", lambda size: count)

    return use


def hashes(result: TransformResult) -> list[str]:
    rejects = [Path(result.rejected["uri"]).read_bytes()] if result.rejected["uri"] else []  # type: ignore[arg-type]
    return [file.sha256 for file in result.files] + [str(data) for data in rejects]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"split": RATIOS},
        {"split": RATIOS, "stratify_by": "Y"},
        {"split": {"train": 100, "test": 50}},
        {"split": RATIOS, "filters": {"exact_duplicates": True, "max_chars": 60}},
    ],
    ids=["one file", "ratios", "strata", "counts", "filters"],
)
def test_the_number_of_processes_changes_no_byte(
    desk: "Desk", processes: Callable[[int], None], more: dict[str, Any]
) -> None:
    source = desk.csv([*ROWS, *ROWS[:100]])
    found: list[list[str]] = []
    for count in (0, 1, 2, 3):
        processes(count)
        found.append(hashes(desk.transform(source, f"out-{count}", **more)))
    assert found[1:] == found[:1] * 3


@pytest.mark.parametrize("count", [0, 2])
def test_rows_of_every_method_and_a_validation_are_the_same_in_workers(
    desk: "Desk", processes: Callable[[int], None], count: int
) -> None:
    source = desk.csv(ROWS)
    processes(count)
    written = desk.transform(source, "sft").files[0]
    checked = desk.validate(written.uri)
    assert checked.rows == written.rows == sum(bool(body) for body, _ in ROWS)
    processes(0)
    assert desk.validate(written.uri) == checked


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_quote_that_opens_in_the_middle_is_read_in_sequence_with_the_same_result(
    desk: "Desk", processes: Callable[[int], None], count: int
) -> None:
    # A lone quote inside an unquoted cell: counting quotes misleads the cut, and a decoder may end inside a cell.
    lines = ["Body,Y"]
    for index in range(9000):
        lines.append(f'text {index},"a"' if index % 1500 else f'6" pipe {index},"multi\nline {index}"')
    source = desk.write("torn.csv", "\n".join(lines) + "\n")
    processes(count)
    result = desk.transform(source)
    text = Path(result.files[0].uri).read_text(encoding="utf-8")
    assert result.rows_read == result.rows_written + result.rejected["rows"]  # type: ignore[operator]
    processes(0)
    again = desk.transform(source, "again")
    assert hashes(again) == hashes(result) and "text 8999" in text


class FakeSource:
    """Batches of numbered lines."""

    uri, bytes_read, current_file = "fake", 0, 0

    def __init__(self, rows: int) -> None:
        self.batches = [
            Batch(0, start + 1, b"".join(b'{"t": "text %d"}\n' % number for number in range(start, start + 500)))
            for start in range(0, rows, 500)
        ]
        self.bytes_total = 50_000_000

    def sequential(self, batches: Iterable[Batch], on_reject: Any) -> Iterator[Line]:
        for batch in batches:
            for place, raw in enumerate(batch.data.splitlines()):
                if place == 7:
                    on_reject(Reject(batch.first + place, "seven"))
                else:
                    yield Line(batch.first + place, {}, raw)


def results_of(desk: "Desk", what: str, rows: int = 20_000) -> list[Any]:
    source = cast(Any, FakeSource(rows))
    heartbeat = Heartbeat(desk.ctx, source)
    with closing(Engine[Any](source, iter(source.batches), Task(what), heartbeat).results()) as results:
        return [result for _, result in results]


def test_results_come_in_order_from_several_processes(desk: "Desk", processes: Callable[[int], None]) -> None:
    processes(2)
    found = results_of(desk, "count")
    whole = b"".join(batch.data for batch in FakeSource(20_000).batches)
    assert b"".join(data for _, parts, _ in found for data in parts) == whole
    assert os.getpid() not in {pid for pid, _, _ in found}


def test_this_process_works_until_a_worker_is_ready_and_then_no_more(
    desk: "Desk", processes: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    processes(2)
    asked = iter(range(10**9))
    submit = Pool.submit
    monkeypatch.setattr(Pool, "any_ready", property(lambda pool: next(asked) >= 3))
    monkeypatch.setattr(Pool, "submit", lambda pool, *given: next(asked) >= 3 and submit(pool, *given))
    found = results_of(desk, "count")
    whole = b"".join(batch.data for batch in FakeSource(20_000).batches)
    assert b"".join(data for _, parts, _ in found for data in parts) == whole
    here = [pid == os.getpid() for pid, _, _ in found]
    assert here == sorted(here, reverse=True) and 0 < sum(here) < 5


@pytest.mark.parametrize("count", [0, 2])
def test_after_a_tear_the_rest_is_read_here_and_nothing_twice(
    desk: "Desk", processes: Callable[[int], None], count: int
) -> None:
    processes(count)
    found = results_of(desk, "tear")
    lines = [line for _, parts, _ in found for data in parts for line in data.splitlines()]
    rejected = sum(rejects for _, _, rejects in found)
    assert len(lines) == len(set(lines)) and len(lines) + rejected == 20_000 and rejected == 30


def test_a_killed_worker_is_an_error_that_says_so(desk: "Desk", processes: Callable[[int], None]) -> None:
    processes(2)
    work = Task("die")
    source = cast(Any, FakeSource(20_000))
    run = Engine[Any](source, iter(source.batches), work, Heartbeat(desk.ctx, source))
    with closing(run.results()) as results, pytest.raises(ConfigError, match="ended by signal 9"):
        list(results)


@pytest.mark.parametrize("count", [0, 2])
def test_an_error_of_a_worker_keeps_its_type_and_tells_no_row(
    desk: "Desk", processes: Callable[[int], None], count: int
) -> None:
    processes(count)
    with pytest.raises(InputError) as refused:
        results_of(desk, "refuse")
    assert refused.value.as_data() == {"error": "input", "message": "No.", "fix": "y", "field": "x", "value": 1}
    with pytest.raises(RuntimeError, match="ValueError in a data worker") as broken:
        results_of(desk, "break")
    assert "text" not in str(broken.value)


def test_workers_end_with_the_results(desk: "Desk", processes: Callable[[int], None]) -> None:
    processes(2)
    source = cast(Any, FakeSource(20_000))
    run = Engine[Any](source, iter(source.batches), Task(), Heartbeat(desk.ctx, source))
    results = run.results()
    pids = {next(results)[1][0] for _ in range(30)}
    results.close()
    assert pids and os.getpid() not in pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_cancelled_call_ends_with_nothing_written(desk: "Desk", processes: Callable[[int], None]) -> None:
    processes(2)
    asked = iter(range(10**9))
    ctx = replace(desk.ctx, cancelled=lambda: next(asked) > 3)
    source = desk.csv(ROWS)
    before = desk.tree()
    with pytest.raises(CancelledError):
        desk.transform(source, ctx=ctx, split=RATIOS, stratify_by="Y")
    assert desk.tree() == before


def test_a_worker_starts_without_what_it_does_not_need(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(Engine, "__init__", _recording(kept, Engine.__init__))
    desk.transform(desk.csv(ROWS[:50]))
    script = (
        "import pickle, sys; pickle.loads(sys.stdin.buffer.read()).start();"
        "print([name for name in ('pydantic', 'boto3', 'numpy', 'mcp', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], input=pickle.dumps(kept[0]), capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"


def _recording(kept: list[Any], init: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: Any, source: Any, batches: Any, work: Any, heartbeat: Any) -> None:
        kept.append(work)
        init(self, source, batches, work, heartbeat)

    return wrapped


def test_failures_of_ours_survive_the_way_between_processes() -> None:
    again = exception_of(pickle.loads(pickle.dumps(failure_of(InputError("m", field="f", value=2, fix="x", extra=3)))))
    assert isinstance(again, InputError)
    assert again.as_data() == {"error": "input", "message": "m", "fix": "x", "field": "f", "value": 2, "extra": 3}
    assert isinstance(exception_of(failure_of(TornBatchError())), TornBatchError)


def test_a_manifest_is_enough_to_write_the_same_bytes_again(desk: "Desk") -> None:
    source = desk.csv([*ROWS, *ROWS[:50]])
    first = desk.transform(
        source, "first", split=RATIOS, seed=9, group_by="Body", system_prompt="S", columns={"query": "Body", "response": "Y"},
        filters={"exact_duplicates": True, "max_chars": 70},
    )  # fmt: skip
    manifest = json.loads(Path(first.manifest_uri).read_text(encoding="utf-8"))
    arguments = {
        name: value for name, value in manifest["arguments"].items() if name not in ("source", "method", "model")
    }
    again = desk.transform(manifest["source"]["uri"], "again", manifest["method"], **arguments)
    assert hashes(again) == hashes(first)
    assert manifest["labels"] and manifest["environment"]["libraries"]["orjson"]
