"""The ledger rows of what a plan makes, written before the call and completed after it."""

from datetime import datetime
from decimal import Decimal

from novaforge.guards.plan import CreatedResource, Plan
from novaforge.guards.values import JsonObject
from novaforge.tools.platforms.base import JobState
from novaforge.tools.records import JobPhase, JobRecord, ResourceRecord, resource_id

JOB = "sagemaker:training-job"
NOT_CREATED = "NotCreated"
"""Status of a job row whose call was never accepted; no platform uses the word."""


def resource_row(plan: Plan, made: CreatedResource, at: datetime, *, arn: str = "") -> ResourceRecord:
    """Return the row of something a plan makes; endpoints carry the hourly price of all their machines."""
    return ResourceRecord(
        resource_id=resource_id(made.kind, made.name),
        kind=made.kind,
        name=made.name,
        arn=arn,
        region=plan.principal.region,
        account=plan.principal.account,
        plan_id=plan.plan_id,
        plan_digest=plan.digest,
        created_at=at,
        delete_after=made.delete_after,
        usd_per_hour=_hourly(plan) if made.kind == "sagemaker:endpoint" else None,
    )


def job_row(plan: Plan, name: str, at: datetime, phase: JobPhase) -> JobRecord:
    """Return the row of the job a plan starts; its id is the training job's name."""
    nodes = plan.cost.nodes
    instance = nodes[0].instance_type if nodes else ""
    return JobRecord(
        job_id=name,
        plan_id=plan.plan_id,
        plan_digest=plan.digest,
        kind="evaluation" if plan.action == "evaluate" else "training",
        name=plan.name,
        model=plan.model or "",
        method=plan.method or "",
        platform=plan.platform or "",
        account=plan.principal.account,
        region=plan.principal.region,
        output=plan.output or "",
        instance_type=instance,
        instance_count=sum(group.count for group in nodes),
        usd_per_hour=_unit_price(plan, instance),
        ceiling_usd=plan.cost.ceiling_usd,
        max_runtime_s=plan.cost.max_runtime_s,
        created_at=at,
        phase=phase,
        spec=plan.spec,
    )


def never_started(job: JobRecord, why: str, at: datetime) -> JobRecord:
    """Return a job's row once it is known that nothing was started."""
    seen = JobState(phase="failed", status=NOT_CREATED, stage=NOT_CREATED, failure=why)
    return job.model_copy(update={"phase": "failed", "observed_at": at, "observed": seen.model_dump(mode="json")})


def gone(row: ResourceRecord, at: datetime, **detail: str) -> ResourceRecord:
    """Return a resource's row once it does not exist any more, or never did."""
    kept: JsonObject = {key: value for key, value in row.detail.items() if key != "debt"}
    return row.model_copy(update={"deleted_at": at, "detail": {**kept, **detail}})


def owing(row: ResourceRecord, why: str) -> ResourceRecord:
    """Return the row of something that should have been deleted and could not be."""
    return row.model_copy(update={"detail": {**row.detail, "debt": why}})


def _unit_price(plan: Plan, instance_type: str) -> Decimal:
    prices = [price.usd_per_hour for price in plan.cost.prices if price.instance_type == instance_type]
    return next((price for price in prices if price is not None), Decimal(0))


def _hourly(plan: Plan) -> Decimal:
    return sum((_unit_price(plan, group.instance_type) * group.count for group in plan.cost.nodes), Decimal(0))
