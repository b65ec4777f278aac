"""Child processes of the sandbox: workers, model servers, functions. None outlives it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

LEASH = Path(__file__).with_name("leash.py")
STDERR_LINES = 20
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
KEPT_PREFIXES = ("HF_", "CUDA_", "NVIDIA_", "TORCH", "NOVAFORGE_", "COVERAGE_")


def worker_environment() -> dict[str, str]:
    """Return the environment of training and serving workers: nothing that could reach a real AWS account."""
    kept = {key: value for key, value in os.environ.items() if key in KEPT_ENVIRONMENT or key.startswith(KEPT_PREFIXES)}
    # Two OpenMP threads on shared cores were measured 2 to 6 times slower than one.
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def last_lines(path: Path) -> list[str]:
    """Return the end of what a command wrote to its error output."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return [line for line in text.splitlines() if line.strip()][-STDERR_LINES:]


class Child:
    """A running command on a leash, in a process group of its own."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], errors: Path) -> None:
        with errors.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), *command],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def lines(self) -> Iterator[str]:
        """Yield the lines the command prints until it closes its output."""
        output: IO[bytes] | None = self._process.stdout
        assert output is not None
        for line in output:
            yield line.decode("utf-8", "replace").rstrip("\r\n")

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit status, or None when the command still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def ended(self) -> bool:
        """Tell whether the command has ended."""
        return self._process.poll() is not None

    def terminate(self) -> None:
        """Ask the command to stop (SIGTERM)."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End the command and everything it started, now."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Let go of the pipes of an ended command."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Children:
    """All running children, so that they can be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Child] = set()
        self._closed = False

    @contextlib.contextmanager
    def start(self, command: list[str], folder: Path, environment: dict[str, str], errors: Path) -> Generator[Child]:
        """Run a command for the length of the block; it is ended when the block is left."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is shutting down")
            child = Child(command, folder, environment, errors)
            self._running.add(child)
        try:
            yield child
        finally:
            child.kill()
            child.close()
            with self._lock:
                self._running.discard(child)

    def end_all(self, grace_s: float) -> None:
        """Stop every child: SIGTERM, and SIGKILL for what is left after the grace; none can be started afterwards."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for child in running:
            child.terminate()
        for child in running:
            if child.wait(grace_s) is None:
                child.kill()

    def reopen(self) -> None:
        """Allow children again, after a reset."""
        with self._lock:
            self._closed = False

    def pids(self) -> list[int]:
        """Return the process ids of the running children, which are also their process groups."""
        with self._lock:
            return sorted(child.pid for child in self._running)
