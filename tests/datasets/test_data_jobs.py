"""Passes over data: one for equal calls, a handle when they take long, an honest answer after the process ended."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import CancelledError, InputError, RefusedError
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext, never
from novaforge.tools.datasets.jobs import registry
from novaforge.tools.datasets.jobs.job import DataJob
from novaforge.tools.datasets.jobs.registry import DataJobs, job_id_of
from novaforge.tools.datasets.jobs.stored import StoredJob
from novaforge.tools.datasets.progress import refuse_cancelled
from novaforge.tools.datasets.results import InspectResult, TransformResult
from novaforge.tools.jobs.tool import get_job, list_jobs, stop_job, tail_logs

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

PATIENT_S = 300.0  # for what will happen, on a machine however busy
ARGUMENTS: JsonObject = {"source": "rows.csv", "columns": {"query": "Body"}}


class NoJobs:
    """A ledger without jobs."""

    def jobs(self, *asked: Any) -> list[Any]:
        return []


class Bench:
    """Data jobs, and a pass that goes on until it is released or stopped."""

    def __init__(self, ctx: ToolContext, folder: Path, answer_within_s: float) -> None:
        self.jobs = DataJobs(folder, answer_within_s)
        self.folder = folder
        ledger: Any = NoJobs()
        self.ctx = replace(ctx, data_jobs=self.jobs, ledger=ledger, work_dir=folder)
        self.release = threading.Event()
        self.begun = threading.Semaphore(0)
        self.runs = 0
        self.error: Exception | None = None
        self.result: Any = InspectResult(rows=7, next_step="go on")

    def work(self, ctx: ToolContext) -> Any:
        self.runs += 1
        ctx.rows_done(7)
        ctx.progress(70.0, 140.0, "7 rows read")
        self.begun.release()
        while not self.release.wait(0.01):
            refuse_cancelled(ctx)
        if self.error:
            raise self.error
        return self.result

    def call(self, gone: Callable[[], bool] = never, tool: str = "inspect_dataset", **more: Any) -> Any:
        progress: Any = more.pop("progress", lambda *told: None)
        return self.jobs.run(self.ctx, tool, ARGUMENTS | more, self.work, progress=progress, gone=gone)

    def ended(self, job: DataJob) -> DataJob:
        """Wait until a pass has ended."""
        with job.changed:
            assert job.changed.wait_for(lambda: job.ended, PATIENT_S)
        threading_done(job.job_id)
        return job


def threading_done(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(PATIENT_S)


MakeBench = Callable[..., Bench]


@pytest.fixture
def bench(desk: "Desk") -> Iterator[MakeBench]:
    made: list[Bench] = []

    def make(answer_within_s: float = 0.0) -> Bench:
        made.append(Bench(desk.ctx, desk.folder / "work", answer_within_s))
        return made[-1]

    yield make
    for one in made:
        one.jobs.close()


def test_a_short_pass_is_an_ordinary_call_and_starts_again_next_time(bench: MakeBench) -> None:
    one = bench(PATIENT_S)
    one.release.set()
    for runs in (1, 2):
        job = one.call()
        assert job.outcome(InspectResult) is one.result and one.runs == runs
    assert one.jobs.all() == [] and not (one.folder / "jobs").exists()


def test_a_long_pass_is_answered_with_a_handle_progress_and_what_to_do(bench: MakeBench) -> None:
    one = bench()
    one.call()
    one.begun.acquire(timeout=PATIENT_S)
    shown = one.call().outcome(InspectResult)
    assert (shown.status, shown.job_id) == ("running", job_id_of("inspect_dataset", ARGUMENTS))
    assert shown.job_id.startswith("data-") and len(shown.job_id) == 17
    assert (shown.progress["rows"], shown.progress["bytes"], shown.progress["bytes_total"]) == (7, 70, 140)
    assert {"rows_per_s", "bytes_per_s", "expected_end", "elapsed_s"} <= set(shown.progress)
    assert "get_job" in shown.next_step and shown.job_id in shown.text()
    assert one.runs == 1


def test_the_handle_depends_on_tool_and_arguments_only() -> None:
    same: JsonObject = {"columns": {"query": "Body"}, "source": "rows.csv"}
    assert job_id_of("inspect_dataset", ARGUMENTS) == job_id_of("inspect_dataset", same)
    assert job_id_of("inspect_dataset", ARGUMENTS) != job_id_of("validate_dataset", ARGUMENTS)
    assert job_id_of("inspect_dataset", ARGUMENTS) != job_id_of("inspect_dataset", ARGUMENTS | {"sample_rows": 3})


def test_equal_calls_share_one_pass_and_the_first_after_its_end_gets_the_result(bench: MakeBench) -> None:
    one = bench()
    first, second = one.call(), one.call()
    assert first is second and one.runs <= 1
    one.release.set()
    one.ended(first)
    assert one.call().outcome(InspectResult).rows == 7 and one.runs == 1
    again = one.call()
    one.ended(again)
    assert one.runs == 2, "a later call reads the source again: it may have changed"


def test_what_was_written_is_not_written_twice_while_it_is_there(bench: MakeBench, desk: "Desk") -> None:
    one = bench()
    manifest = desk.write("out/manifest.json", "{}")
    one.result = TransformResult(rows_written=7, manifest_uri=manifest)
    first = one.call(tool="transform_dataset")
    one.release.set()
    one.ended(first)
    for _ in range(3):
        assert one.call(tool="transform_dataset").outcome(TransformResult).rows_written == 7
    assert one.runs == 1
    later = bench()  # as after a restart
    assert later.call(tool="transform_dataset").outcome(TransformResult).rows_written == 7 and later.runs == 0
    Path(manifest).unlink()
    again = later.call(tool="transform_dataset")
    later.release.set()
    later.ended(again)
    assert later.runs == 1


def test_a_pass_that_failed_says_so_and_may_be_tried_again(bench: MakeBench) -> None:
    one = bench()
    one.error = InputError("no such column", field="columns", fix="name another")
    job = one.call()
    one.release.set()
    one.ended(job)
    shown = get_job(one.ctx, job_id=job.job_id)
    assert (shown.phase, shown.failure["cause"], shown.next_step) == ("failed", "no such column", "name another")
    one.error = None
    again = one.call()
    one.ended(again)
    assert one.runs == 2


def test_a_crash_shows_no_rows(bench: MakeBench) -> None:
    one = bench()
    one.error = ValueError("row content: secret")
    job = one.call()
    one.release.set()
    one.ended(job)
    assert "secret" not in get_job(one.ctx, job_id=job.job_id).model_dump_json()


def test_a_call_everybody_left_is_stopped_and_one_with_a_handle_goes_on(bench: MakeBench) -> None:
    one = bench(PATIENT_S)
    gone = threading.Event()
    caller = threading.Thread(target=one.call, args=(gone.is_set,))
    caller.start()
    assert one.begun.acquire(timeout=PATIENT_S)
    (job,) = one.jobs.all()
    assert isinstance(job, DataJob)
    gone.set()
    caller.join(PATIENT_S)
    assert one.ended(job).phase == "stopped"
    two = bench()
    held = two.call()
    two.jobs.run(two.ctx, "inspect_dataset", ARGUMENTS, two.work, progress=lambda *told: None, gone=lambda: True)
    assert not held.cancelled
    two.release.set()
    assert two.ended(held).phase == "completed"


def test_a_pass_another_call_waits_for_is_not_stopped(bench: MakeBench) -> None:
    one = bench(PATIENT_S)
    gone, got = threading.Event(), list[Any]()
    leaving = threading.Thread(target=one.call, args=(gone.is_set,))
    leaving.start()
    assert one.begun.acquire(timeout=PATIENT_S)
    staying = threading.Thread(target=lambda: got.append(one.call()))
    staying.start()
    job = one.jobs.all()[0]
    assert isinstance(job, DataJob)
    with job.changed:
        assert job.changed.wait_for(lambda: job.callers == 2, PATIENT_S) or job.callers == 2
    gone.set()
    leaving.join(PATIENT_S)
    one.release.set()
    staying.join(PATIENT_S)
    assert got[0].phase == "completed"


def test_stopping_leaves_an_error_that_says_nothing_was_written(bench: MakeBench) -> None:
    one = bench()
    job = one.call()
    assert stop_job(one.ctx, job_id=job.job_id).phase == "stopping"  # on a server that may write nothing
    assert one.ended(job).phase == "stopped"
    assert isinstance(job.error, CancelledError)
    shown = get_job(one.ctx, job_id=job.job_id)
    assert shown.phase == "stopped" and "nothing was written" in str(shown.failure["cause"])
    with pytest.raises(RefusedError, match="already stopped"):
        stop_job(one.ctx, job_id=job.job_id)


def test_a_call_after_a_stop_waits_for_it_and_starts_anew(bench: MakeBench) -> None:
    one = bench()
    stopped = one.call()
    stopped.stop()
    again = one.call()
    assert again is not stopped
    one.release.set()
    assert one.ended(again).phase == "completed" and stopped.phase in {"stopped", "completed"}


def test_the_job_tools_show_a_pass_its_result_and_that_it_has_no_log(bench: MakeBench) -> None:
    one = bench()
    job = one.call()
    one.begun.acquire(timeout=PATIENT_S)
    shown = get_job(one.ctx, job_id=job.job_id)
    assert (shown.phase, shown.method, shown.stage) == ("running", "inspect_dataset", "7 rows read")
    assert shown.progress["rows"] == 7 and not shown.result and "nothing is billed" in shown.billing
    assert [(row.job_id, row.phase) for row in list_jobs(one.ctx).jobs] == [(job.job_id, "running")]
    assert list_jobs(one.ctx, status="completed").jobs == [] == list_jobs(one.ctx, platform="sagemaker").jobs
    assert "no log" in tail_logs(one.ctx, job_id=job.job_id).next_step
    one.release.set()
    one.ended(job)
    done = get_job(one.ctx, job_id=job.job_id)
    assert done.phase == "completed" and InspectResult.model_validate(done.result) == one.result
    assert done.next_step == "go on" and one.result.text() in done.text()
    assert list_jobs(one.ctx, status="completed").jobs[0].job_id == job.job_id
    with pytest.raises(InputError, match="no such data job"):
        get_job(one.ctx, job_id="data-000000000000")


def test_a_pass_that_ended_shows_all_its_rows_and_its_next_step_once(bench: MakeBench) -> None:
    one = bench()
    one.result = InspectResult(rows=300, next_step="go on")
    job = one.call()
    one.release.set()
    one.ended(job)
    shown = get_job(one.ctx, job_id=job.job_id)
    assert shown.progress["rows"] == 300 and shown.text().count("go on") == 1
    assert list_jobs(one.ctx).jobs[0].stage == "300 rows"


def test_progress_is_told_again_while_nothing_moves_and_always_grows(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SAY_EVERY_S", 0.0)
    monkeypatch.setattr(registry, "LOOK_EVERY_S", 0.01)
    one = bench(PATIENT_S)
    told: list[tuple[float, float | None, str]] = []

    def progress(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))
        if len(told) == 5:
            one.release.set()

    one.call(progress=progress)
    assert len(told) >= 5 and [done for done, *_ in told] == sorted({done for done, *_ in told})
    assert told[-1][1:] == (140.0, "7 rows read")


def test_more_passes_than_fit_wait_for_their_turn(bench: MakeBench) -> None:
    one = bench()
    jobs = [one.call(sample_rows=number) for number in range(registry.AT_ONCE + 2)]
    for _ in range(registry.AT_ONCE):
        assert one.begun.acquire(timeout=PATIENT_S)
    waiting = [job for job in jobs if job.phase == "waiting"]
    assert len(waiting) == 2 and one.runs == registry.AT_ONCE
    waiting[0].stop()
    assert one.ended(waiting[0]).phase == "stopped"  # at once: it needs no place for that
    one.release.set()
    phases = [one.ended(job).phase for job in jobs]
    assert phases.count("completed") == registry.AT_ONCE + 1


def test_the_end_of_the_process_stops_what_runs(bench: MakeBench) -> None:
    one = bench()
    job = one.call()
    one.jobs.close()
    assert job.phase == "stopped"


def test_a_later_process_has_the_result_and_says_what_it_was(bench: MakeBench) -> None:
    one = bench()
    job = one.call()
    one.release.set()
    one.ended(job)
    later = bench()
    shown = get_job(later.ctx, job_id=job.job_id)
    assert (shown.phase, shown.stage) == ("completed", "ended in an earlier server process")
    assert InspectResult.model_validate(shown.result) == one.result and one.result.text() in shown.text()
    assert list_jobs(later.ctx).jobs[0].note == "of an earlier server process"


def test_another_living_process_is_told_and_not_competed_with(bench: MakeBench) -> None:
    one, two = bench(), bench()
    job = one.call()
    one.begun.acquire(timeout=PATIENT_S)
    shown = two.call()
    assert isinstance(shown, StoredJob) and two.runs == 0
    outcome = shown.outcome(InspectResult)
    assert isinstance(outcome, InspectResult) and (outcome.status, outcome.job_id) == ("running", job.job_id)
    assert get_job(two.ctx, job_id=job.job_id).phase == "running"
    with pytest.raises(RefusedError, match="another server process"):
        stop_job(two.ctx, job_id=job.job_id)


KILLED = """
import os, signal, sys, threading
from datetime import UTC, datetime
from pathlib import Path
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.jobs.registry import DataJobs
from novaforge.tools.datasets.output.outputs import Outputs

