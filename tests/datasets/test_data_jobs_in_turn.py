"""A pass that is called again while it stops begins when the first has ended; what is told of its speed is what it did."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.jobs import job as jobs
from novaforge.tools.datasets.jobs.job import DataJob
from novaforge.tools.datasets.jobs.registry import DataJobs, job_id_of
from novaforge.tools.datasets.results import InspectResult

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

PATIENT_S = 300.0


def ended(job: DataJob) -> DataJob:
    with job.changed:
        assert job.changed.wait_for(lambda: job.ended, PATIENT_S)
    return job


def start(made: DataJobs, ctx: ToolContext, work: Any) -> DataJob:
    job = made.run(ctx, "transform_dataset", {"target": "out"}, work, progress=lambda *told: None)
    assert isinstance(job, DataJob)
    return job


def test_of_two_passes_to_one_target_the_second_begins_when_the_first_has_ended(desk: "Desk") -> None:
    made = DataJobs(desk.folder / "work", 0.0)
    begun, release, order = threading.Event(), threading.Event(), list[str]()
    second_begun = threading.Event()

    def slow(ctx: ToolContext) -> InspectResult:
        begun.set()
        assert release.wait(PATIENT_S)
        order.append("first ended")
        return InspectResult(rows=1, next_step="go on")

    def next_one(ctx: ToolContext) -> InspectResult:
        order.append("second begun")
        second_begun.set()
        return InspectResult(rows=2, next_step="go on")

    first = start(made, desk.ctx, slow)
    assert begun.wait(PATIENT_S)
    first.stop()
    second = start(made, desk.ctx, next_one)
    assert second is not first and not second_begun.wait(0.2)
    release.set()
    ended(first)
    ended(second)
    made.close()
    assert order == ["first ended", "second begun"] and second.phase == "completed"


def test_an_error_is_raised_again_by_the_call_that_asks_for_the_outcome(desk: "Desk") -> None:
    def failing(ctx: ToolContext) -> InspectResult:
        raise InputError("no such column", field="columns", fix="name another")

    job = ended(start(DataJobs(None, PATIENT_S), desk.ctx, failing))
    with pytest.raises(InputError, match="no such column"):
        job.outcome(InspectResult)


def test_rows_and_bytes_a_second_and_the_expected_end_follow_from_what_was_done(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: now))
    at: datetime = desk.ctx.clock()
    ctx = replace(desk.ctx, clock=lambda: at)
    job = DataJob("data-1", "inspect_dataset", {}, ctx)
    shown: list[Any] = []

    def work(inner: ToolContext) -> InspectResult:
        nonlocal now
        now += 20
        inner.rows_done(600)
        inner.progress(4000.0, 16000.0, "reading")
        shown.append(job.progress())
        return InspectResult(rows=600, next_step="go on")

    job.work(work)
    assert shown == [
        {
            "elapsed_s": 20.0, "rows": 600, "bytes": 4000, "bytes_total": 16000, "rows_per_s": 30, "bytes_per_s": 200,
            "expected_end": (at + timedelta(seconds=60)).isoformat(timespec="seconds"),
        }
    ]  # fmt: skip


def test_the_handle_is_the_same_whatever_letters_the_arguments_hold() -> None:
    assert job_id_of("t", {"a": {"x": 1, "y": 2}, "b": 1}) == job_id_of("t", {"b": 1, "a": {"y": 2, "x": 1}})
    assert job_id_of("t", {"a": "\u00e9"}) != job_id_of("t", {"a": "e"})
