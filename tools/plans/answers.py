"""Record what a person answered about a plan."""

import secrets
from datetime import timedelta
from typing import Literal

from novaforge.guards.consent import Answer, Judgement, judge, prompt_sha256
from novaforge.guards.plan import Plan
from novaforge.guards.text import one_line
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.gate import REFUSED_QUESTIONS, load, refused_questions
from novaforge.tools.records import Approval

Channel = Literal["elicit-form", "terminal"]


def record_answer(
    ctx: ToolContext, plan: Plan, answer: Answer, *, channel: Channel, approver: str, requester: str
) -> Judgement | Literal["closed"]:
    """Judge an answer and record a yes or a no, once; "closed" when the plan was no longer open for one.

    A wrong amount is neither: the plan stays open, and the question counts as refused.
    """
    verdict = judge(plan, answer)
    if verdict == "wrong_amount":
        count_refusal(ctx, plan, "wrong amount")
        return verdict
    now = ctx.clock()
    approval = Approval(
        approval_id=f"approval_{secrets.token_hex(16)}",
        plan_id=plan.plan_id,
        plan_digest=plan.digest,
        prompt_sha256=prompt_sha256(plan),
        channel=channel,
        approver=one_line(approver, 100),
        requester=one_line(requester, 100),
        answer="approve" if verdict == "approved" else "reject",
        typed_value=one_line(answer.typed_amount, 40),
        at=now,
        expires_at=min(now + timedelta(minutes=ctx.policy.approval_minutes), plan.expires_at),
    )
    if not ctx.ledger.approve(approval):
        return "closed"
    detail: JsonObject = {"plan_id": plan.plan_id, "channel": channel, "prompt_sha256": approval.prompt_sha256}
    ctx.audit.write(f"plan.{verdict}", actor=approval.approver, plan_digest=plan.digest, detail=detail)
    return verdict


def count_refusal(ctx: ToolContext, plan: Plan, how: str) -> int:
    """Count a question that did not lead to an approval; returns how many there were for this plan."""
    count = refused_questions(load(ctx, plan.plan_id)) + 1
    ctx.ledger.move_plan(plan.digest, ("planned",), "planned", ctx.clock(), {REFUSED_QUESTIONS: count})
    detail: JsonObject = {"plan_id": plan.plan_id, "how": how, "count": count}
    ctx.audit.write("question.refused", actor=ctx.mode.owner, plan_digest=plan.digest, detail=detail)
    return count
