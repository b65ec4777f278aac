"""Start, join and stop the sandbox's own process.

The process holds a lock on a file in its folder for as long as it lives; the kernel lets go of it however the process ends. So the
lock says whether a sandbox is alive, and the pid file next to it says where.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from novaforge.guards.errors import ConfigError
from novaforge.server.sandbox.settings import ACCOUNT, SandboxSettings, save

PID_FILE = "sandbox.json"
LOG_FILE = "sandbox.log"
ALIVE_LOCK = "sandbox.alive"
START_LOCK = "sandbox.lock"
START_S = 60.0
STOP_S = 20.0
POLL_S = 0.05
CLAIM_TRIES = 10
ALREADY_RUNNING = 3
"""Exit status of a sandbox process that finds another one alive over its folder."""


class SandboxInfo(NamedTuple):
    """Where a running sandbox answers, which process it is, and its folder."""

    url: str
    pid: int
    folder: Path


_started: dict[int, subprocess.Popen[bytes]] = {}
"""Processes this one started, kept so that they can be reaped when they end."""


def ensure(folder: Path, settings: SandboxSettings | None = None) -> SandboxInfo:
    """Return the live sandbox over a folder, started if there is none; settings count only when it is started here.

    Raises ConfigError when it does not come up, with the end of its log.
    """
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder / START_LOCK):
        live = running(folder)
        if live is not None:
            return live
        if settings is not None:
            save(folder, settings)
        return _start(folder)


def running(folder: Path) -> SandboxInfo | None:
    """Return the live sandbox over a folder, or None; a pid file left behind by a dead one counts for nothing."""
    folder = folder.expanduser().resolve()
    _reap()
    if not _alive(folder):
        return None
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and _alive(folder):
        info = _read(folder)
        if info is not None and _healthy(info):
            return info
        time.sleep(POLL_S)  # it holds the lock but does not answer yet: it is starting
    return None


def stop(folder: Path) -> bool:
    """Stop the sandbox over a folder with every child process; False when none was running."""
    folder = folder.expanduser().resolve()
    if not _alive(folder):
        return False
    info = _read(folder)
    if info is None:
        info = running(folder)
    if info is None:
        return False
    for signum, patience in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
        with suppress(ProcessLookupError):
            os.kill(info.pid, signum)
        if _gone(folder, patience):
            break
    _reap()
    return True


def claim(folder: Path) -> bool:
    """Take the lock that says a sandbox lives over this folder, until this process ends; False when another one has it."""
    descriptor = os.open(folder / ALIVE_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(CLAIM_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(POLL_S)  # perhaps somebody only looks whether it is taken
        else:
            return True  # never closed here: the kernel does, once nothing of this process is left
    os.close(descriptor)
    return False


def announce(folder: Path, url: str, life: str) -> None:
    """Write the pid file, in one step, so that no reader sees half of it."""
    facts = {
        "url": url,
        "pid": os.getpid(),
        "folder": str(folder),
        "account": ACCOUNT,
        "life": life,
        "started_at": time.time(),
    }
    temporary = folder / f"{PID_FILE}.{os.getpid()}"
    temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    temporary.replace(folder / PID_FILE)


def _start(folder: Path) -> SandboxInfo:
    command = [sys.executable, "-m", "novaforge.server.sandbox", "--folder", str(folder)]
    with (folder / LOG_FILE).open("ab") as log:
        start = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=folder
        )
    _started[process.pid] = process
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        info = _read(folder)
        if info is not None and info.pid == process.pid and _healthy(info):
            return info
        time.sleep(POLL_S)
    if process.poll() is None:
        process.kill()
    process.wait()
    _reap()
    raise _did_not_start(folder, start)


def _did_not_start(folder: Path, start: int) -> ConfigError:
    text = (folder / LOG_FILE).read_bytes()[start:].decode("utf-8", "replace")
    missing = "ModuleNotFoundError" in text and "No module named 'novaforge" not in text
    fix = "install the extra: pip install 'novaforge-mcp[sandbox]'" if missing else f"read {folder / LOG_FILE}"
    return ConfigError(f"The sandbox did not start: {text.strip()[-800:] or 'it said nothing'}", fix=fix)


def _read(folder: Path) -> SandboxInfo | None:
    try:
        facts: dict[str, Any] = json.loads((folder / PID_FILE).read_text(encoding="utf-8"))
        return SandboxInfo(str(facts["url"]), int(facts["pid"]), folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _healthy(info: SandboxInfo) -> bool:
    try:
        with _opener.open(f"{info.url}/_novaforge/health", timeout=5) as answer:
            return bool(json.load(answer)["pid"] == info.pid)
    except (urllib.error.URLError, OSError, ValueError, KeyError):
        return False


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Never through a proxy: the address is on loopback."""


def _alive(folder: Path) -> bool:
    try:
        with (folder / ALIVE_LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _gone(folder: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        _reap()
        if not _alive(folder):
            return True
        time.sleep(POLL_S)
    return False


def _reap() -> None:
    for pid, process in list(_started.items()):
        if process.poll() is not None:
            _started.pop(pid, None)


@contextmanager
def _locked(path: Path) -> Generator[IO[str]]:
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
