"""What the ledger remembers, as typed records, and the ledger's interface."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from novaforge.guards.plan import Plan
from novaforge.guards.values import JsonObject, Utc

PlanState = Literal[
    "blocked",
    "planned",
    "approved",
    "submitting",
    "submitted",
    "rejected",
    "expired",
    "superseded",
    "stale",
    "not_created",
    "failed",
    "unknown",
]
"""submitting: intent written, calls under way; failed: a call failed and what carried our tag was undone or is listed as
a debt; unknown: nobody can tell yet whether the paid call happened."""

JobPhase = Literal["waiting", "running", "stopping", "completed", "failed", "stopped", "unknown"]
"""waiting: not billing yet; running and stopping: billing."""

OPEN_STATES: tuple[PlanState, ...] = ("blocked", "planned", "approved")
ENDED_PHASES: tuple[JobPhase, ...] = ("completed", "failed", "stopped")


class Record(BaseModel):
    """Base of ledger rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class PlanRecord(Record):
    """A plan with its state."""

    plan: Plan
    state: PlanState
    state_at: Utc
    detail: JsonObject = Field(default_factory=dict[str, JsonValue])


class Approval(Record):
    """A person's yes or no to exactly one plan; lapsed: a yes that was never used and counts no more."""

    approval_id: str
    plan_id: str
    plan_digest: str
    prompt_sha256: str
    channel: Literal["elicit-form", "terminal"]
    approver: str
    requester: str
    answer: Literal["approve", "reject", "lapsed"]
    typed_value: str
    at: Utc
    expires_at: Utc
    consumed_at: Utc | None = None


class Execution(Record):
    """One attempt to carry out a plan: written before the first call.

    observed_at is when the step was noted, which is before its call; done names the steps whose outcome is recorded;
    owner and lease_until say which worker is carrying it out and until when nobody else may.
    """

    plan_digest: str
    plan_id: str
    attempt: int
    state: Literal["submitting", "submitted", "not_created", "failed", "unknown"]
    step: str = ""
    intent_at: Utc
    aws_request_id: str = ""
    resource: str = ""
    observed_at: Utc | None = None
    error: str = ""
    done: tuple[str, ...] = ()
    owner: str = ""
    lease_until: Utc | None = None


class JobRecord(Record):
    """A training or evaluation job we started; job_id is the TrainingJobName."""

    job_id: str
    plan_id: str
    plan_digest: str
    kind: Literal["training", "evaluation"]
    name: str
    model: str
    method: str
    platform: str
    account: str
    region: str
    output: str
    instance_type: str
    instance_count: int
    usd_per_hour: Decimal
    ceiling_usd: Decimal
    max_runtime_s: int
    created_at: Utc
    phase: JobPhase = "waiting"
    observed_at: Utc | None = None
    observed: JsonObject = Field(default_factory=dict[str, JsonValue], description="last JobState seen")
    checkpoint: str | None = None
    spec: JsonObject = Field(default_factory=dict[str, JsonValue], description="the plan's arguments")


class ResourceRecord(Record):
    """An AWS resource we made; kind is such as sagemaker:endpoint, resource_id is kind plus its name."""

    resource_id: str
    kind: str
    name: str
    arn: str = ""
    region: str
    account: str
    plan_id: str
    plan_digest: str
    created_at: Utc
    delete_after: Utc | None = None
    deleted_at: Utc | None = None
    usd_per_hour: Decimal | None = None
    detail: JsonObject = Field(default_factory=dict[str, JsonValue])


class ArtifactRecord(Record):
    """One S3 object an apply uploaded."""

    uri: str
    plan_id: str
    plan_digest: str
    sha256: str
    bytes: int
    at: Utc


class EvaluationRecord(Record):
    """A computed evaluation report."""

    job_id: str
    at: Utc
    report: JsonObject


def resource_id(kind: str, name: str) -> str:
    """Return the ledger's key of a resource."""
    return f"{kind}/{name}"


