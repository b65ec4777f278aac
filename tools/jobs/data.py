"""Data jobs as the job tools show them: passes of this server over data, which cost nothing."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from pydantic import PrivateAttr

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.jobs.job import DataJob, waiting_step
from novaforge.tools.datasets.jobs.registry import PREFIX
from novaforge.tools.datasets.jobs.stored import StoredJob, error_data
from novaforge.tools.datasets.output.manifest import FILE as MANIFEST
from novaforge.tools.datasets.output.recovery import recover
from novaforge.tools.jobs.results import Job, JobRow, LogTail

BILLING = "It runs in this server: nothing is billed."
_NOTHING = Decimal(0)


class DataJobView(Job):
    """A data job; its text is that of its result."""

    _text: str = PrivateAttr(default="")

    def text(self) -> str:
        """Return where it stands, its result in a few lines, and what to do next."""
        done = self.progress.get("rows", 0)
        lines = [f"{self.job_id}: {self.method} {self.phase} ({self.stage}), {done} rows", self._text]
        lines += [str(self.failure["cause"])] if self.failure else []
        # A result's text ends with its next step.
        step = "" if self._text.endswith(self.next_step) else self.next_step
        return "\n".join(line for line in (*lines, step) if line)

    def says(self, text: str) -> "DataJobView":
        """Take the text of the result."""
        self._text = text
        return self


def is_data_job(job_id: str) -> bool:
    """Tell the handle of a data job from a job's."""
    return job_id.startswith(PREFIX)


def get_data_job(ctx: ToolContext, job_id: str) -> Job:
    """Return a data job of this process, or what is known of one of an earlier or another process."""
    job = _find(ctx, job_id)
    if isinstance(job, StoredJob):
        return _view_stored(ctx, job)
    if job.ended:
        job.fetched = True
    return _view(ctx, job)


def stop_data_job(ctx: ToolContext, job_id: str) -> Job:
    """Ask a data job to stop; it leaves nothing half-written. Raises RefusedError when it cannot be stopped here."""
    job = _find(ctx, job_id)
    if isinstance(job, StoredJob) and job.alive:
        fix = "stop it there, or close that server: nothing half-written stays"
        raise RefusedError(f"{job_id} runs in another server process.", rule="job-elsewhere", fix=fix)
    if isinstance(job, StoredJob) or job.ended:
        phase = _stored_phase(job) if isinstance(job, StoredJob) else job.phase
        raise RefusedError(
            f"{job_id} cannot be stopped: it is already {phase}.",
            rule="job-ended",
            fix=f'call get_job(job_id="{job_id}") to see how it ended',
            phase=phase,
        )
    job.stop()
    return _view(ctx, job)


def data_job_rows(ctx: ToolContext, phase: str | None) -> list[JobRow]:
    """Return the data jobs in a phase, or all."""
    jobs = ctx.data_jobs.all() if ctx.data_jobs is not None else []
    return [row for row in map(_row, jobs) if phase in {None, row.phase}]


def data_job_log(ctx: ToolContext, job_id: str) -> LogTail:
    """Return an empty log that says so."""
    job = _find(ctx, job_id)
    return LogTail(
        job_id=job_id, phase=_stored_phase(job) if isinstance(job, StoredJob) else job.phase, untrusted_lines=[], cursor="",
        more=False, metrics={}, metrics_of="whole log", findings=[], sandbox=ctx.mode.sandbox,
        next_step=f'A data job writes no log: get_job(job_id="{job_id}") shows its progress and its result.',
    )  # fmt: skip


def _find(ctx: ToolContext, job_id: str) -> DataJob | StoredJob:
    jobs = ctx.data_jobs
    found = (jobs.get(job_id) or jobs.stored(job_id)) if jobs is not None else None
    if found is None:
        known = ", ".join(job.job_id for job in jobs.all()[:3]) if jobs is not None else ""
        fix = f"use one of: {known}" if known else "no data job is known; list_jobs shows all jobs"
        raise InputError("This server has no such data job.", field="job_id", value=job_id[:100], fix=fix)
    return found


