"""Approval in a terminal: outside the chat, where no model can answer."""

import getpass
import os
from typing import Literal, TextIO

from novaforge.guards.consent import Answer, ceiling_text, question
from novaforge.guards.errors import NovaForgeError
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.answers import record_answer
from novaforge.tools.plans.gate import approved, closed, load, unapproved
from novaforge.tools.records import PlanRecord

APPROVED, NOT_APPROVED, CANNOT_ASK = 0, 1, 2
"""Exit codes."""


def approve_in_terminal(ctx: ToolContext, plan_id: str, stdin: TextIO, stdout: TextIO) -> int:
    """Show a plan, take the typed amount, record the answer; 0 approved, 1 not approved, 2 no terminal or no open plan.

    There is no option that answers in a person's place.
    """
    if not (stdin.isatty() and stdout.isatty()):
        _say(stdout, "Approving needs a terminal: run this command by hand, not through a pipe or a script.")
        return CANNOT_ASK
    try:
        record = load(ctx, plan_id)
        if why := _not_open(ctx, record):
            _say(stdout, why)
            return CANNOT_ASK
        return _ask(ctx, record, stdin, stdout)
    except NovaForgeError as error:
        _say(stdout, error.as_text())
        return CANNOT_ASK


def _not_open(ctx: ToolContext, record: PlanRecord) -> str:
    if answer := closed(ctx, record):
        return answer.text()
    if approved(ctx, record.plan):
        return "This plan is approved already. The agent starts it with apply_plan."
    return "" if unapproved(ctx, record) else "This plan is being carried out; nothing is left to approve."


def _ask(ctx: ToolContext, record: PlanRecord, stdin: TextIO, stdout: TextIO) -> int:
    plan = record.plan
    _say(stdout, question(plan))
    stdout.write(f"\nType {ceiling_text(plan)} to approve, reject to close the plan, anything else to leave it open: ")
    stdout.flush()
    typed = stdin.readline().strip()
    if not typed:
        _say(stdout, "Left open; nothing was approved.")
        return NOT_APPROVED
    decision: Literal["approve", "reject"] = "reject" if typed.lower() == "reject" else "approve"
    user = os_user()
    verdict = record_answer(
        ctx, plan, Answer(decision=decision, typed_amount=typed), channel="terminal", approver=user, requester=user
    )
    _say(stdout, _VERDICTS[verdict])
    return APPROVED if verdict == "approved" else NOT_APPROVED


_VERDICTS = {
    "approved": "Approved, once and for exactly this plan. The agent can now call apply_plan again.",
    "rejected": "Rejected; this plan is closed.",
    "wrong_amount": "That is not the ceiling; nothing was approved and the plan stays open.",
    "closed": "The plan was closed meanwhile; nothing was approved.",
}


def os_user() -> str:
    """Return the operating system's name for the person at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _say(stdout: TextIO, text: str) -> None:
    stdout.write(f"{text}\n")
    stdout.flush()
