"""What a place where jobs run can do."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from pydantic import JsonValue

from novaforge.guards.findings import Fact, known, not_checked
from novaforge.guards.plan import Step
from novaforge.guards.rules.facts import Known, Seen, Unknown
from novaforge.guards.values import Frozen, JsonObject, Utc
from novaforge.tools.aws.quotas import SOURCE
from novaforge.tools.context import ToolContext
from novaforge.tools.records import JobPhase, JobRecord


class Stage(Frozen):
    """One secondary status with its times."""

    status: str
    started_at: Utc
    ended_at: Utc | None = None
    message: str = ""


class JobState(Frozen):
    """A job as the platform describes it now; billable_s counts wall seconds, not node-seconds."""

    phase: JobPhase
    status: str
    stage: str
    stages: tuple[Stage, ...] = ()
    waiting_s: int = 0
    billable_s: int = 0
    started_at: Utc | None = None
    ended_at: Utc | None = None
    failure: str = ""

    def cost(self, job: JobRecord) -> Decimal:
        """Return dollars billed so far: billable seconds x nodes x hourly price."""
        return Decimal(self.billable_s) * job.instance_count * job.usd_per_hour / 3600


END = "end"
"""In place of a cursor: the last lines there are, and the cursor behind them."""


class LogLine(Frozen):
    """One line of one stream; text is cleaned."""

    at: Utc
    stream: str
    text: str


class LogPage(Frozen):
    """Lines in time order and the opaque place to go on from."""

    lines: tuple[LogLine, ...]
    cursor: str
    more: bool


class LogPlace(Frozen):
    """Where a job's lines are, and a command a person can run to follow them."""

    group: str
    stream_prefix: str
    command: str


class Artifacts(Frozen):
    """What a finished job left: the archive with its results, and the checkpoint named in its manifest."""

    archive: str
    checkpoint: str | None = None


class Quota:
    """How many machines of a type training jobs may use, and how many they use now."""

    def __init__(self, instance_type: str, limit: Seen[int], code: str, in_use: Seen[int]) -> None:
        self.instance_type = instance_type
        self.limit = limit
        self.code = code
        self.in_use = in_use

    def enough_for(self, count: int) -> bool:
        """Tell whether both figures are known and leave room."""
        if isinstance(self.limit, Unknown) or isinstance(self.in_use, Unknown):
            return False
        return self.limit.value - self.in_use.value >= count

    def fact(self) -> Fact:
        """Return the quota as a plan's fact."""
        name = f"quota {self.instance_type}"
        if isinstance(self.limit, Unknown):
            return not_checked(name, self.limit.reason, SOURCE)
        used = self.in_use.value if isinstance(self.in_use, Known) else f"not checked: {self.in_use.reason}"
        value: dict[str, JsonValue] = {"limit": self.limit.value, "in_use": used, "code": self.code}
        return known(name, value, f"{SOURCE}, sagemaker:ListTrainingJobs")


@dataclass(frozen=True)
class JobOrder:
    """One job as a platform needs it to write the exact request; inputs are (channel, S3 URI), tags as AWS spells them."""

    method: str
    name: str
    role_arn: str
    image: str
    start: str
    reward_arn: str | None
    inputs: tuple[tuple[str, str], ...]
    recipe: str
    output: str
    instance_type: str
    instance_count: int
    max_runtime_s: int
    tags: list[JsonObject]


class Platform(Protocol):
    """A place where jobs run.

    `check` and `render` serve the planner: what the account allows, and the steps that start a job. Submitting and
    deleting are steps of a plan, which one engine carries out for every platform. The rest follows a running job.
    """

    name: str

    def check(self, ctx: ToolContext, instance_types: list[str]) -> dict[str, Quota]:
        """Return what the account allows of each machine type and uses now; what cannot be read is unknown, not zero."""
        ...

    def render(self, order: JobOrder) -> list[Step]:
        """Return the steps that start a job: uploads of its recipe, then the one call that bills."""
        ...

    def uploads(self, output: str) -> str:
        """Return the fresh prefix below which a plan's files are uploaded."""
        ...

    def reads(self, output: str) -> list[str]:
        """Return what the job reads beside its inputs, so that its role's rights to it can be checked."""
        ...

    def describe(self, ctx: ToolContext, job: JobRecord) -> JobState:
        """Return the job's state now; raises NotFoundError when the platform does not know it."""
        ...

    def read_logs(
        self,
        ctx: ToolContext,
        job: JobRecord,
        cursor: str | None,
        limit: int,
        pattern: str | None,
        max_chars: int | None = None,
    ) -> LogPage:
        """Return up to `limit` lines, or `max_chars` characters, after the cursor from all streams.

        Going on from each cursor never repeats or loses a line. None starts at the first line, END at the last ones.
        Raises InputError for a cursor that is not one of this job's.
        """
        ...

    def log_place(self, job: JobRecord) -> LogPlace:
        """Return where the job's log lines are kept."""
        ...

    def artifacts(self, ctx: ToolContext, job: JobRecord) -> Artifacts:
        """Return where the outputs are; raises NotFoundError while there are none."""
        ...

    def stop(self, ctx: ToolContext, job: JobRecord) -> None:
        """Ask the platform to stop; it bills until `describe` says stopped."""
        ...
