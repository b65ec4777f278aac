"""Fixtures for everybody: one sandbox account per test session, and access to it."""

import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from novaforge.guards.consent import ceiling_text, prompt_sha256
from novaforge.guards.plan import Plan
from novaforge.guards.policy import Policy
from novaforge.server.audit import FileAudit
from novaforge.server.ledger import open_ledger
from novaforge.server.sandbox.settings import ACCESS_KEY, REGION, ROLE_ARN, SECRET_KEY, SandboxSettings
from novaforge.server.sandbox.testing import RunningSandbox, serve
from novaforge.tools.aws.resources import look
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.outcome import ApplyResult
from novaforge.tools.plans.worker import Pace
from novaforge.tools.records import Approval, Ledger

STEADY: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("steady", derandomize=True, database=None, **STEADY)
settings.register_profile("explore", **STEADY)
settings.load_profile("steady")
"""Property tests try the same cases on every machine, however slow; `--hypothesis-profile=explore` looks for new ones."""

FAKE_WORKER = [sys.executable, "-I", "-S", str(Path(__file__).parent / "sandbox" / "fake_worker.py")]
"""A worker that keeps the contract without torch; tests of the real one set worker_command back."""


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio only."""
    return "asyncio"


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """Return the session's sandbox: shared, so tests use names of their own, or call its reset()."""
    settings = SandboxSettings(waiting_s=0, stop_grace_s=2, worker_command=FAKE_WORKER)
    with serve(tmp_path_factory.mktemp("sandbox"), settings) as running:
        yield running


@pytest.fixture(scope="session")
def aws(sandbox: RunningSandbox) -> Aws:
    """Return AWS as the server sees it, pointed at the sandbox."""
    return Aws(region=REGION, endpoint=lambda: sandbox.url, credentials=(ACCESS_KEY, SECRET_KEY))


@pytest.fixture
def storage(aws: Aws, tmp_path: Path) -> Storage:
    """Return storage that may use the test's own folder and the sandbox's S3."""
    return Storage(aws, (tmp_path,))


@dataclass
class Desk:
    """The tools on the sandbox with a ledger of their own, a clock that can be moved on, and a person who approves."""

    ctx: ToolContext
    sandbox: RunningSandbox
    passed: timedelta = field(default_factory=timedelta)

    @property
    def ledger(self) -> Ledger:
        """The desk's ledger."""
        return self.ctx.ledger

    def call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        """Call AWS past the tools, as somebody else would."""
        return self.ctx.aws.call(service, operation, **request)

    def plan(self, plan_id: str) -> Plan:
        """Return a stored plan."""
        record = self.ledger.plan(plan_id)
        assert record is not None
        return record.plan

    def apply(self, plan_id: str) -> ApplyResult:
        """Approve a plan as a person would and apply it."""
        now, plan = self.ctx.clock(), self.plan(plan_id)
        approval = Approval(
            approval_id=secrets.token_hex(8), plan_id=plan_id, plan_digest=plan.digest, prompt_sha256=prompt_sha256(plan),
            channel="terminal", approver="person", requester="agent", answer="approve", typed_value=ceiling_text(plan),
            at=now, expires_at=now + timedelta(minutes=30),
        )  # fmt: skip
        assert self.ledger.approve(approval)
        return apply(self.ctx, plan_id, pace=Pace(sleep=lambda seconds: time.sleep(min(seconds, 0.05))))

    def exists(self, kind: str, name: str) -> bool:
        """Tell whether AWS has a resource."""
        return look(self.ctx, kind, name) is not None


@pytest.fixture
def desk(sandbox: RunningSandbox, aws: Aws, storage: Storage, tmp_path: Path) -> Iterator[Desk]:
    """Return a desk; what its ledger still calls live afterwards is deleted."""
    made: list[Desk] = []

    def clock() -> datetime:
        return datetime.now(UTC) + made[0].passed

    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock)
    mode = Mode(sandbox=True, writes_allowed=True, owner="tester", default_role=ROLE_ARN)
    audit = FileAudit(tmp_path / "audit.jsonl")
    made.append(Desk(ToolContext(mode, Policy(), ledger, aws, storage, audit, clock), sandbox))
    yield made[0]
    for name, endpoint in list(sandbox.endpoint.sandbox.hosting.endpoints.items()):
        endpoint.stop.set()
        if endpoint.status == "Failed":
            aws.call("sagemaker", "delete_endpoint", EndpointName=name)
        assert endpoint.gone.wait(120)
