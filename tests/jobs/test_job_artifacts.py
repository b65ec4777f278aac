"""Checkpoints and archives of finished jobs."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.errors import InputError, NotFoundError
from novaforge.tools.jobs.artifacts import archive_of, checkpoint_of

RESULTS = "run/eval_results/results_1.json"


def completed(world: Any, kind: str, members: dict[str, bytes]) -> Any:
    job = world.add(kind=kind)
    world.cloud.add_job(job.job_id, "Completed", "Completed", TrainingEndTime=world.cloud.now)
    world.archive(job.job_id, members)
    return job


def test_the_checkpoint_is_read_once_and_kept(world: Any) -> None:
    job = completed(world, "training", {"manifest.json": b'{"checkpoint_s3_bucket": "s3://escrow/c/"}'})
    assert checkpoint_of(world.ctx(), job.job_id) == "s3://escrow/c/"
    calls = len(world.cloud.calls)
    assert checkpoint_of(world.ctx(), job.job_id) == "s3://escrow/c/"
    assert len(world.cloud.calls) == calls


@pytest.mark.parametrize("status", ["InProgress", "Failed", "Stopped"])
def test_a_job_that_has_not_completed_has_no_checkpoint_and_says_its_state(world: Any, status: str) -> None:
    job = world.add()
    world.cloud.add_job(job.job_id, status, status if status != "InProgress" else "Starting")
    with pytest.raises(InputError) as caught:
        checkpoint_of(world.ctx(), job.job_id)
    assert caught.value.data["phase"] in caught.value.message
    assert caught.value.data["phase"] == {"InProgress": "waiting"}.get(status, status.lower())


def test_an_evaluation_has_no_checkpoint(world: Any) -> None:
    job = completed(world, "evaluation", {})
    with pytest.raises(InputError):
        checkpoint_of(world.ctx(), job.job_id)


def test_a_training_that_saved_nothing_is_not_found(world: Any) -> None:
    job = completed(world, "training", {"readme": b""})
    with pytest.raises(NotFoundError):
        checkpoint_of(world.ctx(), job.job_id)


def test_the_archive_is_downloaded_once_and_read_in_place(world: Any) -> None:
    job = completed(world, "evaluation", {RESULTS: b'{"results": {}}', "run/big": b"x" * 100_000})
    archive = archive_of(world.ctx(), job.job_id)
    assert archive.names() == [RESULTS, "run/big"]
    with archive.open(RESULTS) as file:
        assert file.read() == b'{"results": {}}'
    with pytest.raises(KeyError):
        archive.open("run/none")
    assert archive_of(world.ctx(), job.job_id).path == archive.path
    assert world.cloud.calls.count("get_object") == 1
    assert [path.name for path in archive.path.parent.iterdir()] == [archive.path.name]


def test_a_replaced_archive_is_downloaded_again(world: Any) -> None:
    job = completed(world, "evaluation", {"a": b"1"})
    assert archive_of(world.ctx(), job.job_id).names() == ["a"]
    world.archive(job.job_id, {"b": b"22"})
    assert archive_of(world.ctx(), job.job_id).names() == ["b"]


def test_members_that_are_not_files_are_not_listed(world: Any, tmp_path: Path) -> None:
    job = completed(world, "evaluation", {})
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("../../outside"))
    world.cloud.put(next(iter(world.cloud.objects)), path.read_bytes())
    archive = archive_of(world.ctx(), job.job_id)
    assert archive.names() == ["../../outside"]
    with pytest.raises(KeyError):
        archive.open("link")


def test_a_damaged_archive_raises_what_the_reader_promises(world: Any) -> None:
    job = completed(world, "evaluation", {"a": b"x" * 5000})
    uri = next(iter(world.cloud.objects))
    world.cloud.put(uri, world.cloud.objects[uri][:40])
    with pytest.raises((tarfile.TarError, OSError, EOFError)):
        archive_of(world.ctx(), job.job_id).names()


def test_an_archive_of_a_running_job_is_refused(world: Any) -> None:
    job = world.add(kind="evaluation")
    world.cloud.add_job(job.job_id)
    with pytest.raises(InputError) as caught:
        archive_of(world.ctx(), job.job_id)
    assert "waiting" in caught.value.message
