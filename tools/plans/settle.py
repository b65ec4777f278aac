"""Bring a begun execution to an end: carry it out, continue it, take it back, or say that nobody can tell yet."""

from datetime import timedelta
from typing import Literal

from novaforge.guards.findings import Finding
from novaforge.guards.plan import AwsStep, Plan
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.execute import adopt, carry_out, note_gone
from novaforge.tools.plans.gate import closed, load
from novaforge.tools.plans.outcome import NEW_PLAN, ApplyResult, Status, follow, outcome
from novaforge.tools.plans.run import UNDOING, Paused, Run, StepFailed, Stop, TooLate, Unclear
from novaforge.tools.plans.undo import undo
from novaforge.tools.plans.worker import Pace

WINDOW = timedelta(minutes=5)
"""How long after its last intent an interrupted execution may still make calls: no request of the interrupted process can
arrive later, and what was checked before the first call is not much older."""

Mode = Literal["fresh", "resume", "look"]
"""fresh: begun just now; resume: after an interruption; look: settle what can be settled, without going on."""

_AGAIN = 'Call apply_plan(plan_id="{}") again to go on; it never starts anything twice.'


def settle(ctx: ToolContext, plan: Plan, mode: Mode, pace: Pace, window: timedelta = WINDOW) -> ApplyResult:
    """Carry out, continue or close the execution of a plan; one worker at a time, whatever the process."""
    if where := _elsewhere(ctx, plan):
        return outcome(ctx, plan, "refused", error=where, next_step="Nothing was changed; use the account it began in.")
    execution = ctx.ledger.execution(plan.digest)
    if execution is None:
        error = "Its execution could not be begun just now."
        return outcome(ctx, plan, "refused", error=error, next_step=_AGAIN.format(plan.plan_id))
    run = Run(ctx, plan, execution, pace)
    if not run.take():
        return closed(ctx, load(ctx, plan.plan_id)) or _in_progress(ctx, plan)
    try:
        return _run(run, mode, window)
    finally:
        run.give_back()


def _run(run: Run, mode: Mode, window: timedelta) -> ApplyResult:
    try:
        goes_on = mode == "fresh" or _resume(run, mode, window)
        carry_out(run)
        return _finish(run, "started" if goes_on else "already_started")
    except StepFailed as stop:
        return _close(run, stop, "failed", stop.findings)
    except TooLate as stop:
        return _close(run, stop, "not_created")
    except Unclear as stop:
        return _unclear(run, stop)
    except Paused as stop:
        return _pause(run, stop, mode)


def _resume(run: Run, mode: Mode, window: timedelta) -> bool:
    """Adopt what is there; True when calls remain to be made now.

    Raises TooLate when calls remain and the execution is too old, Paused when only looking was wanted.
    """
    step = run.before.step
    if step.startswith(f"{UNDOING}:"):
        raise TooLate(step, run.before.error) if step.endswith("not_created") else StepFailed(step, run.before.error)
    missing = adopt(run)
    if not missing:
        return False
    late = _age(run) > window or run.now() >= run.plan.expires_at
    # What a person approved to be deleted is deleted also later: leaving half of it costs money.
    if late and run.plan.action != "clean_up":
        raise TooLate(missing[0], f"It was interrupted before {missing[0]} and too long ago to go on.")
    if mode == "look" and not late:
        raise Paused(missing[0], f"It was interrupted before {missing[0]}.", sent=False)
    return True


def _age(run: Run) -> timedelta:
    return run.now() - (run.before.observed_at or run.before.intent_at)


def _finish(run: Run, status: Status) -> ApplyResult:
    run.ctx.checkpoint("before_finish")
    run.note(state="submitted", error="")
    run.audit("plan.submitted", made=[f"{made.kind}/{made.name}" for made in run.plan.created()])
    run.ctx.checkpoint("after_finish")
    return outcome(run.ctx, run.plan, status, next_step=follow(run.plan))


def _close(
    run: Run, stop: Stop, end: Literal["failed", "not_created"], findings: tuple[Finding, ...] = ()
) -> ApplyResult:
    debts = undo(run, stop.why, end)
    note_gone(run)
    error = " ".join([stop.why, *(f"{debt}." for debt in debts), *_already_deleted(run)])
    if not _billed(run):
        run.ctx.ledger.release_usd(run.plan.digest, run.now())
    run.note(state=end, error=error)
    run.audit(f"plan.{end}", step=stop.step, error=error, debts=debts)
    owed = [Finding(rule="debt", severity="warn", message=debt, fix="call plan_cleanup") for debt in debts]
    return outcome(run.ctx, run.plan, "refused", error=error, findings=[*findings, *owed], next_step=NEW_PLAN)


def _unclear(run: Run, stop: Unclear) -> ApplyResult:
    error = f"AWS did not confirm {stop.step}: {stop.why}"
    run.note(state="unknown", error=error)
    run.audit("plan.unknown", step=stop.step, error=stop.why)
    step = f"It may have started, so make no new plan. {_AGAIN.format(run.plan.plan_id)}"
    return outcome(run.ctx, run.plan, "started", error=error, next_step=step)


def _pause(run: Run, stop: Paused, mode: Mode) -> ApplyResult:
    run.note(error=stop.why)
    status: Status = "started" if mode == "fresh" or not stop.sent else "already_started"
    return outcome(run.ctx, run.plan, status, error=stop.why, next_step=_AGAIN.format(run.plan.plan_id))


def _in_progress(ctx: ToolContext, plan: Plan) -> ApplyResult:
    error = "Another call is carrying it out at this moment."
    return outcome(ctx, plan, "already_started", error=error, next_step=_AGAIN.format(plan.plan_id))


def _elsewhere(ctx: ToolContext, plan: Plan) -> str:
    """Say why this server must not judge an execution: looked for in another account, a job would seem not to exist."""
    if plan.sandbox != ctx.mode.sandbox:
        return "The plan began in another mode (sandbox or AWS) than this server runs in."
    ctx.aws.forget_principal()
    now, then = ctx.aws.principal(), plan.principal
    if (now.account, now.region) == (then.account, then.region):
        return ""
    return f"The plan began in account {then.account}, {then.region}; this server is in {now.account}, {now.region}."


def _billed(run: Run) -> bool:
    """Tell whether a call that bills was accepted; a call that failed clearly was not."""
    return any(isinstance(step, AwsStep) and step.bills and key in run.done for key, step in run.steps)


def _already_deleted(run: Run) -> list[str]:
    deleted = [
        step.deletes for key, step in run.steps if isinstance(step, AwsStep) and step.deletes and key in run.done
    ]
    return [f"Deleted before that: {', '.join(deleted)}."] if deleted else []
