"""Plans, approvals and executions: every move is one transaction that touches exactly one row or does not happen."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.plan import Plan
from novaforge.guards.values import Clock, JsonObject
from novaforge.server.ledger.engine import Database
from novaforge.server.ledger.rows import (
    approval_values,
    plan_payload,
    stamp,
    to_approval,
    to_execution,
    to_plan,
)
from novaforge.server.ledger.tables import approvals, executions, plans, spend
from novaforge.tools.records import OPEN_STATES, Approval, Execution, PlanRecord, PlanState

UNSETTLED = ("submitting", "unknown")
LATEST_FIRST = (approvals.c.answer == "lapsed", approvals.c.at.desc(), approvals.c.approval_id)
"""What lapsed comes last: a clock that was set back can make it look newer than the answer that followed it."""

BEGIN_LOCK = 0x6E6F7662
"""Key of the PostgreSQL advisory lock under which budgets are summed and a plan begins."""


class PlanStore:
    """The part of the ledger that moves plans."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self.database = Database(url)
        self._clock = clock or _now

    def add_plan(self, plan: Plan, state: PlanState, at: datetime) -> None:
        """Store a new plan; raises InputError when its id or digest is stored already."""
        values = {
            "plan_id": plan.plan_id,
            "digest": plan.digest,
            "action": plan.action,
            "output": plan.output,
            "state": state,
            "state_at": stamp(at),
            "created_at": stamp(plan.created_at),
            "expires_at": stamp(plan.expires_at),
            "ceiling_usd": str(plan.cost.ceiling_usd),
            "detail": "{}",
            "payload": plan_payload(plan),
        }
        try:
            with self.database.write() as connection:
                connection.execute(insert(plans).values(values))
        except IntegrityError as error:
            raise InputError(f"Plan {plan.plan_id} is stored already.", field="plan_id", value=plan.plan_id) from error

    def plan(self, plan_id: str) -> PlanRecord | None:
        """Return one plan, checked against its digest."""
        with self.database.read() as connection:
            row = connection.execute(_shown(self._clock()).where(plans.c.plan_id == plan_id)).first()
        return to_plan(row) if row else None

    def plans(self, states: Sequence[PlanState] | None = None, limit: int = 50) -> list[PlanRecord]:
        """Return plans, newest first; raises RefusedError when one of them was changed in the database."""
        now = self._clock()
        query = _shown(now).order_by(plans.c.created_at.desc(), plans.c.plan_id.desc()).limit(limit)
        if states is not None:
            query = query.where(_effective(now).in_(states))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [to_plan(row) for row in rows]

    def move_plan(
        self, digest: str, allowed: Sequence[PlanState], to: PlanState, at: datetime, detail: JsonObject | None = None
    ) -> bool:
        """Move one plan between states, merging `detail` into what is kept; True when exactly one row moved."""
        with self.database.write() as connection:
            return _move(connection, digest, allowed, to, at, detail)

    def approve(self, approval: Approval) -> bool:
        """Record an answer and move planned to approved or rejected; False if the plan was not open for it."""
        to: PlanState = "approved" if approval.answer == "approve" else "rejected"
        with self.database.write() as connection:
            if not _move(connection, approval.plan_digest, ("planned",), to, approval.at):
                return False
            connection.execute(insert(approvals).values(approval_values(approval)))
        return True

    def approval(self, plan_digest: str) -> Approval | None:
        """Return the latest answer for a plan."""
        query = select(approvals).where(approvals.c.plan_digest == plan_digest).order_by(*LATEST_FIRST)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().first()
        return to_approval(row) if row else None

    def reopen(self, digest: str, approval_id: str, at: datetime) -> bool:
        """Let an approval lapse and move approved to planned; False if it is not the latest answer or was used."""
        try:
            with self.database.write() as connection:
                if not _move(connection, digest, ("approved",), "planned", at):
                    return False
                if not _latest(connection, digest, approvals.c.approval_id == approval_id, answer="lapsed"):
                    raise _NotApproved
        except _NotApproved:
            return False
        return True

    def begin(
        self, digest: str, at: datetime, *, day_limit: Decimal | None = None, since: datetime | None = None
    ) -> bool:
        """Consume the approval and write the `submitting` execution; True for exactly one caller."""
        try:
            with self.database.write() as connection:
                self.database.lock(connection, BEGIN_LOCK)
                if day_limit is not None and not _within(connection, digest, day_limit, since or at):
                    return False
                if not _move(connection, digest, ("approved",), "submitting", at):
                    return False
                if not _consume(connection, digest, at):
                    raise _NotApproved
                _write_intent(connection, digest, at)
        except (_NotApproved, IntegrityError):
            return False
        return True

    def lease(self, digest: str, owner: str, until: datetime, at: datetime, *, dead: str = "") -> bool:
        """Take or renew the right to carry out an unsettled execution."""
        free = or_(executions.c.owner.in_({"", owner, dead}), executions.c.lease_until <= stamp(at))
        statement = (
            update(executions)
            .where(executions.c.plan_digest == digest, executions.c.state.in_(UNSETTLED), free)
            .values(owner=owner, lease_until=stamp(until))
        )
        with self.database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def unlease(self, digest: str, owner: str) -> None:
        """Give the right back."""
        mine = and_(executions.c.plan_digest == digest, executions.c.owner == owner)
        with self.database.write() as connection:
            connection.execute(update(executions).where(mine).values(owner="", lease_until=None))

    def note_execution(
        self,
        digest: str,
        *,
        state: str | None = None,
        step: str | None = None,
        resource: str | None = None,
        request_id: str | None = None,
        error: str | None = None,
        done: str | None = None,
        owner: str | None = None,
        at: datetime,
    ) -> None:
        """Update an unsettled execution, and with it the plan's state."""
        given = {"state": state, "step": step, "resource": resource, "aws_request_id": request_id, "error": error}
        values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        with self.database.write() as connection:
            row = connection.execute(_held(digest, owner).with_for_update()).first()
            if row is None:
                raise _settled(digest)
            if done is not None:
                values["done"] = json.dumps([*json.loads(row.done), done])
            if step is not None:
                values["observed_at"] = stamp(at)
            if state is not None and state not in UNSETTLED:
                values |= {"owner": "", "lease_until": None}
            if values:
                connection.execute(update(executions).where(executions.c.plan_digest == digest).values(values))
            if state is not None:
                detail: JsonObject = {"error": error} if error else {}
                _move(connection, digest, UNSETTLED, state, at, detail)

    def execution(self, digest: str) -> Execution | None:
        """Return the execution of a plan."""
        with self.database.read() as connection:
            row = connection.execute(select(executions).where(executions.c.plan_digest == digest)).mappings().first()
        return to_execution(row) if row else None

    def unsettled(self) -> list[Execution]:
        """Return executions in state submitting or unknown, oldest first."""
        query = select(executions).where(executions.c.state.in_(UNSETTLED)).order_by(executions.c.intent_at)
        with self.database.read() as connection:
            return [to_execution(row) for row in connection.execute(query).mappings().all()]

    def supersede(self, plan: Plan, at: datetime) -> list[str]:
        """Mark the other open plans with the same action and output as superseded; returns their ids."""
        if plan.output is None:
            return []
        same = and_(
            plans.c.action == plan.action,
            plans.c.output == plan.output,
            plans.c.state.in_(OPEN_STATES),
            plans.c.plan_id != plan.plan_id,
        )
        detail = json.dumps({"superseded_by": plan.plan_id})
        moved = update(plans).where(same).values(state="superseded", state_at=stamp(at), detail=detail)
        with self.database.write() as connection:
            return sorted(connection.execute(moved.returning(plans.c.plan_id)).scalars())

    def committed_usd(self, since: datetime) -> Decimal:
        """Return the sum of the ceilings of plans begun since a time, less those released."""
        with self.database.read() as connection:
            return _committed(connection, since)

    def release_usd(self, digest: str, at: datetime) -> None:
        """Take a plan's ceiling out of the budgets."""
        kept = and_(spend.c.plan_digest == digest, spend.c.released_at.is_(None))
        with self.database.write() as connection:
            connection.execute(update(spend).where(kept).values(released_at=stamp(at)))


