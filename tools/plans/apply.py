"""The one door: apply a plan that a person approved, exactly once."""

from datetime import timedelta

from pydantic import JsonValue

from novaforge.guards.plan import Plan
from novaforge.guards.staleness import Difference
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.gate import approval_required, approved, closed, load, midnight
from novaforge.tools.plans.outcome import ApplyResult, outcome, stale
from novaforge.tools.plans.preconditions import reread
from novaforge.tools.plans.settle import WINDOW, settle
from novaforge.tools.plans.worker import Pace
from novaforge.tools.records import PlanRecord

UNDER_WAY = ("submitting", "unknown")
NOT_APPROVED = "No person has approved this plan yet."


def apply(ctx: ToolContext, plan_id: str, *, pace: Pace | None = None, window: timedelta = WINDOW) -> ApplyResult:
    """Start an approved plan, continue an interrupted one, or say why not; safe to call any number of times.

    Raises InputError for an unknown plan and RefusedError for one that was changed in the ledger.
    """
    record = load(ctx, plan_id)
    if answer := closed(ctx, record):
        return answer
    plan, pace = record.plan, pace or Pace()
    if record.state in UNDER_WAY:
        return settle(ctx, plan, "resume", pace, window)
    if not approved(ctx, plan):
        reopen(ctx, record)
        return approval_required(ctx, plan, NOT_APPROVED)
    if answer := _moved(ctx, plan):
        return answer
    ctx.checkpoint("before_begin")
    if not ctx.ledger.begin(plan.digest, ctx.clock(), day_limit=ctx.policy.max_usd_per_day, since=midnight(ctx)):
        return _not_begun(ctx, plan_id, pace, window)
    ctx.checkpoint("after_begin")
    _tell(ctx, plan)
    return settle(ctx, plan, "fresh", pace, window)


def reopen(ctx: ToolContext, record: PlanRecord) -> None:
    """Let a plan be asked about again whose approval has expired or no longer fits."""
    if record.state == "approved":
        ctx.ledger.move_plan(record.plan.digest, ("approved",), "planned", ctx.clock())


def _moved(ctx: ToolContext, plan: Plan) -> ApplyResult | None:
    """Read the preconditions again; a moved one closes the plan, one that cannot be read only stops this call."""
    moved, unreadable = reread(ctx, plan)
    if moved:
        kept: list[JsonValue] = [difference.model_dump(mode="json") for difference in moved]
        ctx.ledger.move_plan(plan.digest, ("planned", "approved"), "stale", ctx.clock(), {"differences": kept})
        _audit(ctx, plan, "plan.stale", {"differences": kept})
        return stale(ctx, plan, moved)
    if unreadable:
        error = "These could not be checked just now: " + "; ".join(_unread(item) for item in unreadable)
        step = f'Nothing was started and the approval stands. Call apply_plan(plan_id="{plan.plan_id}") again.'
        return outcome(ctx, plan, "refused", error=error, next_step=step)
    return None


def _unread(difference: Difference) -> str:
    return f"{difference.name}: {difference.now}"


def _not_begun(ctx: ToolContext, plan_id: str, pace: Pace, window: timedelta) -> ApplyResult:
    """Say why the one transition did not happen: somebody else made it, time passed, or the day's budget is used up."""
    record = load(ctx, plan_id)
    if answer := closed(ctx, record):
        return answer
    if record.state in UNDER_WAY:
        return settle(ctx, record.plan, "resume", pace, window)
    reopen(ctx, record)
    return approval_required(ctx, record.plan, "The approval is not in force any more.")


def _tell(ctx: ToolContext, plan: Plan) -> None:
    superseded: list[JsonValue] = [*ctx.ledger.supersede(plan, ctx.clock())]
    _audit(ctx, plan, "plan.begun", {"ceiling_usd": str(plan.cost.ceiling_usd), "superseded": superseded})


def _audit(ctx: ToolContext, plan: Plan, event: str, detail: JsonObject) -> None:
    ctx.audit.write(event, actor=ctx.mode.owner, plan_digest=plan.digest, detail={"plan_id": plan.plan_id, **detail})
