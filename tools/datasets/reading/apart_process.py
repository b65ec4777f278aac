"""A process that reads files for this one, and what is known about it from outside: its messages, its silence, its end."""

import atexit
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from novaforge.guards.errors import ConfigError
from novaforge.tools.datasets.children import ONE_THREAD, command, environment
from novaforge.tools.datasets.reading.apart_frames import HEADER, MOST_FRAME, PING, READY

QUIET_S = 300.0
"""How long this process waits for a sign of the other one; a batch takes well under a second."""
_LOOK_S = 0.2
_END_S = 5.0
_SOCKET_BYTES = 1024 * 1024
_MODULE = "novaforge.tools.datasets.reading.apart_worker"

Look = Callable[[], None]
"""Called every now and then while waiting; raises when nobody wants the result any more."""


class GoneError(Exception):
    """The process ended, or said what it never says."""


class QuietError(Exception):
    """The process gave no sign for too long."""


def wait_on() -> None:
    """Wait whatever happens."""


class Process:
    """One process and the socket to it."""

    def __init__(self) -> None:
        self._link, theirs = socket.socketpair()
        with theirs:
            for end in (self._link, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            try:
                # Whatever the user wants elsewhere: numpy takes 40 MB of addresses for each thread, and addresses are limited here.
                self._process = subprocess.Popen(
                    command(_MODULE), env=environment() | ONE_THREAD, stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            except OSError as error:
                self._link.close()
                message = f"No process can be started to read files: {error.strerror}."
                raise ConfigError(message, fix="free memory or processes of this machine; then call again") from error
        self._link.setblocking(False)
        self._quiet = 0.0

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def answers(self, look: Look = wait_on) -> bool:
        """Tell whether it is there and waits for work."""
        try:
            self.send(PING, look)
            return self.receive(look)[0] == READY
        except (GoneError, QuietError):
            return False

    def send(self, kind: bytes, look: Look, content: bytes = b"", handle: int | None = None) -> None:
        """Write one message, with the handle of an open file if there is one. Raises GoneError, QuietError."""
        rest = memoryview(HEADER.pack(kind, len(content)) + content)
        handles = [] if handle is None else [handle]
        while rest:
            try:
                sent = socket.send_fds(self._link, [rest], handles) if handles else self._link.send(rest)
            except BlockingIOError:
                self._wait(select.POLLOUT, look)
                continue
            except OSError as error:
                raise GoneError from error
            self._quiet, handles, rest = 0.0, [], rest[sent:]

    def receive(self, look: Look) -> tuple[bytes, bytearray]:
        """Return the kind and content of the next message. Raises GoneError, QuietError."""
        kind, size = HEADER.unpack(self._exactly(HEADER.size, look))
        if size > MOST_FRAME:
            raise GoneError
        return kind, self._exactly(size, look)

    def end(self) -> None:
        """End it now."""
        self._link.close()
        self._process.kill()
        self._process.wait()

    def how_it_ended(self) -> str:
        """Return what became of it, in words; one that has not ended by itself is ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self.end()
        status = self._process.returncode
        return f"was ended by {_signal(-status)}" if status < 0 else f"ended with status {status}"

    def _exactly(self, size: int, look: Look) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            try:
                got = self._link.recv_into(view)
            except BlockingIOError:
                self._wait(select.POLLIN, look)
                continue
            except OSError as error:
                raise GoneError from error
            if not got:
                raise GoneError
            self._quiet, view = 0.0, view[got:]
        return data

    def _wait(self, event: int, look: Look) -> None:
        look()
        poll = select.poll()
        poll.register(self._link, event)
        began = time.monotonic()
        poll.poll(_LOOK_S * 1000)
        # A machine that slept is no silence.
        self._quiet += min(time.monotonic() - began, 2 * _LOOK_S)
        if self._quiet > QUIET_S:
            raise QuietError


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_idle: list[Process] = []
_lock = threading.Lock()


def take(look: Look) -> Process:
    """Return a process that waits for a file: the one kept from the file before, or a new one. Raises ConfigError."""
    with _lock:
        kept = _idle.pop() if _idle else None
    if kept is not None:
        if _usable(kept, look):
            return kept
        kept.end()
    process = Process()
    if _usable(process, look):
        return process
    message = f"The process that reads files for the server {process.how_it_ended()} at its start."
    raise ConfigError(message, fix="free memory of this machine, or install novaforge again; then call again")


def _usable(process: Process, look: Look) -> bool:
    try:
        return process.answers(look)
    except BaseException:
        process.end()
        raise


def keep(process: Process) -> None:
    """Keep a process that read a whole file, or said what is wrong with it, for the next one; it ends itself when none comes."""
    with _lock:
        if not _idle:
            _idle.append(process)
            return
    process.end()


@atexit.register
def end_idle() -> None:
    """End the process that is kept, if there is one."""
    with _lock:
        kept = _idle.pop() if _idle else None
    if kept is not None:
        kept.end()