class _NotApproved(Exception):
    """Rolls a move back: no unused approval that fits it."""


def _now() -> datetime:
    return datetime.now(UTC)


def _effective(now: datetime) -> Any:
    """The state a plan has now: an open one is expired from its expiry on."""
    over = and_(plans.c.state.in_(OPEN_STATES), plans.c.expires_at <= stamp(now))
    return case((over, "expired"), else_=plans.c.state)


def _shown(now: datetime) -> Any:
    return select(plans, _effective(now).label("shown"))


def _move(
    connection: Connection,
    digest: str,
    allowed: Sequence[str],
    to: str,
    at: datetime,
    detail: JsonObject | None = None,
) -> bool:
    values: dict[str, Any] = {"state": to, "state_at": stamp(at)}
    if detail:
        kept = connection.execute(select(plans.c.detail).where(plans.c.digest == digest).with_for_update()).scalar()
        values["detail"] = json.dumps({**json.loads(kept or "{}"), **detail}, ensure_ascii=False)
    mine = and_(plans.c.digest == digest, _effective(at).in_(allowed))
    return connection.execute(update(plans).where(mine).values(values)).rowcount == 1


def _consume(connection: Connection, digest: str, at: datetime) -> bool:
    in_force = and_(approvals.c.answer == "approve", approvals.c.expires_at > stamp(at))
    return _latest(connection, digest, in_force, consumed_at=stamp(at))


