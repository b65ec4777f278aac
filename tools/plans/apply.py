"""The one door: apply a plan that a person approved, exactly once."""

from datetime import timedelta

from pydantic import JsonValue

from novaforge.guards.plan import Plan
from novaforge.guards.staleness import Difference
from novaforge.guards.values import JsonObject, day_start
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.gate import ASKABLE, approval_required, approved, closed, load, unapproved
from novaforge.tools.plans.outcome import ApplyResult, outcome, stale
from novaforge.tools.plans.preconditions import reread
from novaforge.tools.plans.settle import WINDOW, settle
from novaforge.tools.plans.worker import Pace
from novaforge.tools.records import PlanRecord

NOT_APPROVED = "No approval of this plan is in force."


def apply(ctx: ToolContext, plan_id: str, *, pace: Pace | None = None, window: timedelta = WINDOW) -> ApplyResult:
    """Start an approved plan, continue an interrupted one, or say why not; safe to call any number of times.

    Raises InputError for an unknown plan and RefusedError for one that was changed in the ledger.
    """
    record, pace = load(ctx, plan_id), pace or Pace()
    plan = record.plan
    if not approved(ctx, plan) or record.state not in ASKABLE:
        return _without_beginning(ctx, record, pace, window)
    if answer := closed(ctx, record) or _moved(ctx, plan):
        return answer
    ctx.checkpoint("before_begin")
    now = ctx.clock()
    if not ctx.ledger.begin(plan.digest, now, day_limit=ctx.policy.max_usd_per_day, since=day_start(now)):
        # Somebody else made the one transition, time passed, or the day's budget was used up meanwhile.
        return _without_beginning(ctx, load(ctx, plan_id), pace, window)
    ctx.checkpoint("after_begin")
    _tell(ctx, plan)
    return settle(ctx, plan, "fresh", pace, window)


def _without_beginning(ctx: ToolContext, record: PlanRecord, pace: Pace, window: timedelta) -> ApplyResult:
    """Answer for a plan that is closed or waits for a person, and go on with one that has begun."""
    if answer := closed(ctx, record):
        return answer
    if unapproved(ctx, record):
        return approval_required(ctx, record.plan, NOT_APPROVED)
    now = load(ctx, record.plan.plan_id)
    if record.state == "planned" and now.state == "approved":
        return apply(ctx, now.plan.plan_id, pace=pace, window=window)  # approved since the record was read
    return closed(ctx, now) or settle(ctx, now.plan, "resume", pace, window)


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


def _tell(ctx: ToolContext, plan: Plan) -> None:
    superseded: list[JsonValue] = [*ctx.ledger.supersede(plan, ctx.clock())]
    _audit(ctx, plan, "plan.begun", {"ceiling_usd": str(plan.cost.ceiling_usd), "superseded": superseded})


def _audit(ctx: ToolContext, plan: Plan, event: str, detail: JsonObject) -> None:
    ctx.audit.write(event, actor=ctx.mode.owner, plan_digest=plan.digest, detail={"plan_id": plan.plan_id, **detail})
