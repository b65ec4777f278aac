"""What a place where jobs run can do."""

from decimal import Decimal
from typing import Protocol

from novaforge.guards.values import Frozen, Utc
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


class Platform(Protocol):
    """The verbs of a running job; what is sent to start one is a plan's steps, carried out by one engine."""

    name: str

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
