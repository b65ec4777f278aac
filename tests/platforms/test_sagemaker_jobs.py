"""SageMaker training jobs as the tools see them."""

from datetime import timedelta
from typing import Any

import pytest

from novaforge.guards.errors import AwsError, NotFoundError, RefusedError
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.platforms.sagemaker import SageMakerJobs

JOBS = SageMakerJobs()


def test_before_training_starts_a_job_waits_and_bills_nothing(world: Any) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, stage="Pending")
    world.cloud.now += timedelta(seconds=540)
    state = JOBS.describe(world.ctx(), job)
    assert (state.phase, state.stage, state.waiting_s, state.billable_s) == ("waiting", "Pending", 540, 0)
    assert state.cost(job) == 0


def test_a_running_job_bills_from_its_training_start_for_every_node(world: Any) -> None:
    job = world.add()
    began = world.cloud.now
    world.cloud.add_job(job.job_id, stage="Training", TrainingStartTime=began + timedelta(seconds=600))
    world.cloud.now += timedelta(seconds=4200)
    state = JOBS.describe(world.ctx(), job)
    assert (state.phase, state.waiting_s, state.billable_s) == ("running", 600, 3600)
    assert state.cost(job) == 4 * job.usd_per_hour


def test_the_services_own_billable_time_wins(world: Any) -> None:
    job, end = world.add(), world.cloud.now + timedelta(seconds=900)
    world.cloud.add_job(
        job.job_id,
        "Completed",
        "Completed",
        TrainingStartTime=world.cloud.now,
        TrainingEndTime=end,
        BillableTimeInSeconds=646,
    )
    world.cloud.now += timedelta(days=3)
    state = JOBS.describe(world.ctx(), job)
    assert (state.phase, state.billable_s, state.ended_at) == ("completed", 646, end)


@pytest.mark.parametrize(
    ("status", "stage", "phase"),
    [
        ("Completed", "Completed", "completed"),
        ("Failed", "Failed", "failed"),
        ("Stopped", "MaxRuntimeExceeded", "stopped"),
        ("Stopping", "Stopping", "stopping"),
        ("Deleting", "Completed", "completed"),
        ("Deleting", "Training", "stopped"),
    ],
)
def test_every_status_of_the_service_has_its_phase(world: Any, status: str, stage: str, phase: str) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, status, stage, LastModifiedTime=world.cloud.now)
    assert JOBS.describe(world.ctx(), job).phase == phase


def test_a_job_that_ends_without_starting_stops_waiting_when_it_ends(world: Any) -> None:
    job = world.add()
    end = world.cloud.now + timedelta(seconds=60)
    world.cloud.add_job(
        job.job_id, "Failed", "Failed", TrainingEndTime=end, FailureReason="CapacityError: \x1b[31mnone\u202e"
    )
    world.cloud.now += timedelta(hours=5)
    state = JOBS.describe(world.ctx(), job)
    assert (state.waiting_s, state.billable_s, state.failure) == (60, 0, "CapacityError: none")


def test_stages_keep_their_times_and_messages(world: Any) -> None:
    job, now = world.add(), world.cloud.now
    steps = [
        {"Status": "Starting", "StartTime": now, "EndTime": now + timedelta(seconds=9), "StatusMessage": "Preparing"},
        {"Status": "Training", "StartTime": now + timedelta(seconds=9)},
    ]
    world.cloud.add_job(job.job_id, stage="Training", TrainingStartTime=now, SecondaryStatusTransitions=steps)
    first, second = JOBS.describe(world.ctx(), job).stages
    assert (first.status, first.ended_at, first.message) == ("Starting", now + timedelta(seconds=9), "Preparing")
    assert (second.status, second.ended_at) == ("Training", None)


def test_a_job_the_account_does_not_know_is_named_with_its_account(world: Any) -> None:
    with pytest.raises(NotFoundError) as caught:
        JOBS.describe(world.ctx(), world.add("gone"))
    assert "gone" in caught.value.message
    assert "111122223333" in caught.value.fix


def test_the_checkpoint_comes_from_the_manifest_inside_the_archive(world: Any) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, "Completed", "Completed", LastModifiedTime=world.cloud.now)
    uri = world.archive(
        job.job_id, {"log.txt": b"x" * 5000, "deep/manifest.json": b'{"checkpoint_s3_bucket": "s3://e/c/"}'}
    )
    found = JOBS.artifacts(world.ctx(), job)
    assert (found.archive, found.checkpoint) == (uri, "s3://e/c/")


def test_an_evaluation_has_an_archive_and_no_checkpoint(world: Any) -> None:
    job = world.add(kind="evaluation")
    world.cloud.add_job(job.job_id, "Completed", "Completed", LastModifiedTime=world.cloud.now)
    uri = world.archive(job.job_id, {"run/eval_results/results_1.json": b"{}"})
    found = JOBS.artifacts(world.ctx(), job)
    assert (found.archive, found.checkpoint) == (uri, None)


def test_no_archive_is_not_found_with_the_place_it_would_be(world: Any) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id)
    with pytest.raises(NotFoundError) as caught:
        JOBS.artifacts(world.ctx(), job)
    assert f"s3://novaforge-sandbox/out/{job.job_id}/{job.job_id}/output/output.tar.gz" in caught.value.message


@pytest.mark.parametrize(
    "members",
    [
        {"manifest.json": b"not json"},
        {"manifest.json": b'{"other": 1}'},
        {"manifest.json": b"[]"},
        {"manifest.json": b'{"checkpoint_s3_bucket": "/tmp/x"}'},
    ],
)
def test_a_manifest_that_names_no_checkpoint_is_an_error(world: Any, members: dict[str, bytes]) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, "Completed", "Completed")
    world.archive(job.job_id, members)
    with pytest.raises(AwsError):
        JOBS.artifacts(world.ctx(), job)


@pytest.mark.parametrize("cut", [0, 3, 20, 60])
def test_a_cut_archive_is_an_error_not_a_crash(world: Any, pack: Any, cut: int) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, "Completed", "Completed")
    uri = world.archive(job.job_id, {})
    world.cloud.put(uri, pack({"manifest.json": b'{"checkpoint_s3_bucket": "s3://e/c/"}'})[:cut])
    with pytest.raises(AwsError):
        JOBS.artifacts(world.ctx(), job)


def test_an_archive_without_a_manifest_is_not_found(world: Any) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, "Completed", "Completed")
    world.archive(job.job_id, {"readme.txt": b"x"})
    with pytest.raises(NotFoundError):
        JOBS.artifacts(world.ctx(), job)


def test_stopping_asks_the_service(world: Any) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id)
    JOBS.stop(world.ctx(), job)
    assert JOBS.describe(world.ctx(), job).phase == "stopping"


def test_the_log_place_has_a_command_to_copy(world: Any) -> None:
    place = platform_of("sagemaker").log_place(world.add("job-a"))
    assert place.group == "/aws/sagemaker/TrainingJobs"
    assert "--log-stream-name-prefix job-a/" in place.command


def test_a_platform_that_does_not_work_yet_is_refused_by_name() -> None:
    with pytest.raises(RefusedError) as caught:
        platform_of("hyperpod")
    assert "sagemaker" in caught.value.fix
