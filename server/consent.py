"""The tool apply_plan: ask a person through the client where that is possible, then open the one door.

The question is a server-filled parameter of the tool. The model cannot fill it, and an answer sent again is worth
nothing: what counts is the single transition in the ledger.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

import anyio
import anyio.to_thread
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Elicit, Resolve
from mcp.server.mcpserver.context import Context
from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict

from novaforge.guards.consent import Answer, ceiling_text, question
from novaforge.guards.plan import Plan
from novaforge.guards.policy import tier
from novaforge.server.errors import as_tool_error
from novaforge.server.tooling import progress_of, to_result
from novaforge.tools.context import Progress, ToolContext, silent
from novaforge.tools.plans.answers import count_refusal, record_answer
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.gate import (
    ASKABLE,
    MAX_REFUSED_QUESTIONS,
    approval_required,
    closed,
    load,
    refused_questions,
    unapproved,
)
from novaforge.tools.plans.outcome import ApplyResult, outcome

__all__ = ["ApplyResult", "NoChannel", "NotNeeded", "can_ask", "make_apply_tool"]

ANSWER_WITHIN_S = 40.0
"""Clients give up on a call after 60 s; what is still under way then goes on in its thread."""

MODERN = "2026-07-28"
"""First protocol revision without requests from server to client; there the question is the result of the call."""


class NoChannel(BaseModel):
    """No question can be asked through this client, and why."""

    model_config = ConfigDict(frozen=True)

    why: str


class NotNeeded(BaseModel):
    """No question has to be asked: the plan is approved, under way, or closed."""

    model_config = ConfigDict(frozen=True)


Reply = ElicitationResult[Answer | NoChannel | NotNeeded]
Opener = Callable[[Progress], ToolContext]
"""Makes the context of one call from a progress reporter; may take long."""


def make_apply_tool(
    open_context: Opener, answer_within_s: float = ANSWER_WITHIN_S
) -> Callable[..., Awaitable[CallToolResult]]:
    """Return the function to register as apply_plan; its structured result is an ApplyResult."""

    async def ask(plan_id: str, mcp: Context[Any, Any]) -> Elicit[Answer] | NoChannel | NotNeeded:
        why_not = can_ask(mcp)
        try:
            return await anyio.to_thread.run_sync(lambda: to_ask(open_context(progress_of(mcp)), plan_id, why_not))
        except Exception:  # noqa: BLE001  # the same reading in the tool's body reports it to the model
            return NotNeeded()

    async def apply_plan(
        plan_id: str, mcp: Context[Any, Any], reply: Annotated[Reply, Resolve(ask)]
    ) -> Annotated[CallToolResult, ApplyResult]:
        work = partial(_work, open_context, progress_of(mcp), plan_id, reply, requester_of(mcp))
        try:
            return to_result(
                await _finish_or_report(work, partial(_still_working, open_context, plan_id), answer_within_s)
            )
        except Exception as error:  # noqa: BLE001  # translated once, here
            return as_tool_error(error, "apply_plan")

    return apply_plan


def can_ask(mcp: Context[Any, Any]) -> str | None:
    """Return why a form cannot be put before the person at this client, or None when it can."""
    capabilities = mcp.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    if elicitation is None:
        return "this client cannot ask questions"
    if elicitation.form is None and elicitation.url is not None:
        return "this client cannot show forms"
    if (mcp.protocol_version or "") < MODERN and not mcp.session.can_send_request:
        return "this connection has no way back to the client"
    return None


def to_ask(ctx: ToolContext, plan_id: str, why_not: str | None) -> Elicit[Answer] | NoChannel | NotNeeded:
    """Return the question of an open plan, or why none is asked; the text depends on the stored plan alone."""
    record = load(ctx, plan_id)
    plan = record.plan
    if closed(ctx, record) or not unapproved(ctx, record):
        return NotNeeded()
    if tier(ctx.policy, plan.cost.ceiling_usd) == "terminal":
        return NoChannel(why=f"the operator's policy lets only a terminal approve a ceiling of {ceiling_text(plan)}")
    if refused_questions(record) >= MAX_REFUSED_QUESTIONS:
        return NoChannel(why=f"the question was refused {MAX_REFUSED_QUESTIONS} times, so it is not asked again here")
    return NoChannel(why=why_not) if why_not else Elicit(question(plan), Answer)


def apply_with_reply(ctx: ToolContext, plan_id: str, reply: Reply, requester: str) -> ApplyResult:
    """Record what the person answered, if anything, and apply the plan if they approved it."""
    record = load(ctx, plan_id)
    plan = record.plan
    # Whatever happened since the question was asked decides before the answer does.
    if closed(ctx, record) or not unapproved(ctx, record):
        return apply(ctx, plan_id)
    if not isinstance(reply, AcceptedElicitation):
        return _refused_question(ctx, plan, reply.action)
    if isinstance(reply.data, NoChannel):
        return approval_required(ctx, plan, f"A person has to approve it: {reply.data.why}.")
    if isinstance(reply.data, NotNeeded):
        return apply(ctx, plan_id)
    return _answered(ctx, plan, reply.data, requester)


def _answered(ctx: ToolContext, plan: Plan, answer: Answer, requester: str) -> ApplyResult:
    owner = ctx.mode.owner
    verdict = record_answer(ctx, plan, answer, channel="elicit-form", approver=owner, requester=requester)
    if verdict == "wrong_amount":
        error = f"The typed amount is not the ceiling {ceiling_text(plan)}. Nothing was started; the plan stays open."
        return outcome(ctx, plan, "rejected", error=error, next_step=_ask_again(plan))
    if verdict == "rejected":
        error = "The person rejected this plan; it is closed."
        return outcome(ctx, plan, "rejected", error=error, next_step="Ask what should change, then make a new plan.")
    return apply(ctx, plan.plan_id)


def _refused_question(ctx: ToolContext, plan: Plan, action: str) -> ApplyResult:
    """Answer decline and cancel alike: neither proves that a person said no, since some clients do it by themselves."""
    left = MAX_REFUSED_QUESTIONS - count_refusal(ctx, plan, action)
    asked = f"it may be asked {left} more time{'s' if left > 1 else ''}" if left > 0 else "it is not asked here again"
    return approval_required(ctx, plan, f"The question was not answered with an approval ({action}); {asked}.")


def _ask_again(plan: Plan) -> str:
    return (
        f'If the person wants it, call apply_plan(plan_id="{plan.plan_id}") again; they are asked for the amount again.'
    )


def requester_of(mcp: Context[Any, Any]) -> str:
    """Return the client program that asked, as it names itself."""
    params = mcp.session.client_params
    return f"{params.client_info.name} {params.client_info.version}" if params else "unknown client"


def _work(open_context: Opener, progress: Progress, plan_id: str, reply: Reply, requester: str) -> ApplyResult:
    return apply_with_reply(open_context(progress), plan_id, reply, requester)


def _still_working(open_context: Opener, plan_id: str) -> ApplyResult:
    ctx = open_context(silent)
    record = load(ctx, plan_id)
    # Large local files take a while to be compared with the plan, which comes before its execution begins.
    doing = "compared with what is there now; nothing was sent yet" if record.state in ASKABLE else "carried out"
    step = f'Call apply_plan(plan_id="{plan_id}") again to learn the outcome; it never starts anything twice.'
    return outcome(ctx, record.plan, "started", error=f"It is still being {doing}.", next_step=step)


async def _finish_or_report(
    work: Callable[[], ApplyResult], still_working: Callable[[], ApplyResult], within_s: float
) -> ApplyResult:
    """Run the work in a thread that a cancelled or slow request does not interrupt.

    Between the intent in the ledger and the record of the call nothing may break off, so the wait for it is shielded.
    """
    with anyio.move_on_after(within_s, shield=True):
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    return await anyio.to_thread.run_sync(still_working)