class Ledger(Protocol):
    """The durable memory: every state change is one transaction that says whether it happened."""

    def add_plan(self, plan: Plan, state: PlanState, at: datetime) -> None:
        """Store a new plan; other open plans with the same action and output become superseded only when one starts."""
        ...

    def plan(self, plan_id: str) -> PlanRecord | None:
        """Return one plan; its state is shown as expired once its time has passed while still open."""
        ...

    def plans(self, states: Sequence[PlanState] | None = None, limit: int = 50) -> list[PlanRecord]:
        """Return plans, newest first."""
        ...

    def move_plan(
        self, digest: str, allowed: Sequence[PlanState], to: PlanState, at: datetime, detail: JsonObject | None = None
    ) -> bool:
        """Move one plan between states; True when exactly one row moved."""
        ...

    def approve(self, approval: Approval) -> bool:
        """Record an answer and move planned -> approved or rejected in one transaction; False if it was not open."""
        ...

    def approval(self, plan_digest: str) -> Approval | None:
        """Return the latest answer for a plan."""
        ...

    def reopen(self, digest: str, approval_id: str, at: datetime) -> bool:
        """Let an approval that is no longer in force lapse: approved -> planned, in one transaction.

        False when that approval is not the latest answer any more, was used, or the plan is not open.
        """
        ...

    def begin(
        self, digest: str, at: datetime, *, day_limit: Decimal | None = None, since: datetime | None = None
    ) -> bool:
        """Consume the approval and write the `submitting` execution in one transaction; True for exactly one caller.

        With day_limit (USD) it is also False when the ceilings begun since `since` plus this one pass the limit.
        """
        ...

    def lease(self, digest: str, owner: str, until: datetime, at: datetime, *, dead: str = "") -> bool:
        """Take or renew the right to carry out an unsettled execution; False while another worker holds it.

        `dead` names a worker known to have died, whose lease no longer counts.
        """
        ...

    def unlease(self, digest: str, owner: str) -> None:
        """Give the right back."""
        ...

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
        """Update the unsettled execution of a plan with what was observed; a state moves the plan too.

        `done` is appended to the finished steps; with `owner` only that lease holder may write. Raises RefusedError when
        the execution is settled already or held by another worker.
        """
        ...

    def execution(self, digest: str) -> Execution | None:
        """Return the execution of a plan."""
        ...

    def unsettled(self) -> list[Execution]:
        """Return executions in state submitting or unknown."""
        ...

    def supersede(self, plan: Plan, at: datetime) -> list[str]:
        """Mark the other open plans with the same action and output as superseded; returns their ids."""
        ...

    def put_job(self, job: JobRecord) -> None:
        """Insert or replace a job row."""
        ...

    def job(self, job_id: str) -> JobRecord | None:
        """Return one job."""
        ...

    def jobs(
        self, phases: Sequence[JobPhase] | None = None, platform: str | None = None, limit: int = 50
    ) -> list[JobRecord]:
        """Return jobs, newest first."""
        ...

    def put_resource(self, resource: ResourceRecord) -> None:
        """Insert or replace a resource row."""
        ...

    def resources(self, *, live: bool = True, kind: str | None = None) -> list[ResourceRecord]:
        """Return resources we made, newest first; live means not deleted."""
        ...

    def resource(self, key: str) -> ResourceRecord | None:
        """Return one resource by its resource_id."""
        ...

    def put_artifact(self, artifact: ArtifactRecord) -> None:
        """Insert or replace the row of an uploaded object."""
        ...

    def artifacts(self, plan_digest: str | None = None) -> list[ArtifactRecord]:
        """Return uploaded objects, of one plan or of all, oldest first."""
        ...

    def put_evaluation(self, evaluation: EvaluationRecord) -> None:
        """Store a report, replacing an older one of the same job."""
        ...

    def evaluation(self, job_id: str) -> EvaluationRecord | None:
        """Return the stored report of a job."""
        ...

    def committed_usd(self, since: datetime) -> Decimal:
        """Return the sum of the ceilings of plans begun since a time: what day and session budgets count."""
        ...

    def release_usd(self, digest: str, at: datetime) -> None:
        """Take a plan's ceiling out of the budgets, since nothing of it that bills was made."""
        ...
