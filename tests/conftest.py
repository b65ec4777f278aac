"""Fixtures for everybody: one sandbox account per test session, and access to it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from novaforge.server.sandbox.settings import ACCESS_KEY, REGION, SECRET_KEY, SandboxSettings
from novaforge.server.sandbox.testing import RunningSandbox, serve
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage

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