def _view(ctx: ToolContext, job: DataJob) -> DataJobView:
    stage = job.pulse.message or ("queued" if job.phase == "waiting" else "at work")
    shown = _shown(ctx, job.job_id, job.tool, job.arguments, "ended" if job.ended else stage, job.phase, job.progress())
    if job.result is not None:
        shown = shown.model_copy(
            update={"result": job.result.model_dump(mode="json"), "next_step": job.result.next_step}
        ).says(job.result.text())
    return _with_failure(shown, error_data(job.error)) if job.error is not None else shown


def _view_stored(ctx: ToolContext, job: StoredJob) -> DataJobView:
    if not job.alive and not job.phase:
        return _view_dead(ctx, job)
    stage = "running in another server process" if job.alive else "ended in an earlier server process"
    shown = _shown(ctx, job.job_id, job.tool, job.arguments, stage, _stored_phase(job), job.progress)
    if job.result:
        update = {"result": job.result, "next_step": str(job.result.get("next_step", ""))}
        shown = shown.model_copy(update=update).says(job.text)
    return _with_failure(shown, job.error) if job.error else shown


def _view_dead(ctx: ToolContext, job: StoredJob) -> DataJobView:
    """Say of a job whose server ended first whether its files had been published."""
    target = job.arguments.get("target")
    recover(ctx)
    manifest = f"{str(target).rstrip('/')}/{MANIFEST}" if isinstance(target, str) else ""
    stage = "ended with its server"
    if manifest and (not is_s3(manifest) or ctx.mode.writes_allowed) and ctx.storage.exists(manifest):
        shown = _shown(ctx, job.job_id, job.tool, job.arguments, stage, "completed", job.progress)
        step = f"Its server ended just after the files were complete: {manifest} lists them. Validate them next."
        return shown.model_copy(update={"next_step": step, "result": {"manifest_uri": manifest}})
    shown = _shown(ctx, job.job_id, job.tool, job.arguments, stage, "failed", job.progress)
    error: JsonObject = {"message": "The server process ended before the pass did; nothing was written."}
    return _with_failure(shown, error | {"fix": f"call {job.tool} with the same arguments again"})


def _shown(
    ctx: ToolContext, job_id: str, tool: str, arguments: JsonObject, stage: str, phase: str, progress: JsonObject
) -> DataJobView:
    """Return the view of a job that has no result yet."""
    next_step = ""
    if phase in {"waiting", "running"}:
        next_step = waiting_step(tool, job_id)
    elif phase == "stopping":
        next_step = f'Call get_job(job_id="{job_id}") until it has stopped.'
    expected: JsonObject = {"end": progress["expected_end"]} if "expected_end" in progress else {}
    output = arguments.get("target")
    return DataJobView(
        job_id=job_id, method=tool, phase=phase, stage=stage, stages=[], billing=BILLING, waiting_s=0, billable_s=0,
        nodes="this server", cost_so_far_usd=_NOTHING, ceiling_usd=_NOTHING, expected=expected, progress=progress,
        output=output if isinstance(output, str) else "", plan_id="", logs={}, next_step=next_step, sandbox=ctx.mode.sandbox,
    )  # fmt: skip


def _with_failure(shown: DataJobView, error: JsonObject) -> DataJobView:
    failure: JsonObject = {"cause": error.get("message", ""), "fix": error.get("fix", ""), "error": error}
    return shown.model_copy(update={"failure": failure, "next_step": str(error.get("fix") or "Correct the cause.")})


def _stored_phase(job: StoredJob) -> str:
    if job.alive:
        return "running"
    return job.phase or "failed"


def _row(job: DataJob | StoredJob) -> JobRow:
    if isinstance(job, StoredJob):
        note = f"of {'another' if job.alive else 'an earlier'} server process"
        phase, progress, created = _stored_phase(job), job.progress, datetime.fromisoformat(job.started_at)
    else:
        note, phase, progress, created = "", job.phase, job.progress(), job.started_at
    return JobRow(
        job_id=job.job_id,
        method=job.tool,
        phase=phase,
        stage=f"{progress.get('rows', 0)} rows",
        created_at=created,
        billable_s=0,
        cost_so_far_usd=_NOTHING,
        ceiling_usd=_NOTHING,
        note=note,
    )


def newest(rows: Iterable[JobRow], limit: int) -> list[JobRow]:
    """Return the newest rows first."""
    return sorted(rows, key=lambda row: row.created_at, reverse=True)[:limit]
