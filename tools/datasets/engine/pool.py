"""Worker processes and the pipes to them, served by one thread."""

import fcntl
import os
import selectors
import subprocess
import time
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple

from novaforge.guards.errors import ConfigError
from novaforge.tools.datasets.children import command, environment
from novaforge.tools.datasets.engine.frames import HEADER, pack, unpack
from novaforge.tools.datasets.reading.batch import Batch

IN_FLIGHT = 2
"""Batches a worker has at a time: one it works on and one that waits, so that it never idles."""
QUIET_S = 300.0
"""How long this process waits for a worker that has something to do; a batch takes well under a second of work."""
_KEPT = {
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TOP_PAD_": str(4 << 20),
}
"""For glibc: a worker keeps the memory it frees for its next batch. To give it back and take it again, page by page, would
take longer than most of what is done with it; 32 MB is the largest that glibc accepts as the second."""
_PIPE_BYTES = 1024 * 1024
_END_S = 5.0
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)
_MODULE = "novaforge.tools.datasets.engine.worker"


class Answer(NamedTuple):
    """What came back for one batch: kind is `result` or `failure`."""

    kind: str
    number: int
    content: Any


class _Worker:
    """One process with what is still to be written to it and what has been read of its next message."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            command(_MODULE), env=environment() | _KEPT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.write_handle, self.read_handle = self.process.stdin.fileno(), self.process.stdout.fileno()
        for handle in (self.write_handle, self.read_handle):
            os.set_blocking(handle, False)
            _enlarge(handle)
        self.outgoing: deque[memoryview] = deque()
        self.in_flight = 0
        self.quiet = 0.0
        """Seconds that were waited since it last took or gave something."""
        self.ready = False
        self._header = True
        self._buffer = bytearray(HEADER.size)
        self._rest = memoryview(self._buffer)

    def write(self) -> None:
        """Write as much as the pipe takes."""
        while self.outgoing:
            piece = self.outgoing[0]
            try:
                written = os.write(self.write_handle, piece)
            except BlockingIOError:
                return
            if written == len(piece):
                self.outgoing.popleft()
            else:
                self.outgoing[0] = piece[written:]

    def read(self) -> list[Any]:
        """Return the messages that have arrived whole; raises EOFError when the process is gone."""
        messages: list[Any] = []
        while True:
            while self._rest:
                try:
                    got = os.readv(self.read_handle, [self._rest])
                except BlockingIOError:
                    return messages
                if not got:
                    raise EOFError
                self._rest = self._rest[got:]
            if self._header:
                (size,) = HEADER.unpack(self._buffer)
                self._expect(size)
            else:
                messages.append(unpack(self._buffer))
                self._expect(HEADER.size)
            self._header = not self._header

    def _expect(self, size: int) -> None:
        self._buffer = bytearray(size)
        self._rest = memoryview(self._buffer)


class Pool:
    """Some workers that got the same work."""

    def __init__(self, count: int, work: Any) -> None:
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        try:
            for _ in range(count):
                worker = _Worker()
                self._workers.append(worker)
                self._selector.register(worker.read_handle, selectors.EVENT_READ, worker)
                worker.outgoing.extend(pack(work))
                self._push(worker)
        except BaseException:
            self.close()
            raise

    @property
    def any_ready(self) -> bool:
        """Tell whether a worker has started."""
        return any(worker.ready for worker in self._workers)

    def submit(self, number: int, batch: Batch) -> bool:
        """Give a batch to the worker with the least to do; False when all have enough."""
        free = [worker for worker in self._workers if worker.ready and worker.in_flight < IN_FLIGHT]
        if not free:
            return False
        worker = min(free, key=lambda one: one.in_flight)
        worker.in_flight += 1
        worker.outgoing.extend(pack((number, batch)))
        self._push(worker)
        return True

    def collect(self, timeout: float) -> list[Answer]:
        """Move bytes until something happened or so many seconds passed; raises ConfigError when a worker died or hangs."""
        answers: list[Answer] = []
        began = time.monotonic()
        happened = self._selector.select(timeout)
        self._note_quiet(min(time.monotonic() - began, timeout))
        for key, events in happened:
            worker: _Worker = key.data
            worker.quiet = 0.0
            try:
                if events & selectors.EVENT_WRITE:
                    self._push(worker)
                if events & selectors.EVENT_READ:
                    answers += self._answers(worker)
            except (EOFError, OSError) as error:
                raise self._died(worker) from error
        return answers

    def close(self) -> None:
        """End all workers now."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.communicate()
        self._workers.clear()
        self._selector.close()

    def _answers(self, worker: _Worker) -> list[Answer]:
        answers = [Answer(*message) for message in worker.read()]
        worker.ready = True
        worker.in_flight -= sum(answer.kind != "ready" for answer in answers)
        return [answer for answer in answers if answer.kind != "ready"]

    def _push(self, worker: _Worker) -> None:
        """Write to a worker and wait for room in its pipe only while there is something to write."""
        try:
            worker.write()
        except BrokenPipeError as error:
            raise self._died(worker) from error
        waiting = worker.write_handle in self._selector.get_map()
        if worker.outgoing and not waiting:
            self._selector.register(worker.write_handle, selectors.EVENT_WRITE, worker)
        elif waiting and not worker.outgoing:
            self._selector.unregister(worker.write_handle)

    def _note_quiet(self, waited: float) -> None:
        """Add time that was spent waiting, which neither a sleeping machine nor work of this process is."""
        for worker in self._workers:
            worker.quiet += waited if worker.in_flight else 0.0
            if worker.quiet > QUIET_S:
                message = f"A process that worked on the data has not answered for {QUIET_S:g} s; nothing was written."
                raise ConfigError(message, fix="see whether the machine is overloaded; then call again")

    def _died(self, worker: _Worker) -> ConfigError:
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(_END_S)
        worker.process.kill()
        status = worker.process.wait()
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return ConfigError(
            f"A process that worked on the data {how}; nothing was written.",
            fix="free memory, or run on a machine with more of it; then call again",
        )


def _enlarge(handle: int) -> None:
    """Let a pipe hold a whole batch, where the system allows it."""
    if _SET_PIPE_SIZE is not None:
        try:
            fcntl.fcntl(handle, _SET_PIPE_SIZE, _PIPE_BYTES)
        except OSError:
            return
