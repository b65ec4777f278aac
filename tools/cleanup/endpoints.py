"""Endpoints of ours as AWS has them now: status, age, cost, whether they are overdue or idle."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.findings import Finding
from novaforge.guards.values import cents
from novaforge.tools.aws.resources import look
from novaforge.tools.cleanup.inventory import DELETING, being_made, elsewhere, forget_gone
from novaforge.tools.cleanup.results import Running
from novaforge.tools.context import ToolContext
from novaforge.tools.deployment.steps import ENDPOINT, VARIANT
from novaforge.tools.records import ResourceRecord

IDLE_AFTER = timedelta(hours=1)
"""An endpoint without a call for this long is idle; a younger one is not judged."""
DELETING_FOR = timedelta(hours=2)
"""How long after a deletion was accepted an endpoint is still looked for: it bills until it is gone."""


@dataclass(frozen=True)
class Endpoints:
    """Endpoints that exist, and what could not be read or needs attention."""

    running: list[Running]
    findings: list[Finding]


def running_endpoints(ctx: ToolContext) -> Endpoints:
    """Look at every endpoint of the ledger, also those whose deletion was accepted a short time ago."""
    running: list[Running] = []
    findings: list[Finding] = []
    for row in _rows(ctx):
        try:
            item = _look_at(ctx, row, findings)
        except NovaForgeError as error:
            item = _unread(ctx, row, error.message, findings)
        if item is not None:
            running.append(item)
    return Endpoints(running, findings)


def endpoint_cost(row: ResourceRecord, until: datetime) -> Decimal:
    """Return dollars from creation to deletion, or to now; 0 for a price that is not known."""
    end = min(row.deleted_at or until, until)
    return (row.usd_per_hour or Decimal(0)) * max(Decimal(0), _seconds(end - row.created_at)) / 3600


def _rows(ctx: ToolContext) -> Iterator[ResourceRecord]:
    since = ctx.clock() - DELETING_FOR
    for row in ctx.ledger.resources(live=False, kind=ENDPOINT):
        never_was = "ended" in row.detail
        if row.deleted_at is None or (row.deleted_at > since and not never_was):
            yield row


def _look_at(ctx: ToolContext, row: ResourceRecord, findings: list[Finding]) -> Running | None:
    if elsewhere(ctx, row):
        where = f"it is in account {row.account}, region {row.region}"
        return _unread(ctx, row, where, findings) if row.deleted_at is None else None
    seen = look(ctx, ENDPOINT, row.name)
    if seen is None:
        if row.deleted_at is None and not being_made(ctx, row):
            forget_gone(ctx, [row])
        return None
    if seen.plan_tag != row.plan_digest and row.deleted_at is None:
        return _unread(ctx, row, "it does not carry this server's tag for it", findings)
    if seen.plan_tag != row.plan_digest and seen.status != DELETING:  # whose tags may be gone already
        # Ours was deleted, and somebody else's has the name now.
        return None
    now = ctx.clock()
    overdue = row.delete_after is not None and now > row.delete_after
    idle = _idle(ctx, row, seen.created_at or row.created_at, findings)
    findings += _warnings(row, overdue=overdue, idle=idle)
    return _running(row, seen.status, now, overdue=overdue, idle=idle)


def _running(
    row: ResourceRecord, status: str, now: datetime, *, overdue: bool = False, idle: bool | None = None
) -> Running:
    # An endpoint counts as billing in every status, also Failed or Deleting: only a deleted one surely does not.
    existing = row.model_copy(update={"deleted_at": None})
    return Running(
        kind="endpoint",
        name=row.name,
        status=status,
        billing=True,
        usd_per_hour=row.usd_per_hour,
        cost_usd=cents(endpoint_cost(existing, now)) if row.usd_per_hour is not None else None,
        since=row.created_at,
        delete_after=row.delete_after,
        overdue=overdue,
        idle=idle,
    )


def _unread(ctx: ToolContext, row: ResourceRecord, why: str, findings: list[Finding]) -> Running:
    """Count an endpoint that cannot be looked at as running: nobody has said that it is gone."""
    message = f"endpoint {row.name}: {why}; it is counted as running"
    findings.append(Finding(rule="SP2", severity="not_checked", message=message))
    now = ctx.clock()
    return _running(row, "not checked", now, overdue=row.delete_after is not None and now > row.delete_after)


def _idle(ctx: ToolContext, row: ResourceRecord, created: datetime, findings: list[Finding]) -> bool | None:
    """Ask CloudWatch for calls within the last hour; None for a younger endpoint, or where nobody says."""
    now = ctx.clock()
    if now - created < IDLE_AFTER:
        return None
    try:
        found = ctx.aws.call(
            "cloudwatch",
            "get_metric_statistics",
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[{"Name": "EndpointName", "Value": row.name}, {"Name": "VariantName", "Value": VARIANT}],
            StartTime=now - IDLE_AFTER,
            EndTime=now,
            Period=int(IDLE_AFTER.total_seconds()),
            Statistics=["Sum"],
        )
    except NovaForgeError as error:
        message = f"whether endpoint {row.name} is idle: {error.message}"
        findings.append(Finding(rule="SP2", severity="not_checked", message=message, fix=error.fix))
        return None
    # SageMaker reports Invocations only when there are some, so no data points mean no calls.
    return not any(point.get("Sum", 0) > 0 for point in found.get("Datapoints", []))


def _warnings(row: ResourceRecord, *, overdue: bool, idle: bool | None) -> list[Finding]:
    fix = f'plan_cleanup(scope="deployments", ids=["{row.name}"])'
    found: list[Finding] = []
    if overdue and row.delete_after is not None:
        message = f"endpoint {row.name} was to be deleted by {row.delete_after:%Y-%m-%d %H:%M} UTC and still bills"
        found.append(Finding(rule="SV3", severity="warn", message=message, fix=fix))
    if idle:
        message = f"endpoint {row.name} had no call within the last hour and bills all the same"
        found.append(Finding(rule="SP1", severity="warn", message=message, fix=fix))
    return found


def _seconds(span: timedelta) -> Decimal:
    return Decimal(str(span.total_seconds()))
