"""Ask the platform how a job is, and remember the answer."""

import difflib

from pydantic import ValidationError

from novaforge.guards.errors import InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.platforms.base import JobState
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.records import ENDED_PHASES, JobRecord


def find_job(ctx: ToolContext, job_id: str) -> JobRecord:
    """Return a job of the ledger; raises InputError that names the ones most alike."""
    job = ctx.ledger.job(job_id)
    if job:
        return job
    known = [row.job_id for row in ctx.ledger.jobs(limit=200)]
    close = difflib.get_close_matches(job_id, known, n=3) or known[:3]
    raise InputError(
        "This server's ledger has no such job.",
        field="job_id",
        value=job_id[:100],
        fix=f"use one of: {', '.join(close)}" if close else "no job has been started yet; list_jobs shows them",
    )


def refresh(ctx: ToolContext, job: JobRecord) -> tuple[JobRecord, JobState]:
    """Return the job's row and state now and store both; an ended job is not asked about again.

    Raises NotFoundError when the platform does not know the job.
    """
    if job.phase in ENDED_PHASES and (stored := stored_state(job)):
        return job, stored
    seen = ctx.clock()
    state = platform_of(job.platform).describe(ctx, job)
    update = {"phase": state.phase, "observed_at": seen, "observed": state.model_dump(mode="json")}
    return store(ctx, job.model_copy(update=update)), state


def stored_state(job: JobRecord) -> JobState | None:
    """Return the state a job was last seen in, if any that this version of the server can read."""
    try:
        return JobState.model_validate(job.observed) if job.observed else None
    except ValidationError:
        # Another version wrote it; AWS is asked again, which says the same of a job that has ended.
        return None


def store(ctx: ToolContext, job: JobRecord) -> JobRecord:
    """Write what was seen without undoing what another call saw later: an ended phase and a known checkpoint stay."""
    newest = ctx.ledger.job(job.job_id) or job
    update: dict[str, object] = {"checkpoint": job.checkpoint or newest.checkpoint}
    if not _supersedes(job, newest):
        update |= {"phase": newest.phase, "observed_at": newest.observed_at, "observed": newest.observed}
    merged = job.model_copy(update=update)
    ctx.ledger.put_job(merged)
    return merged


def _supersedes(ours: JobRecord, theirs: JobRecord) -> bool:
    if theirs.phase in ENDED_PHASES and ours.phase not in ENDED_PHASES:
        return False
    return theirs.observed_at is None or (ours.observed_at is not None and ours.observed_at >= theirs.observed_at)
