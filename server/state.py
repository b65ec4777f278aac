"""What lives as long as the process: ledger, AWS access and audit log, opened when first needed."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property

from novaforge.server.audit import FileAudit
from novaforge.server.ledger import open_ledger
from novaforge.server.settings import Settings
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Audit, Mode, Progress, ToolContext, silent
from novaforge.tools.records import Ledger

SANDBOX_REGION = "us-east-1"
SANDBOX_ROLE = "NovaForgeExecution"
SANDBOX_KEYS = ("sandbox", "sandbox")


def now() -> datetime:
    """Return the current UTC time."""
    return datetime.now(UTC)


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

    def context(self, progress: Progress = silent) -> ToolContext:
        """Return the context of one call; the first one settles what an earlier process left open."""
        context = self._context(progress)
        with self._lock:
            if not self._reconciled:
                self._reconciled = True
                # Settling may delete what an interrupted plan made: no server does that which may not change AWS.
                if self.mode.writes_allowed and context.ledger.unsettled():
                    from novaforge.tools.plans.reconcile import reconcile  # here: seldom needed

                    reconcile(context)
        return context

    def _context(self, progress: Progress) -> ToolContext:
        return ToolContext(
            mode=self.mode,
            policy=self.settings.policy,
            ledger=self.ledger,
            aws=self.aws,
            storage=Storage(self.aws, self.settings.allowed_roots),
            audit=self.audit,
            clock=now,
            progress=progress,
        )

    def _sandbox_url(self) -> str:
        from novaforge.server.sandbox.process import ensure  # here: only a sandbox server needs it

        return ensure(self.settings.state_dir).url
