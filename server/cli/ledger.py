"""`approve`, `plans`, `jobs`, `audit verify`: what a person does in a terminal."""

import argparse
import sys

from novaforge.guards.values import dollars
from novaforge.server.audit import verify
from novaforge.server.consent_terminal import approve_in_terminal
from novaforge.server.settings import Settings
from novaforge.server.state import AppState
from novaforge.tools.records import OPEN_STATES


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the verb on the settings' ledger."""
    state = AppState(settings)
    if args.verb == "approve":
        return approve_in_terminal(state.context(), args.plan_id, sys.stdin, sys.stdout)
    if args.verb == "plans":
        return _plans(state, everything=args.all)
    return _jobs(state) if args.verb == "jobs" else _audit(settings)


def _plans(state: AppState, *, everything: bool) -> int:
    records = state.ledger.plans(states=None if everything else OPEN_STATES)
    for record in records:
        plan = record.plan
        print(f"{plan.plan_id}  {record.state:<11} ceiling {dollars(plan.cost.ceiling_usd):>12}  {plan.title}")
    if not records:
        print("No plans." if everything else "No open plans; --all shows closed ones.")
    return 0


def _jobs(state: AppState) -> int:
    jobs = state.ledger.jobs()
    for job in jobs:
        print(f"{job.job_id}  {job.phase:<10} {job.method:<10} ceiling {dollars(job.ceiling_usd):>12}  {job.output}")
    if not jobs:
        print("No jobs.")
    return 0


def _audit(settings: Settings) -> int:
    verdict = verify(settings.audit_path)
    print(verdict.text())
    return 0 if verdict.ok else 1
