"""Whether a plan may be applied at all, before anybody is asked and again before anything is sent."""

from novaforge.guards.consent import prompt_sha256
from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import Plan
from novaforge.guards.policy import check_policy, tier
from novaforge.guards.values import day_start
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.outcome import NEW_PLAN, ApplyResult, follow, outcome
from novaforge.tools.records import Approval, PlanRecord, PlanState

MAX_REFUSED_QUESTIONS = 3
"""How often a person may decline, cancel or mistype before only the terminal can approve the plan."""

REFUSED_QUESTIONS = "refused_questions"

ASKABLE: tuple[PlanState, ...] = ("planned", "approved")

_CLOSED: dict[PlanState, str] = {
    "blocked": "Findings block this plan.",
    "expired": "The plan has expired.",
    "superseded": "Another plan with the same output was started, so this one no longer fits.",
    "not_created": "An earlier attempt was interrupted before anything that bills was made, and is closed.",
    "failed": "An earlier attempt failed.",
}


def load(ctx: ToolContext, plan_id: str) -> PlanRecord:
    """Return a stored plan; raises InputError when there is none, RefusedError when it was changed in the ledger."""
    record = ctx.ledger.plan(plan_id)
    if record is None:
        fix = "get_plan without arguments lists the open plans; in a terminal, `novaforge-mcp plans`"
        raise InputError(f"There is no plan {plan_id[:80]!r}.", field="plan_id", value=plan_id[:80], fix=fix)
    return record


def closed(ctx: ToolContext, record: PlanRecord) -> ApplyResult | None:
    """Return the answer when no approval can change it; None while the plan is open or being carried out."""
    plan = record.plan
    if record.state == "submitted":
        return already(ctx, plan)
    if misfit := _misfit(ctx, plan):
        return outcome(ctx, plan, "refused", error=misfit)
    if record.state == "rejected":
        return outcome(ctx, plan, "rejected", error="A person rejected this plan.", next_step="Ask what should change.")
    if record.state == "stale":
        kept = record.detail.get("differences", [])
        error = "What the plan was made from had changed."
        return outcome(
            ctx, plan, "stale", differences=kept if isinstance(kept, list) else [], error=error, next_step=NEW_PLAN
        )
    if record.state in _CLOSED:
        return _refused(ctx, record)
    limits = _limits(ctx, plan) if record.state in ASKABLE else []
    error = "The operator's policy does not allow this plan now."
    return outcome(ctx, plan, "refused", findings=limits, error=error) if limits else None


def already(ctx: ToolContext, plan: Plan) -> ApplyResult:
    """Return the answer for a plan that was started before."""
    return outcome(ctx, plan, "already_started", next_step=follow(plan))


def approval_required(ctx: ToolContext, plan: Plan, why: str) -> ApplyResult:
    """Return the answer that a person has to approve in a terminal, with the exact command."""
    command = f"{ctx.mode.approve_command} {plan.plan_id}"
    return outcome(
        ctx,
        plan,
        "approval_required",
        error=why,
        how=command,
        next_step=f'Nothing was started. Ask the person to run `{command}`, then call apply_plan(plan_id="{plan.plan_id}").',
    )


def approved(ctx: ToolContext, plan: Plan) -> bool:
    """Tell whether an unused approval of exactly this plan and its question, given where the policy wants it, is in force."""
    approval = ctx.ledger.approval(plan.digest)
    return approval is not None and _in_force(ctx, plan, approval)


def _in_force(ctx: ToolContext, plan: Plan, approval: Approval) -> bool:
    return (
        approval.answer == "approve"
        and approval.plan_id == plan.plan_id
        and approval.prompt_sha256 == prompt_sha256(plan)
        # The policy may have become stricter since, or another server of this ledger may have the stricter one.
        and (approval.channel == "terminal" or tier(ctx.policy, plan.cost.ceiling_usd) == "form")
        and approval.consumed_at is None
        and approval.expires_at > ctx.clock()
    )


def unapproved(ctx: ToolContext, record: PlanRecord) -> PlanRecord | None:
    """Return an open plan that waits for a person, ready to be asked about; None when nobody has to be asked.

    An approval that expired, or that was given to another question, is taken back for good: not even a clock that is set
    back revives it. Only the one judged here: a yes given or used meanwhile makes the ledger refuse.
    """
    plan = record.plan
    approval = ctx.ledger.approval(plan.digest)
    if record.state not in ASKABLE or (approval is not None and _in_force(ctx, plan, approval)):
        return None
    if approval is not None:
        ctx.ledger.reopen(plan.digest, approval.approval_id, ctx.clock())
    now = load(ctx, plan.plan_id)
    return now if now.state == "planned" else None


def refused_questions(record: PlanRecord) -> int:
    """Return how often a question about this plan was declined, cancelled or answered with a wrong amount."""
    count = record.detail.get(REFUSED_QUESTIONS, 0)
    return count if isinstance(count, int) else MAX_REFUSED_QUESTIONS


def _refused(ctx: ToolContext, record: PlanRecord) -> ApplyResult:
    reason = str(record.detail.get("error") or "")
    error = f"{_CLOSED[record.state]} {reason}".strip()
    blocks = record.plan.blocked if record.state == "blocked" else []
    step = "Correct what the findings name, then make a new plan." if blocks else NEW_PLAN
    return outcome(ctx, record.plan, "refused", error=error, findings=blocks, next_step=step)


def _limits(ctx: ToolContext, plan: Plan) -> list[Finding]:
    return check_policy(ctx.policy, plan, ctx.ledger.committed_usd(day_start(ctx.clock())))


def _misfit(ctx: ToolContext, plan: Plan) -> str:
    if not ctx.mode.writes_allowed:
        return "This server is read-only: a person has to start it with --allow-write before plans can be applied."
    if plan.sandbox != ctx.mode.sandbox:
        made, runs = ("in the sandbox", "on AWS") if plan.sandbox else ("for AWS", "with --sandbox")
        return f"The plan was made {made}, but this server runs {runs}."
    return ""
