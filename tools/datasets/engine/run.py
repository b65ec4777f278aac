"""Run work over all batches of a source: in this process when there is little to do, else on all cores; in order."""

import os
import pickle
import sys
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

from novaforge.tools.datasets.engine.failures import exception_of, failure_of
from novaforge.tools.datasets.engine.pool import IN_FLIGHT, Pool
from novaforge.tools.datasets.engine.work import Runner, Work
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.batch import Batch, TornBatchError
from novaforge.tools.datasets.reading.source import Source
from novaforge.tools.datasets.rows import Line, Reject

Result = TypeVar("Result")

MAX_WORKERS = 8
SMALL_BYTES = 4_000_000
"""A source below this is read faster than workers start."""
_WAIT_S = 1.0
_CHUNK_ROWS = 2000


@dataclass
class _Entry:
    number: int
    batch: Batch
    done: bool = False
    failed: BaseException | None = None
    result: Any = None


def workers_for(size: int) -> int:
    """Return how many workers a source of so many bytes gets; 0 means that this process does the work."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if size < SMALL_BYTES or cores < 2 or not sys.executable else min(cores, MAX_WORKERS)


class Engine(Generic[Result]):
    """Runs one work over the batches of one source."""

    def __init__(self, source: Source, batches: Iterator[Batch], work: Work[Result], heartbeat: Heartbeat) -> None:
        self._source = source
        self._batches = batches
        self._work = work
        self._heartbeat = heartbeat
        self._own: Runner[Result] | None = None
        self._pool: Pool | None = None
        self._pending: deque[_Entry] = deque()
        self.rows = 0
        """Rows so far, for progress; the caller keeps it up."""

    def results(self) -> Generator[tuple[int, Result], None, None]:
        """Yield (file, what the work says) for each batch in order; closing the iterator ends the workers."""
        count = workers_for(self._source.bytes_total)
        try:
            if count:
                self._pool = Pool(count, self._work)
            yield from self._ordered(self._batches, max(count, 1) * (IN_FLIGHT + 1))
        finally:
            self._close()

    def _ordered(self, batches: Iterator[Batch], window: int) -> Iterator[tuple[int, Result]]:
        number, more = 0, True
        while more or self._pending:
            self._heartbeat.tick(self.rows)
            while self._pending and self._pending[0].done:
                entry = self._pending[0]
                if isinstance(entry.failed, TornBatchError):
                    yield from self._in_sequence(batches)
                    return
                if entry.failed is not None:
                    raise entry.failed
                self._pending.popleft()
                yield entry.batch.file, entry.result
            if more and len(self._pending) < window:
                batch = next(batches, None)
                more = batch is not None
                if batch is not None:
                    entry = _Entry(number, batch)
                    number += 1
                    self._pending.append(entry)
                    self._hand_out(entry)
            elif self._pending and not self._pending[0].done:
                self._collect(_WAIT_S)

    def _hand_out(self, entry: _Entry) -> None:
        """Give a batch to a worker, or do it here while none has started."""
        pool = self._pool
        if pool is None:
            self._do(entry)
            return
        self._collect(0)
        while not pool.submit(entry.number, entry.batch):
            if not pool.any_ready:
                self._do(entry)
                return
            self._heartbeat.tick(self.rows)
            self._collect(_WAIT_S)

    def _do(self, entry: _Entry) -> None:
        try:
            entry.result = self._runner().run(entry.batch)
        except Exception as error:  # noqa: BLE001 - carried on and raised in its turn
            # As from a worker: what broke is told when its turn comes, and never quotes a row.
            entry.failed = error if isinstance(error, TornBatchError) else exception_of(failure_of(error))
            entry.failed.__cause__ = error
        entry.done = True

    def _runner(self) -> Runner[Result]:
        """Return the work of this process; a copy, since the caller puts together what all of them saw."""
        if self._own is None:
            copy: Work[Result] = pickle.loads(pickle.dumps(self._work, protocol=5))
            self._own = copy.start()
        return self._own

    def _collect(self, timeout: float) -> None:
        assert self._pool is not None
        for answer in self._pool.collect(timeout):
            entry = self._pending[answer.number - self._pending[0].number]
            entry.done = True
            if answer.kind == "failure":
                entry.failed = exception_of(answer.content)
            else:
                entry.result = answer.content

    def _in_sequence(self, batches: Iterator[Batch]) -> Iterator[tuple[int, Result]]:
        """Read the rest row after row here: a batch was cut inside a row, so no later one can be trusted."""
        self._close()
        rest = chain([entry.batch for entry in self._pending], batches)
        self._pending.clear()
        source, rejects = self._source, list[tuple[int, Reject]]()
        lines: list[Line] = []
        file = source.current_file
        for line in source.sequential(rest, lambda reject: rejects.append((source.current_file, reject))):
            if len(lines) >= _CHUNK_ROWS or source.current_file != file:
                self._heartbeat.tick(self.rows)
                yield from self._chunk(file, lines, rejects)
                lines, file = [], source.current_file
            lines.append(line)
        yield from self._chunk(file, lines, rejects)

    def _chunk(self, file: int, lines: list[Line], rejects: list[tuple[int, Reject]]) -> Iterator[tuple[int, Result]]:
        """Do the work on rows of one file; rejects of files after it that have no rows are told by themselves."""
        runner = self._runner()
        yield file, runner.run_lines(file, lines, [reject for number, reject in rejects if number <= file])
        for number, reject in [found for found in rejects if found[0] > file]:
            yield number, runner.run_lines(number, [], [reject])
        rejects.clear()

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None
