"""Who carries out an execution, and how long it may wait: one worker at a time, and no long waiting."""

import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

LEASE = timedelta(minutes=5)
"""Longer than one AWS call can take with all its retries (4 x 45 s and the pauses between them)."""

WAIT_BUDGET_S = 30.0


class Pace:
    """How long one apply may sleep in total, and what it sleeps with."""

    def __init__(self, budget_s: float = WAIT_BUDGET_S, sleep: Callable[[float], None] = time.sleep) -> None:
        self._left = budget_s
        self._sleep = sleep

    def pause(self, seconds: float) -> bool:
        """Sleep if the budget allows; False without sleeping when it does not."""
        if seconds > self._left:
            return False
        self._left -= seconds
        self._sleep(seconds)
        return True


def new_owner() -> str:
    """Return a name for a worker of this process that another process of this machine can check."""
    pid = os.getpid()
    return f"{_place()}/{pid}/{_stat(pid)[1]}/{secrets.token_hex(8)}"


def died(owner: str) -> bool:
    """Tell whether a worker's process is known to be gone; False when it lives or nobody can tell from here."""
    parts = owner.split("/")
    if len(parts) != 4 or parts[0] != _place() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    state, began = _stat(pid)
    return state == "Z" or began != parts[2]


def _place() -> str:
    """Return host and process namespace: process ids mean something only within one."""
    try:
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        namespace = "host"
    return f"{socket.gethostname()}:{namespace}".replace("/", "_")


def _stat(pid: int) -> tuple[str, str]:
    """Return a process's state letter (Z: ended) and its start in ticks since boot, so that a reused id is told apart.

    Both are empty where the system does not say.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = stat.rsplit(")", 1)[-1].split()
    return fields[0], fields[19]
