"""What get_spend returns."""

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


class Spend(ToolResult):
    """What runs, what it costs, and what is left of the budgets; amounts are list prices x time in USD, not a bill.

    totals_usd: jobs, endpoints (so far) and committed_today (ceilings begun since midnight UTC). budgets_usd, as far as the
    policy sets them: per_plan, per_day, left_today. jobs_usd: cost by job id, newest first. debts: what a failed plan left
    behind, with the reason.
    """

    running: list[Running]
    burn_usd_per_hour: Usd
    totals_usd: dict[str, Usd]
    budgets_usd: dict[str, Usd]
    jobs_usd: dict[str, Usd]
    debts: dict[str, str]
    findings: list[FindingView]

    def text(self) -> str:
        """Return the spend in a few lines."""
        totals, left = self.totals_usd, self.budgets_usd.get("left_today")
        of_budget = "" if left is None else f", {dollars(left)} left of the day's budget"
        lines = [
            *([_running_line(item) for item in self.running] or ["Nothing is running."]),
            f"burn rate {dollars(self.burn_usd_per_hour)} per hour",
            f"so far: jobs {dollars(totals['jobs'])}, endpoints {dollars(totals['endpoints'])} (list prices)",
            f"ceilings begun today: {dollars(totals['committed_today'])}{of_budget}",
            *(f"left behind: {resource} ({reason})" for resource, reason in self.debts.items()),
            show_findings(self.findings),
            self.next_step,
        ]
        return "\n".join(line for line in lines if line)


def _running_line(item: Running) -> str:
    rate = "price unknown" if item.usd_per_hour is None else f"{dollars(item.usd_per_hour)} per hour"
    notes = [note for note, on in (("overdue", item.overdue), ("idle", item.idle is True)) if on]
    bills = rate if item.billing else "not billing"
    return f"{item.kind} {item.name}: {', '.join([item.status, bills, *notes])}"
