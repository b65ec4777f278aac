"""What lives as long as the process: ledger, AWS access and audit log, opened when first needed."""

import atexit
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from novaforge.server.audit import FileAudit
from novaforge.server.ledger import open_ledger
from novaforge.server.settings import Settings
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Audit, Mode, Progress, ToolContext, never, silent
from novaforge.tools.records import Ledger

if TYPE_CHECKING:
    from novaforge.tools.datasets.jobs.registry import DataJobs

SANDBOX_REGION = "us-east-1"
SANDBOX_ROLE = "NovaForgeExecution"
SANDBOX_KEYS = ("sandbox", "sandbox")


def now() -> datetime:
    """Return the current UTC time."""
    return datetime.now(UTC)


def _close(jobs: "weakref.ref[DataJobs]") -> None:
    """Stop the passes that still run, so that nothing half-written is left."""
    alive = jobs()
    if alive is not None:
        alive.close()


class AppState:
    """Makes the context of each tool call; nothing is opened before the first one."""

    def __init__(self, settings: Settings, endpoint: Callable[[], str] | None = None) -> None:
        self.settings = settings
        self._endpoint = endpoint or self._sandbox_url
        self._lock = threading.Lock()
        self._reconciled = False

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, opened once."""
        self.settings.state_dir.mkdir(parents=True, exist_ok=True)
        return open_ledger(self.settings.ledger)

    @cached_property
    def audit(self) -> Audit:
        """The audit log's writer."""
        self.settings.state_dir.mkdir(parents=True, exist_ok=True)
        return FileAudit(self.settings.audit_path)

    @cached_property
    def aws(self) -> Aws:
        """Access to AWS, or to the sandbox, which is started or joined by the first call."""
        if not self.settings.sandbox:
            return Aws(region=self.settings.region, profile=self.settings.profile)
        return Aws(region=SANDBOX_REGION, endpoint=self._endpoint, credentials=SANDBOX_KEYS)

    @cached_property
    def mode(self) -> Mode:
        """How this server was started, as tools see it."""
        settings = self.settings
        role = settings.role or (SANDBOX_ROLE if settings.sandbox else None)
        return Mode(
            sandbox=settings.sandbox,
            writes_allowed=settings.writes_allowed,
            owner=settings.owner,
            default_role=role,
            approve_command=settings.command("approve"),
        )

    @cached_property
    def data_jobs(self) -> "DataJobs":
        """The passes over data this process runs; they end with it."""
        from novaforge.tools.datasets.jobs.registry import DataJobs  # here: only the data tools need it

        jobs = DataJobs(self.settings.work_dir, self.settings.answer_within_s)
        atexit.register(_close, weakref.ref(jobs))
        return jobs

    def context(self, progress: Progress = silent, cancelled: Callable[[], bool] = never) -> ToolContext:
        """Return the context of one call; the first one settles what an earlier process left open."""
        context = self._context(progress, cancelled)
        with self._lock:
            if not self._reconciled:
                self._reconciled = True
                self._clean_up(context)
                # Settling may delete what an interrupted plan made: no server does that which may not change AWS.
                if self.mode.writes_allowed and context.ledger.unsettled():
                    from novaforge.tools.plans.reconcile import reconcile  # here: seldom needed

                    reconcile(context)
        return context

    def _clean_up(self, context: ToolContext) -> None:
        """Take back in the background what killed transforms left, if there is anything and this server may write."""
        if not (self.mode.writes_allowed and (self.settings.work_dir / "journals").is_dir()):
            return
        from novaforge.tools.datasets.output.recovery import recover  # here: seldom needed

        threading.Thread(target=recover, args=(context,), name="recovery", daemon=True).start()

    def _context(self, progress: Progress, cancelled: Callable[[], bool]) -> ToolContext:
        return ToolContext(
            mode=self.mode,
            policy=self.settings.policy,
            ledger=self.ledger,
            aws=self.aws,
            storage=Storage(self.aws, self.settings.allowed_roots),
            audit=self.audit,
            clock=now,
            progress=progress,
            cancelled=cancelled,
            work_dir=self.settings.work_dir,
            data_jobs=self.data_jobs,
        )

    def _sandbox_url(self) -> str:
        from novaforge.server.sandbox.process import ensure  # here: only a sandbox server needs it

        return ensure(self.settings.state_dir).url
