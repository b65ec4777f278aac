"""What `apply_plan` answers."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue

from novaforge.guards.findings import Finding
from novaforge.guards.plan import Plan
from novaforge.guards.staleness import Difference
from novaforge.guards.values import JsonObject, Usd, cents_up, dollars
from novaforge.tools.context import ToolContext
from novaforge.tools.records import resource_id
from novaforge.tools.results import FindingView, ToolResult, finding_views, show_findings

Status = Literal["started", "already_started", "approval_required", "rejected", "stale", "refused"]

NEW_PLAN = "Make a new plan with the same arguments; it gets a fresh price and needs a fresh approval."


class ApplyResult(ToolResult):
    """The outcome of one call of apply_plan; `how` is the terminal command a person approves with."""

    status: Status
    plan_id: str
    job_id: str | None = None
    deployment_id: str | None = None
    reward_arn: str | None = None
    ceiling_usd: Usd
    how: str = ""
    differences: list[JsonObject] = Field(default_factory=list[JsonObject])
    findings: list[FindingView] = Field(default_factory=list[FindingView])
    error: str = ""

    def text(self) -> str:
        """Return the outcome in a few lines."""
        made = [self.job_id, self.deployment_id, self.reward_arn]
        lines = [
            f"Plan {self.plan_id}: {self.status} (ceiling {dollars(self.ceiling_usd)})",
            *(f"made: {item}" for item in made if item),
            self.error,
            *(
                f"{item['name']} {item['path']}: planned {item['planned']}, now {item['now']}"
                for item in self.differences
            ),
            show_findings(self.findings),
            f"approve in a terminal: {self.how}" if self.how else "",
            self.next_step,
        ]
        return "\n".join(line for line in lines if line)


def outcome(
    ctx: ToolContext,
    plan: Plan,
    status: Status,
    *,
    next_step: str = "",
    error: str = "",
    how: str = "",
    findings: Sequence[Finding] = (),
    differences: Sequence[JsonValue] = (),
) -> ApplyResult:
    """Return the answer about a plan; what it makes is named once its execution has begun."""
    begun = status in {"started", "already_started"}
    return ApplyResult(
        status=status,
        plan_id=plan.plan_id,
        job_id=made_name(plan, "sagemaker:training-job") if begun else None,
        deployment_id=made_name(plan, "sagemaker:endpoint") if begun else None,
        reward_arn=_reward_arn(ctx, plan) if begun else None,
        ceiling_usd=cents_up(plan.cost.ceiling_usd),
        how=how,
        differences=[item for item in differences if isinstance(item, dict)],
        findings=finding_views(findings),
        error=error,
        next_step=next_step,
        sandbox=plan.sandbox,
    )


def stale(ctx: ToolContext, plan: Plan, moved: Sequence[Difference]) -> ApplyResult:
    """Return the answer that what the plan was made from has changed."""
    listed = [difference.model_dump(mode="json") for difference in moved]
    return outcome(
        ctx, plan, "stale", differences=listed, error="What the plan was made from has changed.", next_step=NEW_PLAN
    )


def follow(plan: Plan) -> str:
    """Say what to do once a plan has been applied."""
    return {
        "train": "Follow it with get_job and tail_logs; waiting for machines does not bill.",
        "evaluate": "Follow it with get_job; when it has completed, call get_evaluation.",
        "create_reward": "Use reward_arn as `reward` of plan_training.",
        "deploy": "Call invoke_model with deployment_id. It bills by the hour until plan_cleanup deletes it.",
        "clean_up": "Call get_spend to see that nothing is left running.",
    }[plan.action]


def made_name(plan: Plan, kind: str) -> str | None:
    """Return the name of the first resource of a kind the plan makes."""
    return next((made.name for made in plan.created() if made.kind == kind), None)


def _reward_arn(ctx: ToolContext, plan: Plan) -> str | None:
    name = made_name(plan, "lambda:function")
    row = ctx.ledger.resource(resource_id("lambda:function", name)) if name else None
    return row.arn or None if row else None
