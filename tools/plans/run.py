"""One execution under way: its plan, its lease, and what is written down about it."""

import logging
from datetime import datetime

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import AwsStep, CreatedResource, Plan, Step
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.rows import JOB, NOT_CREATED, gone, job_row, never_started, resource_row
from novaforge.tools.plans.worker import LEASE, Pace, died, new_owner
from novaforge.tools.records import Execution, resource_id

logger = logging.getLogger(__name__)

CHECKPOINTS = (
    "before_begin",
    "after_begin",
    "before_upload",
    "after_upload",
    "before_call:<step>",
    "after_call:<step>",
    "after_record:<step>",
    "before_wait:<step>",
    "before_undo",
    "after_undo:<resource>",
    "before_finish",
    "after_finish",
)
"""The named points of an apply, in order, where a test may end the process."""

UNDOING = "undo"
"""Begins the execution's step while a failed plan is taken back; the state it ends in follows."""


class Stop(Exception):
    """Ends this run of an execution."""

    def __init__(self, step: str, why: str) -> None:
        super().__init__(why)
        self.step = step
        self.why = why


class StepFailed(Stop):
    """A step cannot succeed: what the plan made is taken back."""

    def __init__(self, step: str, why: str, *findings: Finding) -> None:
        super().__init__(step, why)
        self.findings = findings


class TooLate(Stop):
    """An interrupted execution is too old to be continued."""


class Unclear(Stop):
    """Nobody can tell yet whether a call took effect."""


class Paused(Stop):
    """The run goes on with the next call of apply_plan; `sent` tells whether every call so far was accepted."""

    def __init__(self, step: str, why: str, *, sent: bool) -> None:
        super().__init__(step, why)
        self.sent = sent


class Run:
    """What one worker knows and writes while it carries a plan out."""

    def __init__(self, ctx: ToolContext, plan: Plan, execution: Execution, pace: Pace) -> None:
        self.ctx = ctx
        self.plan = plan
        self.pace = pace
        self.owner = new_owner()
        self.before = execution
        self.done = set(execution.done)
        self.steps: tuple[tuple[str, Step], ...] = tuple(
            (f"{number}:{step.name}", step) for number, step in enumerate(plan.rendered(), 1)
        )

    def now(self) -> datetime:
        """Return the time by the context's clock."""
        return self.ctx.clock()

    def take(self) -> bool:
        """Take the lease, also from a worker that is known to have died; False while another one works."""
        dead = self.before.owner if self.before.owner and died(self.before.owner) else ""
        now = self.now()
        if not self.ctx.ledger.lease(self.plan.digest, self.owner, now + LEASE, now, dead=dead):
            return False
        self.before = self.ctx.ledger.execution(self.plan.digest) or self.before
        self.done = set(self.before.done)
        return True

    def renew(self) -> None:
        """Keep the lease while something takes long; raises RefusedError when it was lost."""
        now = self.now()
        if not self.ctx.ledger.lease(self.plan.digest, self.owner, now + LEASE, now):
            self.note()  # fails with the reason

    def give_back(self) -> None:
        """Give the lease back."""
        self.ctx.ledger.unlease(self.plan.digest, self.owner)

    def note(self, *, step: str | None = None, state: str | None = None, error: str | None = None) -> None:
        """Write down the step about to be taken or the state reached."""
        self.ctx.ledger.note_execution(
            self.plan.digest, step=step, state=state, error=error, owner=self.owner, at=self.now()
        )

    def mark(self, key: str, *, arn: str | None = None, request_id: str | None = None) -> None:
        """Write down that a step is finished."""
        self.ctx.ledger.note_execution(
            self.plan.digest, done=key, resource=arn, request_id=request_id, owner=self.owner, at=self.now()
        )
        self.done.add(key)

    def audit(self, event: str, **detail: str | int | list[str]) -> None:
        """Write to the audit log."""
        entries: JsonObject = {key: [*value] if isinstance(value, list) else value for key, value in detail.items()}
        full: JsonObject = {"plan_id": self.plan.plan_id, **entries}
        self.ctx.audit.write(event, actor=self.ctx.mode.owner, plan_digest=self.plan.digest, detail=full)

    def progress(self, number: int, message: str) -> None:
        """Tell the client how far it is; a client that cannot be told never disturbs the run."""
        try:
            self.ctx.progress(number, len(self.steps), message)
        except Exception:
            logger.debug("progress could not be reported", exc_info=True)

    def intend(self, step: AwsStep, made: CreatedResource) -> None:
        """Write the rows of what a call is about to make; raises StepFailed when another plan's live resource has the name."""
        row = self.ctx.ledger.resource(resource_id(made.kind, made.name))
        if row and row.deleted_at is None and row.plan_digest != self.plan.digest:
            raise StepFailed(step.name, f"{made.kind} {made.name} exists already: plan {row.plan_id} made it.")
        if row is None or row.plan_digest != self.plan.digest or row.deleted_at is not None:
            self.ctx.ledger.put_resource(resource_row(self.plan, made, self.now()))
        if made.kind == JOB and self.ctx.ledger.job(made.name) is None:
            self.ctx.ledger.put_job(job_row(self.plan, made.name, self.now(), "unknown"))

    def made(self, key: str, made: CreatedResource, arn: str, request_id: str) -> None:
        """Complete the rows of what was made or adopted, and finish the step."""
        self.ctx.ledger.put_resource(resource_row(self.plan, made, self.now(), arn=arn))
        if made.kind == JOB:
            job = self.ctx.ledger.job(made.name)
            if job is None or job.phase == "unknown" or job.observed.get("status") == NOT_CREATED:
                self.ctx.ledger.put_job(job_row(self.plan, made.name, self.now(), "waiting"))
        self.mark(key, arn=arn, request_id=request_id)

    def unmade(self, made: CreatedResource, why: str) -> None:
        """Close the rows of what is known not to exist."""
        row = self.ctx.ledger.resource(resource_id(made.kind, made.name))
        if row and row.plan_digest == self.plan.digest and row.deleted_at is None:
            self.ctx.ledger.put_resource(gone(row, self.now(), ended=why))
        job = self.ctx.ledger.job(made.name) if made.kind == JOB else None
        if job and job.plan_digest == self.plan.digest and job.phase == "unknown":
            self.ctx.ledger.put_job(never_started(job, why, self.now()))


def say(error: Exception) -> str:
    """Return an error in one or two sentences."""
    return error.as_text() if isinstance(error, NovaForgeError) else f"{type(error).__name__}: {error}"
