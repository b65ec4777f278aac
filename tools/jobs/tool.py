"""get_job, list_jobs, stop_job and tail_logs."""

import time

from novaforge.guards.errors import AwsError, NovaForgeError, RefusedError
from novaforge.guards.values import cents
from novaforge.tools.arguments import PlatformName
from novaforge.tools.context import ToolContext
from novaforge.tools.jobs.data import data_job_log, data_job_rows, get_data_job, is_data_job, newest, stop_data_job
from novaforge.tools.jobs.refresh import find_job, refresh, stored_state
from novaforge.tools.jobs.results import Job, JobRow, Jobs, LogTail
from novaforge.tools.jobs.tail import follow, within
from novaforge.tools.jobs.view import view_job
from novaforge.tools.platforms.base import JobState
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.records import ENDED_PHASES, JobPhase, JobRecord

OPEN_PHASES: tuple[JobPhase, ...] = ("waiting", "running", "stopping", "unknown")
MAX_LISTED = 100


def get_job(ctx: ToolContext, *, job_id: str) -> Job:
    """Return one job now; raises InputError for an id the ledger does not have, NotFoundError when AWS lost it."""
    if is_data_job(job_id):
        return get_data_job(ctx, job_id)
    return view_job(ctx, *refresh(ctx, find_job(ctx, job_id)))


def list_jobs(
    ctx: ToolContext, *, status: JobPhase | None = None, platform: PlatformName | None = None, limit: int = 20
) -> Jobs:
    """Return jobs, newest first; those not ended are asked about first, so that `status` means now."""
    within("limit", limit, 1, MAX_LISTED)
    notes = _refresh_open(ctx, platform)
    jobs = ctx.ledger.jobs((status,) if status else None, platform, limit)
    rows = [_row(job, notes.get(job.job_id, "")) for job in jobs]
    if platform is None:
        rows = newest([*rows, *data_job_rows(ctx, status)], limit)
    open_jobs = sum(row.phase in OPEN_PHASES for row in rows)
    next_step = (
        "Call get_job(job_id=...) for one of them." if rows else "No job matches; plan_training makes the first."
    )
    if open_jobs:
        next_step = f"{open_jobs} not ended. {next_step}"
    return Jobs(jobs=rows, next_step=next_step, sandbox=ctx.mode.sandbox)


def stop_job(ctx: ToolContext, *, job_id: str) -> Job:
    """Ask a job to stop and return it as it is then; it bills until its phase is stopped.

    Raises RefusedError on a read-only server and for a job that has ended. A data job is stopped on every server.
    """
    if is_data_job(job_id):
        return stop_data_job(ctx, job_id)
    if not ctx.mode.writes_allowed:
        raise RefusedError(
            "This server is read-only, so it stops no jobs.",
            rule="read-only",
            fix="start it with --allow-write, or stop the job in the AWS console",
        )
    job, state = refresh(ctx, find_job(ctx, job_id))
    _refuse_ended(job, state)
    if state.phase != "stopping":
        ctx.audit.write(
            "job.stop", actor=ctx.mode.owner, plan_digest=job.plan_digest, detail={"job_id": job_id, "was": state.phase}
        )
        _stop(ctx, job)
        job, state = refresh(ctx, job)
    shown = view_job(ctx, job, state)
    if state.phase not in ENDED_PHASES:
        shown.next_step = f'Stopping. Call get_job(job_id="{job_id}") until its phase is stopped; it bills until then.'
    return shown


def tail_logs(
    ctx: ToolContext,
    *,
    job_id: str,
    cursor: str | None = None,
    limit: int = 100,
    pattern: str | None = None,
    wait_s: int = 0,
    plot: bool = False,
) -> LogTail:
    """Return log lines after the cursor: from the first line without one, the last lines with cursor "end"."""
    if is_data_job(job_id):
        return data_job_log(ctx, job_id)
    return follow(
        ctx, job_id=job_id, cursor=cursor, limit=limit, pattern=pattern, wait_s=wait_s, plot=plot, sleep=time.sleep
    )


def _refresh_open(ctx: ToolContext, platform: PlatformName | None) -> dict[str, str]:
    """Refresh what has not ended; returns by job id why one could not be read."""
    notes: dict[str, str] = {}
    for job in ctx.ledger.jobs(OPEN_PHASES, platform, MAX_LISTED):
        try:
            refresh(ctx, job)
        except NovaForgeError as error:
            notes[job.job_id] = f"not checked: {error.message}"
    return notes


def _row(job: JobRecord, note: str) -> JobRow:
    state = stored_state(job) or JobState(phase=job.phase, status="", stage="not seen yet")
    return JobRow(
        job_id=job.job_id,
        method=job.method,
        phase=job.phase,
        stage=state.stage,
        created_at=job.created_at,
        billable_s=state.billable_s,
        cost_so_far_usd=cents(state.cost(job)),
        ceiling_usd=job.ceiling_usd,
        note=note,
    )


def _stop(ctx: ToolContext, job: JobRecord) -> None:
    """Ask the platform; a job that ended in this moment makes AWS refuse, which is then said as such."""
    try:
        platform_of(job.platform).stop(ctx, job)
    except AwsError:
        _refuse_ended(*refresh(ctx, job))
        raise


def _refuse_ended(job: JobRecord, state: JobState) -> None:
    if state.phase in ENDED_PHASES:
        raise RefusedError(
            f"{job.job_id} cannot be stopped: it is already {state.phase} and bills nothing.",
            rule="job-ended",
            fix=f'call get_job(job_id="{job.job_id}") to see how it ended',
            phase=state.phase,
        )
