"""What a finished job left: its checkpoint and its archive of results."""

from novaforge.guards.errors import AwsError, InputError, NotFoundError
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.jobs.archive import Archive, fetch_archive
from novaforge.tools.jobs.refresh import find_job, refresh, store
from novaforge.tools.platforms.base import JobState
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.records import JobRecord

ESCROW = "customer-escrow-"
"""Buckets of the service, which hold checkpoints and cannot be listed, begin so."""


def stored_below(ctx: ToolContext, uri: str) -> bool | str:
    """Return whether anything is stored below an S3 folder, or why that cannot be told."""
    if split_s3(uri)[0].startswith(ESCROW):
        return "escrow buckets belong to the service and cannot be listed"
    try:
        return bool(ctx.storage.list(f"{uri.rstrip('/')}/", limit=1))
    except NotFoundError:
        return False
    except AwsError as error:
        return f"the folder cannot be listed ({error.code})"


def checkpoint_of(ctx: ToolContext, job_id: str) -> str:
    """Return the escrow URI of a completed training job's checkpoint, read once and kept in the ledger.

    Raises InputError while the job has not completed or is not a training, NotFoundError when it saved nothing.
    """
    job = find_job(ctx, job_id)
    if job.kind != "training":
        raise InputError(
            f"{job_id} is an evaluation, which leaves no checkpoint.",
            field="job_id",
            value=job_id,
            fix="name a completed training job",
        )
    if job.checkpoint:
        return job.checkpoint
    job, state = refresh(ctx, job)
    _require_completed(job, state, "checkpoint")
    checkpoint = platform_of(job.platform).artifacts(ctx, job).checkpoint
    if not checkpoint:
        raise NotFoundError(
            f"{job_id} left no checkpoint.",
            operation="artifacts",
            code="NoCheckpoint",
            fix="read its log with tail_logs",
        )
    store(ctx, job.model_copy(update={"checkpoint": checkpoint}))
    return checkpoint


def archive_of(ctx: ToolContext, job_id: str) -> Archive:
    """Return a reader over a completed job's output.tar.gz, downloaded once to the user's cache folder.

    Raises InputError while the job has not completed, NotFoundError when it left no archive.
    """
    job, state = refresh(ctx, find_job(ctx, job_id))
    _require_completed(job, state, "archive of results")
    uri = platform_of(job.platform).artifacts(ctx, job).archive
    return fetch_archive(ctx, uri, f"{job.account}-{job_id}")


def _require_completed(job: JobRecord, state: JobState, what: str) -> None:
    if state.phase == "completed":
        return
    ended = state.phase in {"failed", "stopped"}
    fix = (
        "start it again with a new plan"
        if ended
        else f'wait; get_job(job_id="{job.job_id}") says when it has completed'
    )
    raise InputError(
        f"{job.job_id} has no {what}: it is {state.phase} (stage {state.stage}).",
        field="job_id",
        value=job.job_id,
        fix=fix,
        phase=state.phase,
    )
