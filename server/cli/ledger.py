"""`approve`, `plans`, `jobs`, `audit verify`: what a person does in a terminal."""

import argparse
import sys

from novaforge.guards.text import one_line
from novaforge.guards.values import dollars
from novaforge.server.audit import verify
from novaforge.server.consent_terminal import approve_in_terminal
from novaforge.server.settings import Settings
from novaforge.server.state import AppState
from novaforge.tools.plans.tool import SHOWN


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the verb on the settings' ledger."""
    state = AppState(settings)
    if args.verb == "approve":
        return approve_in_terminal(state.context(), args.plan_id, sys.stdin, sys.stdout)
    if args.verb == "plans":
        return _plans(state, everything=args.all)
    return _jobs(state) if args.verb == "jobs" else _audit(state, settings)


def _plans(state: AppState, *, everything: bool) -> int:
    records = state.ledger.plans(states=None if everything else SHOWN)
    for record in records:
        plan = record.plan
        print(
            f"{plan.plan_id}  {record.state:<11} ceiling {dollars(plan.cost.ceiling_usd):>12}  {one_line(plan.title)}"
        )
    if not records:
        print("No plans." if everything else "No open plans; --all shows closed ones.")
    return 0


def _jobs(state: AppState) -> int:
    jobs = state.ledger.jobs()
    for job in jobs:
        print(
            f"{job.job_id}  {job.phase:<10} {job.method:<10} ceiling {dollars(job.ceiling_usd):>12}  {one_line(job.output)}"
        )
    if not jobs:
        print("No jobs.")
    return 0


def _audit(state: AppState, settings: Settings) -> int:
    intact, text = audit_state(state, settings)
    print(text)
    return 0 if intact else 1


def audit_state(state: AppState, settings: Settings) -> tuple[bool, str]:
    """Tell whether the audit log is intact, and say so; one that is gone while the ledger holds plans is not."""
    verdict = verify(settings.audit_path)
    if verdict.ok and not verdict.lines and state.ledger.plans(limit=1):
        return False, (
            f"There is no audit log at {settings.audit_path}, but the ledger holds plans: the log was deleted, or the"
            " plans were made with another state directory."
        )
    return verdict.ok, verdict.text()
