"""Between rows and records."""

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Row, RowMapping

from novaforge.guards.errors import RefusedError
from novaforge.guards.plan import Plan, intact
from novaforge.guards.values import canonical_json
from novaforge.tools.records import Approval, Execution, PlanRecord


def stamp(at: datetime) -> str:
    """Write a time as UTC text that sorts: always with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def stamp_or_none(at: datetime | None) -> str | None:
    """Write a time, or nothing."""
    return stamp(at) if at is not None else None


def parse(text: str) -> datetime:
    """Read a time back."""
    return datetime.fromisoformat(text)


def plan_payload(plan: Plan) -> str:
    """Return the text a plan is kept as."""
    return canonical_json(plan.model_dump(mode="json"))


def to_plan(row: Row[Any]) -> PlanRecord:
    """Return the plan of a row whose effective state is labelled `shown`.

    Raises RefusedError when the stored text is not the one the digest was made from.
    """
    plan = _verified(row)
    expired = row.shown == "expired" and row.state != "expired"
    at = plan.expires_at if expired else parse(row.state_at)
    return PlanRecord(plan=plan, state=row.shown, state_at=at, detail=json.loads(row.detail))


def _verified(row: Row[Any]) -> Plan:
    try:
        plan = Plan.model_validate_json(row.payload)
    except ValidationError as error:
        raise _tampered(row.plan_id, "its stored text is not a plan any more") from error
    if plan.digest != row.digest or plan.plan_id != row.plan_id or not intact(plan):
        raise _tampered(row.plan_id, "its content no longer has the digest it was stored under")
    if (row.ceiling_usd, row.expires_at) != (str(plan.cost.ceiling_usd), stamp(plan.expires_at)):
        raise _tampered(row.plan_id, "its columns differ from its content")
    return plan


def _tampered(plan_id: str, why: str) -> RefusedError:
    return RefusedError(
        f"Plan {plan_id} was changed in the ledger: {why}. It cannot be approved or applied.",
        rule="plan-tampered",
        fix="find out who wrote to the ledger; restore it from a backup, and make a new plan",
        plan_id=plan_id,
    )


def to_approval(row: RowMapping) -> Approval:
    """Return the approval of a row."""
    return Approval.model_validate(dict(row))


def approval_values(approval: Approval) -> dict[str, Any]:
    """Return an approval as column values."""
    data = approval.model_dump()
    times = {key: stamp_or_none(data[key]) for key in ("at", "expires_at", "consumed_at")}
    return {**data, **times}


def to_execution(row: RowMapping) -> Execution:
    """Return the execution of a row."""
    data = dict(row)
    return Execution.model_validate({**data, "done": tuple(json.loads(data["done"]))})


def payload(record: BaseModel) -> str:
    """Return the text a job, resource, artifact or report is kept as."""
    return record.model_dump_json()