def _latest(connection: Connection, digest: str, such: ColumnElement[bool], **values: str) -> bool:
    """Change the latest answer if it is unused and such a one; an earlier one, after which the plan was reopened, counts no more."""
    latest = select(approvals.c.approval_id).where(approvals.c.plan_digest == digest).order_by(*LATEST_FIRST).limit(1)
    usable = and_(approvals.c.approval_id == latest.scalar_subquery(), approvals.c.consumed_at.is_(None), such)
    return connection.execute(update(approvals).where(usable).values(values)).rowcount == 1


def _write_intent(connection: Connection, digest: str, at: datetime) -> None:
    plan = connection.execute(select(plans.c.plan_id, plans.c.ceiling_usd).where(plans.c.digest == digest)).one()
    row = {
        "plan_digest": digest,
        "plan_id": plan.plan_id,
        "attempt": 1,
        "state": "submitting",
        "step": "",
        "intent_at": stamp(at),
        "aws_request_id": "",
        "resource": "",
        "error": "",
        "done": "[]",
        "owner": "",
    }
    connection.execute(insert(executions).values(row))
    connection.execute(insert(spend).values(plan_digest=digest, at=stamp(at), usd=plan.ceiling_usd))


def _within(connection: Connection, digest: str, limit: Decimal, since: datetime) -> bool:
    own = connection.execute(select(plans.c.ceiling_usd).where(plans.c.digest == digest)).scalar()
    cost = Decimal(own or 0)
    # What costs nothing, such as a cleanup, stays possible when the budget is used up.
    return cost == 0 or _committed(connection, since) + cost <= limit


def _committed(connection: Connection, since: datetime) -> Decimal:
    counted = select(spend.c.usd).where(spend.c.at >= stamp(since), spend.c.released_at.is_(None))
    return sum((Decimal(usd) for usd in connection.execute(counted).scalars()), Decimal(0))


def _held(digest: str, owner: str | None) -> Any:
    query = select(executions.c.done).where(executions.c.plan_digest == digest, executions.c.state.in_(UNSETTLED))
    return query.where(executions.c.owner == owner) if owner is not None else query


def _settled(digest: str) -> RefusedError:
    return RefusedError(
        f"The execution of plan {digest[:12]} is settled, or another worker carries it out.",
        rule="execution-settled",
        fix="call get_plan to see its outcome",
    )