folder, moment = Path(sys.argv[1]), sys.argv[2]
begun = threading.Event()

def hold(name):
    if name == moment:
        begun.set()
        threading.Event().wait()

ctx = ToolContext(
    mode=Mode(), policy=Policy(), ledger=None, aws=None, audit=None, storage=Storage(Aws(), (folder,)),
    clock=lambda: datetime.now(UTC), checkpoint=hold, work_dir=folder / "work",
)

def work(ctx):
    with Outputs.of(ctx, str(folder / "out")) as outputs:
        outputs.create("manifest", "manifest.json").write(b"{}")
        outputs.commit()

DataJobs(folder / "work", 0.0).run(ctx, "transform_dataset", {"target": str(folder / "out")}, work, progress=print)
begun.wait()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("moment", "phase", "said"),
    [
        ("publish:created", "failed", "nothing was written"),
        ("publish:after_rename", "completed", "files were complete"),
    ],
)
def test_after_a_kill_the_answer_is_what_really_happened(
    bench: MakeBench, desk: "Desk", moment: str, phase: str, said: str
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(desk.folder), moment], timeout=PATIENT_S, check=False)
    one = bench()
    job_id = job_id_of("transform_dataset", {"target": str(desk.folder / "out")})
    shown = get_job(one.ctx, job_id=job_id)
    assert shown.phase == phase and said in shown.model_dump_json()
    assert not list(desk.folder.glob(".out.*")) and (desk.folder / "out").exists() == (phase == "completed")
    assert [row.job_id for row in list_jobs(one.ctx).jobs] == [job_id]


def test_old_states_are_pruned_and_damaged_ones_ignored(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novaforge.tools.datasets.jobs.stored.KEPT", 2)
    one = bench()
    states = one.folder / "jobs"
    states.mkdir(parents=True)
    for number in range(4):
        (states / f"data-{number}.jsonl").write_bytes(b"not json\n\x00")
    job = one.call()
    one.release.set()
    one.ended(job)
    assert len(list(states.iterdir())) == 3
    assert [row.job_id for row in list_jobs(bench().ctx).jobs] == [job.job_id]
