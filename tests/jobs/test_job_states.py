"""What two readers of one job may write, what the verdict makes of odd logs, and what a job that left nothing says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from novaforge.guards.errors import InputError, NotFoundError
from novaforge.tools.jobs.artifacts import archive_of, checkpoint_of
from novaforge.tools.jobs.refresh import store
from novaforge.tools.jobs.tool import get_job, list_jobs
from novaforge.tools.jobs.verdict import judge
from novaforge.tools.jobs.view import TAIL_LINES
from novaforge.tools.platforms.base import JobState, LogLine

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
EARLY, LATE = timedelta(minutes=1), timedelta(minutes=2)


@pytest.mark.parametrize(
    ("theirs", "ours", "kept"),
    [
        (("running", EARLY), ("stopping", LATE), "ours"),
        (("running", EARLY), ("stopping", EARLY), "ours"),
        (("stopping", LATE), ("running", EARLY), "theirs"),
        (("completed", EARLY), ("running", LATE), "theirs"),
        (("stopped", EARLY), ("completed", LATE), "ours"),
        (("stopped", LATE), ("completed", EARLY), "theirs"),
        (("unknown", None), ("running", EARLY), "ours"),
        (("unknown", None), ("waiting", None), "ours"),
        (("running", EARLY), ("unknown", None), "theirs"),
    ],
)
def test_what_was_seen_later_or_has_ended_is_not_undone(
    world: Any, theirs: tuple[str, timedelta | None], ours: tuple[str, timedelta | None], kept: str
) -> None:
    job, now = world.add(), world.cloud.now

    def seen(who: str, phase: str, after: timedelta | None) -> Any:
        at = None if after is None else now + after
        return job.model_copy(update={"phase": phase, "observed_at": at, "observed": {"by": who}})

    world.ledger.put_job(seen("theirs", *theirs))
    merged = store(world.ctx(), seen("ours", *ours))
    phase, after = ours if kept == "ours" else theirs
    assert (merged.phase, merged.observed) == (phase, {"by": kept})
    assert merged.observed_at == (None if after is None else now + after)
    assert world.ledger.job(job.job_id) == merged


def test_a_checkpoint_once_known_is_never_forgotten(world: Any) -> None:
    job = world.add()
    world.ledger.put_job(job.model_copy(update={"checkpoint": "s3://escrow/c/"}))
    assert store(world.ctx(), job).checkpoint == "s3://escrow/c/"
    assert store(world.ctx(), job.model_copy(update={"checkpoint": "s3://escrow/d/"})).checkpoint == "s3://escrow/d/"


def test_a_name_nobody_knows_is_answered_with_the_ones_most_alike(world: Any) -> None:
    with pytest.raises(InputError) as nothing:
        get_job(world.ctx(), job_id="job-b")
    assert "no job has been started yet" in nothing.value.fix
    world.add()
    for wrong in ("job-b", "zzz"):
        with pytest.raises(InputError) as caught:
            get_job(world.ctx(), job_id=wrong)
        assert caught.value.fix == "use one of: job-a"


def test_an_empty_list_says_what_makes_the_first_job(world: Any) -> None:
    assert "plan_training makes the first" in list_jobs(world.ctx()).next_step
    world.add()
    world.cloud.add_job("job-a", stage="Starting")
    assert list_jobs(world.ctx()).next_step == "1 not ended. Call get_job(job_id=...) for one of them."


def finish(world: Any, job: Any, status: str) -> None:
    world.cloud.add_job(job.job_id, stage="Training", TrainingStartTime=world.cloud.now)
    world.cloud.jobs[job.job_id].update(
        TrainingJobStatus=status, SecondaryStatus=status, TrainingEndTime=world.cloud.now + timedelta(hours=1)
    )


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_job_that_ended_without_results_has_to_be_started_again(world: Any, status: str) -> None:
    job = world.add()
    finish(world, job, status)
    with pytest.raises(InputError) as caught:
        archive_of(world.ctx(), job.job_id)
    assert "start it again" in caught.value.fix and caught.value.data["phase"] == status.lower()


def test_results_of_a_job_under_way_are_to_be_waited_for(world: Any) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, stage="Training", TrainingStartTime=world.cloud.now)
    with pytest.raises(InputError) as caught:
        checkpoint_of(world.ctx(), job.job_id)
    assert caught.value.fix.startswith("wait; get_job")


def lines_of(*losses: float | str) -> list[LogLine]:
    said = [f"Training epoch 0 | global_step: {at} | reduced_train_loss: {loss}" for at, loss in enumerate(losses)]
    return [LogLine(at=START + timedelta(seconds=at), stream="algo-1", text=text) for at, text in enumerate(said)]


def verdict_of(job: Any, billable_s: int, lines: list[LogLine], plan: Any = None) -> dict[str, str]:
    state = JobState(phase="completed", status="Completed", stage="Completed", billable_s=billable_s)
    _, findings = judge(job, state, plan, lines, sandbox=False)
    return {finding.rule: f"{finding.severity}: {finding.message}" for finding in findings}


def test_a_loss_that_was_not_a_number_is_no_learning(world: Any) -> None:
    found = verdict_of(world.add(), 60, lines_of(3, "nan", 1))
    assert found["JOB-learning"] == "warn: loss was not a number at times"


def test_a_loss_that_fell_taught_something_and_one_value_says_nothing(world: Any) -> None:
    assert verdict_of(world.add(), 60, lines_of(3, 2.5, 2))["JOB-learning"] == "info: loss went from 3 to 2"
    assert verdict_of(world.add(), 60, lines_of(2, 2))["JOB-learning"].startswith(
        "warn: loss went from 2 to 2: nothing"
    )
    assert verdict_of(world.add(), 60, lines_of(3))["JOB-learning"].startswith("not_checked")


def test_the_verdict_on_a_long_log_goes_by_its_beginning_and_its_end(world: Any) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, stage="Training", TrainingStartTime=world.cloud.now)
    for step in range(TAIL_LINES + 100):
        text = f"Training epoch 0 | global_step: {step} | reduced_train_loss: {9 if step < 50 else 1}"
        world.cloud.log(job.job_id, "algo-1-1", (1_795_000_000_000 + step, text))
    finish_at = world.cloud.now + timedelta(hours=1)
    world.cloud.jobs[job.job_id].update(
        TrainingJobStatus="Completed", SecondaryStatus="Completed", TrainingEndTime=finish_at
    )
    world.archive(job.job_id, {"manifest.json": b'{"checkpoint_s3_bucket": "s3://escrow/c/"}'})
    shown = get_job(world.ctx(), job_id=job.job_id)
    assert "loss went from 9 to 1" in [finding.message for finding in shown.findings]


def test_a_training_whose_manifest_names_no_checkpoint_says_so(world: Any) -> None:
    job = world.add()
    finish(world, job, "Completed")
    world.archive(job.job_id, {"other.json": b"{}"})
    with pytest.raises(NotFoundError):
        checkpoint_of(world.ctx(), job.job_id)
    found = {finding.rule: finding.severity for finding in get_job(world.ctx(), job_id=job.job_id).findings}
    assert found["JOB-checkpoint"] == "warn"
