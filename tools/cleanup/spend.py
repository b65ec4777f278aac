"""What is running now, what everything has cost, and what is left of the budgets."""

from collections.abc import Sequence
from decimal import Decimal

from novaforge.guards.findings import Finding
from novaforge.guards.values import cents, day_start
from novaforge.tools.cleanup.endpoints import endpoint_cost, running_endpoints
from novaforge.tools.cleanup.inventory import label
from novaforge.tools.cleanup.jobs import Live, live_jobs
from novaforge.tools.cleanup.results import Running, Spend
from novaforge.tools.context import ToolContext
from novaforge.tools.deployment.steps import ENDPOINT
from novaforge.tools.jobs.refresh import stored_state
from novaforge.tools.records import JobRecord, ResourceRecord
from novaforge.tools.results import finding_views

BILLING_PHASES = ("running", "stopping", "unknown")
MAX_JOBS = 1000
LISTED_JOBS = 50


def get_spend(ctx: ToolContext) -> Spend:
    """Return jobs and endpoints not ended with their burn rate, costs so far, budgets, and what was left behind.

    Amounts are list prices times time, as far as the ledger knows; they are no bill.
    """
    live, endpoints = live_jobs(ctx), running_endpoints(ctx)
    jobs = ctx.ledger.jobs(limit=MAX_JOBS)
    running = [*(_running_job(job) for job in live.running()), *endpoints.running]
    burn = sum((item.usd_per_hour for item in running if item.billing and item.usd_per_hour is not None), Decimal(0))
    debts = _debts(ctx)
    findings = [*live.unread_findings(), *endpoints.findings, *_unpriced(running), *_unread_costs(jobs)]
    committed = ctx.ledger.committed_usd(day_start(ctx.clock()))
    return Spend(
        running=running,
        burn_usd_per_hour=burn,
        totals_usd={
            "jobs": cents(sum((_billed(job) for job in jobs), Decimal(0))),
            "endpoints": cents(_endpoints_total(ctx)),
            "committed_today": committed,
        },
        budgets_usd=_budgets(ctx, committed),
        jobs_usd={job.job_id: cents(_billed(job)) for job in jobs[:LISTED_JOBS]},
        debts=debts,
        findings=finding_views(findings),
        next_step=_next_step(running, debts, live),
        sandbox=ctx.mode.sandbox,
    )


def _budgets(ctx: ToolContext, committed: Decimal) -> dict[str, Decimal]:
    """Return the limits the policy sets, and what is left of the day's."""
    day, plan = ctx.policy.max_usd_per_day, ctx.policy.max_usd_per_plan
    found = {} if plan is None else {"per_plan": plan}
    return found if day is None else found | {"per_day": day, "left_today": max(Decimal(0), day - committed)}


def _running_job(job: JobRecord) -> Running:
    billing = job.phase in BILLING_PHASES
    return Running(
        kind=f"{job.kind} job",
        name=job.job_id,
        status=job.phase,
        billing=billing,
        usd_per_hour=job.usd_per_hour * job.instance_count,
        cost_usd=cents(_billed(job)),
        since=job.created_at,
    )


def _billed(job: JobRecord) -> Decimal:
    """Return dollars billed as last seen; 0 for a job nobody has seen yet."""
    state = stored_state(job)
    return state.cost(job) if state else Decimal(0)


def _endpoints_total(ctx: ToolContext) -> Decimal:
    now = ctx.clock()
    rows = ctx.ledger.resources(live=False, kind=ENDPOINT)
    return sum((endpoint_cost(row, now) for row in rows if _existed(row)), Decimal(0))


def _existed(row: ResourceRecord) -> bool:
    """Tell whether an endpoint was ever there: a row is written before the call, which may have made nothing."""
    return bool(row.arn)


def _debts(ctx: ToolContext) -> dict[str, str]:
    """Return what is still there of plans that failed, and what could not be deleted, with the reason."""
    failed = {
        record.plan.plan_id for record in ctx.ledger.plans(states=("failed", "not_created", "unknown"), limit=200)
    }
    found: dict[str, str] = {}
    for row in ctx.ledger.resources():
        noted = row.detail.get("debt")
        if noted or row.plan_id in failed:
            found[label(row)] = str(noted) if noted else f"plan {row.plan_id} did not finish"
    return found


def _unpriced(running: Sequence[Running]) -> list[Finding]:
    names = [item.name for item in running if item.billing and item.usd_per_hour is None]
    message = f"the price of {', '.join(names)}: the burn rate leaves it out"
    return [Finding(rule="CO1", severity="not_checked", message=message)] if names else []


def _unread_costs(jobs: Sequence[JobRecord]) -> list[Finding]:
    """Say whose cost the totals leave out: jobs whose last state another version of this server wrote."""
    names = [job.job_id for job in jobs if job.observed and stored_state(job) is None]
    message = f"the cost of {', '.join(names[:5])} ({len(names)} in all): written by another version of this server"
    fix = "call get_job for each; it asks AWS again"
    return [Finding(rule="CO1", severity="not_checked", message=message, fix=fix)] if names else []


def _next_step(running: Sequence[Running], debts: dict[str, str], live: Live) -> str:
    endpoints = [item for item in running if item.kind == "endpoint" and item.status != "Deleting"]
    if any(item.overdue or item.idle for item in endpoints):
        return 'Delete what is overdue or idle: plan_cleanup(scope="deployments").'
    if endpoints:
        return (
            'An endpoint bills until it is deleted; when it is not needed any more: plan_cleanup(scope="deployments").'
        )
    if running:
        return "Follow the jobs with get_job." if live.running() else "Call get_spend again until nothing is running."
    return 'Nothing bills by the hour. What was left behind goes with plan_cleanup(scope="all").' if debts else ""
