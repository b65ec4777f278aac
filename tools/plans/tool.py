"""The tool that shows plans."""

from pydantic import Field

from novaforge.guards.values import Frozen, JsonObject, Usd, Utc, dollars
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.gate import load
from novaforge.tools.plans.view import view_plan
from novaforge.tools.records import PlanRecord, PlanState
from novaforge.tools.results import ToolResult

SHOWN: tuple[PlanState, ...] = ("planned", "approved", "submitting", "unknown")
"""What can still be applied or is under way; a blocked plan was explained when it was made."""
MOST = 50


class PlanLine(Frozen):
    """One open plan in a list."""

    plan_id: str
    state: PlanState
    action: str
    title: str
    ceiling_usd: Usd
    expires_at: Utc


class PlansResult(ToolResult):
    """The open plans, or one plan as the plan_* tools return it, with its approval and its execution."""

    plans: list[PlanLine] = Field(default_factory=list[PlanLine])
    plan: JsonObject | None = None
    approval: JsonObject | None = None
    execution: JsonObject | None = None

    def text(self) -> str:
        """Return one line per plan."""
        lines = [
            f"{line.plan_id} ({line.state}): {line.title}, ceiling {dollars(line.ceiling_usd)}" for line in self.plans
        ]
        return "\n".join([*lines, self.next_step])


def get_plan(ctx: ToolContext, *, plan_id: str | None = None) -> PlansResult:
    """Return one plan with its approval state, or the open ones, newest first."""
    if plan_id is None:
        records = ctx.ledger.plans(SHOWN, limit=MOST)
        step = "Call get_plan with a plan_id for all of one plan." if records else "There are no open plans."
        return PlansResult(plans=[_line(record) for record in records], next_step=step, sandbox=ctx.mode.sandbox)
    record = load(ctx, plan_id)
    view = view_plan(record)
    return PlansResult(
        plans=[_line(record)],
        plan=view.model_dump(mode="json", exclude={"next_step"}),
        approval=_approval(ctx, record),
        execution=_execution(ctx, record),
        next_step=view.next_step,
        sandbox=record.plan.sandbox,
    )


def _line(record: PlanRecord) -> PlanLine:
    plan = record.plan
    return PlanLine(
        plan_id=plan.plan_id,
        state=record.state,
        action=plan.action,
        title=plan.title,
        ceiling_usd=plan.cost.ceiling_usd,
        expires_at=plan.expires_at,
    )


def _approval(ctx: ToolContext, record: PlanRecord) -> JsonObject | None:
    approval = ctx.ledger.approval(record.plan.digest)
    fields = {"answer", "channel", "approver", "at", "expires_at", "consumed_at"}
    return approval.model_dump(mode="json", include=fields) if approval else None


def _execution(ctx: ToolContext, record: PlanRecord) -> JsonObject | None:
    execution = ctx.ledger.execution(record.plan.digest)
    fields = {"state", "step", "done", "resource", "error", "intent_at"}
    return execution.model_dump(mode="json", include=fields) if execution else None
