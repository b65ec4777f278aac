"""What get_spend returns."""

from pydantic import Field

from novaforge.guards.values import Frozen, Usd, Utc, dollars
from novaforge.tools.results import FindingView, ToolResult, show_findings


class Running(Frozen):
    """Something not ended: a job or an endpoint; usd_per_hour counts all its machines while it bills.

    idle: no call within the last hour; null where that could not be read.
    """

    kind: str
    name: str
    status: str
    billing: bool
    usd_per_hour: Usd | None
    cost_usd: Usd | None
    since: Utc
    delete_after: Utc | None = None
    overdue: bool = False
    idle: bool | None = None


class JobCost(Frozen):
    """What a job has cost so far, and what it was allowed to."""

    job_id: str
    phase: str
    cost_usd: Usd
    ceiling_usd: Usd


class Debt(Frozen):
    """Something a failed apply or cleanup left behind."""

    resource: str
    plan_id: str
    reason: str


class Spend(ToolResult):
    """What runs, what it costs, and what is left of the budgets; amounts are list prices x time, not a bill."""

    running: list[Running]
    burn_usd_per_hour: Usd
    committed_today_usd: Usd
    budget_day_usd: Usd | None
    budget_left_usd: Usd | None
    budget_plan_usd: Usd | None
    jobs: list[JobCost]
    total_jobs_usd: Usd
    total_endpoints_usd: Usd
    debts: list[Debt] = Field(default_factory=list[Debt])
    findings: list[FindingView] = Field(default_factory=list[FindingView])

    def text(self) -> str:
        """Return the spend in a few lines."""
        lines = [_running_line(item) for item in self.running] or ["Nothing is running."]
        lines.append(f"burn rate {dollars(self.burn_usd_per_hour)} per hour")
        lines.append(
            f"so far: jobs {dollars(self.total_jobs_usd)}, endpoints {dollars(self.total_endpoints_usd)} (list prices)"
        )
        left = "" if self.budget_left_usd is None else f", {dollars(self.budget_left_usd)} left of the day's budget"
        lines.append(f"ceilings begun today: {dollars(self.committed_today_usd)}{left}")
        lines += [f"left behind: {debt.resource} ({debt.reason})" for debt in self.debts]
        return "\n".join(line for line in [*lines, show_findings(self.findings), self.next_step] if line)


def _running_line(item: Running) -> str:
    rate = "price unknown" if item.usd_per_hour is None else f"{dollars(item.usd_per_hour)} per hour"
    notes = [note for note, on in (("overdue", item.overdue), ("idle", item.idle is True)) if on]
    bills = rate if item.billing else "not billing"
    return f"{item.kind} {item.name}: {', '.join([item.status, bills, *notes])}"
