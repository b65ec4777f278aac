"""The one object tools receive: everything they may touch, nothing global."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from novaforge.guards.policy import Policy
from novaforge.guards.values import Clock, JsonObject
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.records import Ledger

if TYPE_CHECKING:
    from novaforge.tools.datasets.jobs.registry import DataJobs

Progress = Callable[[float, float | None, str], None]
"""(done, total or None, message); a no-op when the client did not ask for progress."""


class Audit(Protocol):
    """The append-only audit log."""

    def write(self, event: str, *, actor: str, plan_digest: str = "", detail: JsonObject | None = None) -> str:
        """Append one event and return the new head hash."""
        ...

    def head(self) -> str:
        """Return the hash of the last line."""
        ...


def never() -> bool:
    """Tell that nobody cancelled."""
    return False


def silent(done: float, total: float | None, message: str) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True)
class Mode:
    """How the server was started."""

    sandbox: bool = False
    writes_allowed: bool = False
    owner: str = "unknown"
    default_role: str | None = None
    approve_command: str = "novaforge-mcp approve"


@dataclass(frozen=True)
class ToolContext:
    """Dependencies of one tool call."""

    mode: Mode
    policy: Policy
    ledger: Ledger
    aws: Aws
    storage: Storage
    audit: Audit
    clock: Clock
    progress: Progress = silent
    checkpoint: Callable[[str], None] = field(default=lambda name: None)
    """Called at the named points of apply and of publishing files; tests kill the process there."""
    cancelled: Callable[[], bool] = never
    """True once the caller no longer wants the result; long loops ask it and raise CancelledError."""
    work_dir: Path | None = None
    """Folder for what must outlive the process, such as the journal of unfinished outputs; None: nothing is kept."""
    data_jobs: "DataJobs | None" = None
    """The passes over data this process runs; None outside a server."""
    rows_done: Callable[[int], None] = field(default=lambda rows: None)
    """Told now and then how many rows a long pass has read."""
    begun: float = field(default_factory=time.monotonic)
    """When the call began, by the monotonic clock."""
