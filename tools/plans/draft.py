"""Turn a planner's findings and requests into a stored plan."""

import secrets
from datetime import datetime, timedelta

from novaforge.guards.plan import DIGEST_TOKEN, PlanBody, freeze
from novaforge.guards.policy import check_policy
from novaforge.guards.text import one_line
from novaforge.guards.values import JsonObject, Usd, day_start
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.view import PlanView, view_plan
from novaforge.tools.records import PlanRecord, PlanState

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_plan_id(at: datetime) -> str:
    """Return a sortable random identifier: a ULID (48 bits of milliseconds, 80 random bits)."""
    number = (int(at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "plan_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def plan_times(ctx: ToolContext) -> tuple[datetime, datetime]:
    """Return when a plan made now is created and when it expires."""
    now = ctx.clock()
    return now, now + timedelta(minutes=ctx.policy.plan_minutes)


def plan_tags(ctx: ToolContext, ceiling_usd: Usd, expires: datetime) -> list[JsonObject]:
    """Return the tags every resource gets, as SageMaker and IAM spell them; the digest is filled in when sent."""
    return [
        {"Key": "novaforge:plan", "Value": DIGEST_TOKEN},
        {"Key": "novaforge:ceiling-usd", "Value": str(ceiling_usd)},
        {"Key": "novaforge:owner", "Value": one_line(ctx.mode.owner, 100)},
        {"Key": "novaforge:expires", "Value": expires.isoformat(timespec="seconds")},
    ]


def store_plan(ctx: ToolContext, body: PlanBody) -> PlanView:
    """Add the policy's findings, freeze the plan, write it to the ledger and the audit log, and show it."""
    limits = check_policy(ctx.policy, body, ctx.ledger.committed_usd(day_start(ctx.clock())))
    plan = freeze(body.model_copy(update={"findings": (*body.findings, *limits)}))
    state: PlanState = "blocked" if plan.blocked else "planned"
    ctx.ledger.add_plan(plan, state, plan.created_at)
    detail: JsonObject = {"plan_id": plan.plan_id, "action": plan.action, "ceiling_usd": str(plan.cost.ceiling_usd)}
    ctx.audit.write("plan.created", actor=ctx.mode.owner, plan_digest=plan.digest, detail=detail)
    return view_plan(PlanRecord(plan=plan, state=state, state_at=plan.created_at))
