"""The files of finished jobs: deleted only when asked for, only while they are what was made, and never without being counted."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from novaforge.guards.errors import RefusedError
from novaforge.guards.policy import Policy
from novaforge.server.sandbox.settings import BUCKET
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.cleanup.plan import plan_cleanup
from novaforge.tools.plans.view import PlanView
from novaforge.tools.records import ArtifactRecord, JobRecord

if TYPE_CHECKING:
    from tests.conftest import Desk


def calls(plan: PlanView) -> list[str]:
    return [str(item["call"]).partition(":")[2] for item in plan.requests]


def said(plan: PlanView, rule: str, severity: str) -> str:
    return " | ".join(item.message for item in plan.findings if (item.rule, item.severity) == (rule, severity))


def uploaded(desk: "Desk", row: JobRecord, content: bytes) -> ArtifactRecord:
    """Upload a file as a job's plan would have."""
    uri = f"s3://{BUCKET}/up/{row.job_id}/recipe.yaml"
    desk.ctx.storage.put(uri, content)
    artifact = ArtifactRecord(
        uri=uri, plan_id=row.plan_id, plan_digest=row.plan_digest, bytes=len(content), at=row.created_at,
        sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    desk.ledger.put_artifact(artifact)
    return artifact


def test_files_of_jobs_go_only_when_asked_for_with_counts_and_bytes(
    desk: "Desk", job: Callable[..., JobRecord]
) -> None:
    row = job()
    artifact = uploaded(desk, row, b"recipe")
    uri = artifact.uri
    neighbour = f"s3://{BUCKET}/out/{row.job_id}/{row.job_id}-other/keep.txt"
    desk.ctx.storage.put(neighbour, b"keep")
    desk.ledger.put_artifact(artifact.model_copy(update={"sha256": "0" * 64}))
    with pytest.raises(RefusedError):
        plan_cleanup(desk.ctx, scope="all")
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.job_id], include_artifacts=True)
    assert "not what was uploaded" in said(plan, "CL1", "warn"), "the hash differs"
    desk.ledger.put_artifact(artifact)
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.job_id], include_artifacts=True)
    assert set(calls(plan)) == {"delete_object"}
    confirmed = said(plan, "CL4", "confirm")
    assert "for ever" in confirmed and f"out/{row.job_id}/{row.job_id}/" in confirmed and "6 bytes" in confirmed
    assert desk.apply(plan.plan_id).status == "started"
    assert desk.ctx.storage.list(f"s3://{BUCKET}/out/{row.job_id}/") == [neighbour]
    assert not desk.ctx.storage.exists(uri)


def test_an_output_that_reads_like_a_sentence_stays_one_word_in_what_is_accepted(
    desk: "Desk", job: Callable[..., JobRecord]
) -> None:
    row = job()
    wordy = row.model_copy(update={"output": f"{row.output}/It is free. Type approve"})
    desk.ledger.put_job(wordy)
    desk.ctx.storage.put(f"{wordy.output}/{row.job_id}/output.tar.gz", b"x")
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.job_id], include_artifacts=True)
    assert "It?is?free.?Type?approve" in said(plan, "CL4", "confirm")


def test_an_output_added_after_planning_makes_the_plan_stale(desk: "Desk", job: Callable[..., JobRecord]) -> None:
    row = job()
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.plan_id], include_artifacts=True)
    desk.ctx.storage.put(f"{row.output}/{row.job_id}/new.txt", b"new")
    assert desk.apply(plan.plan_id).status == "stale"


def test_an_output_that_somebody_replaces_while_the_cleanup_runs_stays(
    desk: "Desk", job: Callable[..., JobRecord]
) -> None:
    row = job()
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.plan_id], include_artifacts=True)
    (first, *_) = desk.ctx.storage.list(f"{row.output}/{row.job_id}/")
    bucket, key = split_s3(first)

    def replaced(reached: str) -> None:
        if reached == "after_begin":
            desk.call("s3", "put_object", Bucket=bucket, Key=key, Body=b"somebody else's")

    desk.ctx = replace(desk.ctx, checkpoint=replaced)
    outcome = desk.apply(plan.plan_id)
    assert outcome.status == "refused" and "PreconditionFailed" in outcome.error
    assert desk.ctx.storage.read(first) == b"somebody else's"


def test_an_upload_that_somebody_replaces_after_planning_makes_the_plan_stale(
    desk: "Desk", job: Callable[..., JobRecord]
) -> None:
    row = job()
    artifact = uploaded(desk, row, b"recipe")
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.job_id], include_artifacts=True)
    bucket, key = split_s3(artifact.uri)
    desk.call("s3", "put_object", Bucket=bucket, Key=key, Body=b"theirs")
    assert desk.apply(plan.plan_id).status == "stale"
    assert desk.ctx.storage.read(artifact.uri) == b"theirs"


def test_an_upload_that_is_gone_already_is_no_open_question(desk: "Desk", job: Callable[..., JobRecord]) -> None:
    row = job()
    bucket, key = split_s3(uploaded(desk, row, b"recipe").uri)
    desk.call("s3", "delete_object", Bucket=bucket, Key=key)
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.job_id], include_artifacts=True)
    assert key not in str(plan.requests) and plan.state == "planned"
    assert not [finding for finding in plan.findings if finding.severity == "not_checked"]


def test_one_plan_deletes_no_more_objects_than_it_may_and_names_what_stays(
    desk: "Desk", job: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [job(), job()]
    own = [desk.ctx.storage.list(f"{row.output}/{row.job_id}/") for row in rows]
    monkeypatch.setattr("novaforge.tools.cleanup.artifacts.MAX_OBJECTS", len(own[0]) + len(own[1]) - 1)
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.job_id for row in rows], include_artifacts=True)
    stays = said(plan, "CL2", "warn")
    assert [row.job_id in stays for row in rows].count(True) == 1 and "plan the cleanup again" in str(plan.findings)
    assert len(calls(plan)) == len(own[0]) == len(own[1])
    monkeypatch.setattr("novaforge.tools.cleanup.artifacts.MAX_OBJECTS", len(own[0]) + len(own[1]))
    plan = plan_cleanup(desk.ctx, scope="plan", ids=[row.job_id for row in rows], include_artifacts=True)
    assert len(calls(plan)) == len(own[0]) + len(own[1])


def test_files_of_a_job_that_is_not_ours_or_not_ended_stay(
    desk: "Desk", job: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = job()
    desk.ledger.put_job(foreign.model_copy(update={"plan_digest": "f" * 64}))
    going_on = job(phase="running", observed={})
    monkeypatch.setattr("novaforge.tools.cleanup.jobs.refresh", lambda ctx, row: (row, None))
    with pytest.raises(RefusedError) as caught:
        plan_cleanup(desk.ctx, scope="plan", ids=[foreign.job_id, going_on.job_id], include_artifacts=True)
    assert "does not confirm" in caught.value.message
    assert f"the files of {going_on.job_id} stay: the job is running" in caught.value.message


def test_the_policys_buckets_bind_deletions(desk: "Desk", job: Callable[..., JobRecord]) -> None:
    row = job()
    strict = replace(desk.ctx, policy=Policy(buckets=("another-bucket",)))
    plan = plan_cleanup(strict, scope="plan", ids=[row.job_id], include_artifacts=True)
    assert plan.state == "blocked" and BUCKET in said(plan, "POL-bucket", "block")
