"""The sandbox in a thread of the running process, for tests."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from novaforge.server.sandbox.settings import Fault, JobFault, SandboxSettings

if TYPE_CHECKING:
    from novaforge.server.sandbox.endpoint import Endpoint

_one = threading.Lock()


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at `url` until the block that serves it is left."""

    url: str
    folder: Path
    endpoint: "Endpoint"

    def add_faults(self, *faults: Fault | JobFault) -> None:
        """Append to the fault plan."""
        calls = [fault for fault in faults if isinstance(fault, Fault)]
        jobs = [fault for fault in faults if isinstance(fault, JobFault)]
        self.endpoint.sandbox.faults.add(calls, jobs)

    def clear_faults(self) -> None:
        """Forget the fault plan."""
        self.endpoint.sandbox.faults.clear()

    @contextmanager
    def settings(self, **changes: Any) -> Generator[None]:
        """Change settings for the length of the block."""
        account = self.endpoint.sandbox
        before = account.settings
        account.settings = SandboxSettings.model_validate(before.model_dump() | changes)
        try:
            yield
        finally:
            account.settings = before

    def wait_for_job(self, name: str, timeout_s: float = 30) -> str:
        """Return the final TrainingJobStatus of a job; raises TimeoutError when it has not ended by then."""
        job = self.endpoint.sandbox.jobs[name]
        if not job.finished.wait(timeout_s):
            raise TimeoutError(f"{name} is {job.status} ({job.secondary}) after {timeout_s} s")
        return job.status

    def wait_for_stage(self, name: str, secondary: str, timeout_s: float = 30) -> None:
        """Return once a job is in a secondary status; raises TimeoutError when it is not by then."""
        job = self.endpoint.sandbox.jobs[name]
        with job.changed:
            if not job.changed.wait_for(lambda: job.secondary == secondary, timeout_s):
                raise TimeoutError(f"{name} is {job.secondary}, not {secondary}, after {timeout_s} s")

    def wait_for_endpoint(self, name: str, timeout_s: float = 30) -> str:
        """Return the EndpointStatus once it is no longer Creating; raises TimeoutError after that many seconds."""
        endpoint = self.endpoint.sandbox.hosting.endpoints[name]
        if not endpoint.settled.wait(timeout_s):
            raise TimeoutError(f"{name} is still {endpoint.status} after {timeout_s} s")
        return endpoint.status

    def reset(self) -> None:
        """Become a fresh account."""
        self.endpoint.sandbox.reset()

    def stop(self) -> None:
        """Stop answering and end every child process."""
        self.endpoint.close()


@contextmanager
def serve(folder: Path, settings: SandboxSettings | None = None) -> Generator[RunningSandbox]:
    """Run a sandbox for the length of the block; one at a time in a process, since moto's memory is the process's."""
    from novaforge.server.sandbox.endpoint import Endpoint

    if not _one.acquire(blocking=False):
        raise RuntimeError("a sandbox is being served in this process already; use it, or its reset()")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        endpoint = Endpoint(folder, settings or SandboxSettings())
        endpoint.start()
        try:
            yield RunningSandbox(endpoint.url, folder, endpoint)
        finally:
            endpoint.close()
    finally:
        _one.release()
