"""A job as get_job and stop_job show it."""

from collections.abc import Sequence

from novaforge.guards.errors import AwsError, NotFoundError
from novaforge.guards.findings import Finding, Severity
from novaforge.guards.plan import Plan
from novaforge.guards.text import NOTICE
from novaforge.guards.values import JsonObject, cents, dollars
from novaforge.tools.context import ToolContext
from novaforge.tools.jobs.artifacts import checkpoint_of
from novaforge.tools.jobs.causes import find_cause
from novaforge.tools.jobs.metrics import Metrics, read_metrics
from novaforge.tools.jobs.results import Job
from novaforge.tools.jobs.verdict import judge, planned_steps
from novaforge.tools.platforms.base import END, JobState, LogLine, Stage
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.records import JobRecord
from novaforge.tools.results import finding_views

HEAD_LINES, TAIL_LINES, LAST_LINES = 500, 1000, 15
SHOWN_CHARS = 500


def view_job(ctx: ToolContext, job: JobRecord, state: JobState) -> Job:
    """Return the job with what its plan, its log and its artifacts add to the platform's own description."""
    record = ctx.ledger.plan(job.plan_id)
    plan = record.plan if record else None
    lines, findings = _read_lines(ctx, job, state)
    metrics = read_metrics(lines)
    verdict, checkpoint = "", job.checkpoint
    if state.phase == "completed":
        verdict, checks = judge(job, state, plan, lines, sandbox=ctx.mode.sandbox)
        checkpoint, missing = _checkpoint(ctx, job)
        findings += checks + missing
        verdict = "completed, but its checkpoint cannot be read" if missing else verdict
    failure = explain(state, [line.text for line in lines]) if state.phase in {"failed", "stopped"} else {}
    return Job(
        job_id=job.job_id,
        method=job.method,
        phase=state.phase,
        stage=state.stage,
        stages=[_stage(stage) for stage in state.stages],
        billing=billing(job, state, sandbox=ctx.mode.sandbox),
        waiting_s=state.waiting_s,
        billable_s=state.billable_s,
        nodes=f"{job.instance_count} x {job.instance_type}",
        cost_so_far_usd=cents(state.cost(job)),
        ceiling_usd=job.ceiling_usd,
        expected=_expected(plan),
        progress=_progress(state, plan, metrics),
        verdict=verdict,
        findings=finding_views(findings),
        failure=failure,
        checkpoint=checkpoint,
        output=job.output,
        plan_id=job.plan_id,
        logs=platform_of(job.platform).log_place(job).model_dump(),
        next_step=next_step(job, state),
        sandbox=ctx.mode.sandbox,
    )


def billing(job: JobRecord, state: JobState, *, sandbox: bool) -> str:
    """Say plainly whether the job costs money now."""
    rate = dollars(job.usd_per_hour * job.instance_count)
    text = {
        "waiting": "Waiting for machines: nothing is billed yet.",
        "running": f"Running: billing {rate} an hour.",
        "stopping": f"Stopping: still billing {rate} an hour until it has stopped.",
        "unknown": f"State unknown: take it as billing {rate} an hour.",
    }.get(state.phase, "Ended: nothing is billed any more.")
    return f"{text} Sandbox: what AWS would bill, no real money." if sandbox else text


def explain(state: JobState, lines: Sequence[str]) -> JsonObject:
    """Return the known cause of a failure or stop, and the words of the service and the log it rests on."""
    stopped = state.phase == "stopped" and state.stage != "MaxRuntimeExceeded"
    found = None if stopped else find_cause(state.failure, state.stage, lines[-50:])
    if found:
        cause, where = found
        ours: JsonObject = {"cause": cause.what, "fix": cause.fix, "matched_in": where}
    elif stopped:
        ours = {"cause": "It was stopped on request.", "fix": "plan again to run it to the end"}
    else:
        ours = {"cause": "The cause is not a known one.", "fix": "read the last log lines, then tail_logs from the end"}
    shown = [line[:SHOWN_CHARS] for line in lines[-LAST_LINES:]]
    return {**ours, "untrusted_reason": state.failure, "untrusted_lines": list(shown), "notice": NOTICE}


def next_step(job: JobRecord, state: JobState) -> str:
    """Say what to do with a job in this phase."""
    name = f'job_id="{job.job_id}"'
    if state.phase == "completed":
        after = f'plan_evaluation(task="gen_qa", base="{job.job_id}", ...)'
        return f"Call {after}." if job.kind == "training" else f"Call get_evaluation({name})."
    return {
        "waiting": f"Waiting can take an hour or more; call get_job({name}) again later.",
        "running": f"Follow it with tail_logs({name}, wait_s=20), or call get_job({name}) again later.",
        "stopping": f"Call get_job({name}) until its phase is stopped; it bills until then.",
        "failed": "Correct the cause, then make a new plan; this one is used up.",
        "stopped": "Make a new plan to run it again; this one is used up.",
    }.get(state.phase, f"Call get_job({name}) again; if it stays unknown, look at the job in the AWS console.")


def _read_lines(ctx: ToolContext, job: JobRecord, state: JobState) -> tuple[list[LogLine], list[Finding]]:
    """Return the lines that matter in this phase; a log that cannot be read is a finding, since status comes first."""
    if state.phase == "waiting":
        return [], []
    read = platform_of(job.platform).read_logs
    try:
        lines = list(read(ctx, job, END, TAIL_LINES, None).lines)
        if state.phase == "completed" and len(lines) >= TAIL_LINES:
            lines = [*read(ctx, job, None, HEAD_LINES, None).lines, *lines]
    except AwsError as error:
        return [], [Finding(rule="JOB-log", severity="not_checked", message=f"the log: {error.message}", fix=error.fix)]
    return lines, []


def _checkpoint(ctx: ToolContext, job: JobRecord) -> tuple[str | None, list[Finding]]:
    if job.kind != "training":
        return None, []
    try:
        return checkpoint_of(ctx, job.job_id), []
    except AwsError as error:
        severity: Severity = "warn" if isinstance(error, NotFoundError) else "not_checked"
        return None, [Finding(rule="JOB-checkpoint", severity=severity, message=error.message, fix=error.fix)]


def _expected(plan: Plan | None) -> JsonObject:
    if plan is None or plan.cost.expected_s is None:
        return {}
    usd = plan.cost.expected_usd
    return {"seconds": plan.cost.expected_s, "usd": str(usd) if usd is not None else None, "basis": plan.cost.basis}


def _progress(state: JobState, plan: Plan | None, metrics: Metrics) -> JsonObject:
    if state.phase == "waiting" or metrics.steps_done is None:
        return {}
    return {"step": metrics.steps_done, "max_steps": planned_steps(plan) or metrics.steps_total}


def _stage(stage: Stage) -> JsonObject:
    ended = stage.ended_at
    seconds = round((ended - stage.started_at).total_seconds()) if ended else None
    return {"status": stage.status, "started_at": stage.started_at.isoformat(timespec="seconds"), "seconds": seconds}
