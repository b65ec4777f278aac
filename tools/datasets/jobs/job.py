"""One pass over data in a thread of its own: how far it is, and how it ended."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from novaforge.guards.errors import CancelledError
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.results import PassResult
from novaforge.tools.results import ToolResult

Phase = Literal["waiting", "running", "stopping", "completed", "failed", "stopped"]
ENDED: tuple[Phase, ...] = ("completed", "failed", "stopped")
Work = Callable[[ToolContext], ToolResult]


@dataclass(frozen=True)
class Pulse:
    """How far a pass is: rows and bytes so far, and what it does now."""

    rows: int = 0
    done: float = 0
    total: float | None = None
    message: str = ""


def waiting_step(tool: str, job_id: str) -> str:
    """Say how to wait for a job and how to look at it."""
    return f'Call {tool} again with the same arguments to wait for it, or get_job(job_id="{job_id}") to look.'


def _rows_of(result: ToolResult) -> int:
    read = getattr(result, "rows_read", 0) or getattr(result, "rows", 0)
    return read if isinstance(read, int) else 0


class DataJob:
    """One call of a data tool; `changed` is notified whenever something of it does."""

    def __init__(self, job_id: str, tool: str, arguments: JsonObject, ctx: ToolContext) -> None:
        self.job_id = job_id
        self.tool = tool
        self.arguments = arguments
        self.started_at = ctx.clock()
        self.ended_at: datetime | None = None
        self.phase: Phase = "waiting"
        self.pulse = Pulse()
        self.result: ToolResult | None = None
        self.error: Exception | None = None
        self.changed = threading.Condition()
        self.callers = 0
        self.handed_out = False
        """Whether somebody was told to come back: only then it is remembered after it has ended."""
        self.fetched = False
        self.on_pulse: Callable[[DataJob], None] | None = None
        self._begun = time.monotonic()
        self._took: float | None = None
        self._stop = threading.Event()
        self._ctx = replace(ctx, progress=self._report, rows_done=self._count, cancelled=self._stop.is_set)

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.phase in ENDED

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def work(self, work: Work) -> None:
        """Do the work in this thread and remember how it ended; raises nothing."""
        self._move("running")
        try:
            if self.cancelled:
                raise CancelledError("The job was stopped before it began; nothing was read or written.")
            self.result = work(self._ctx)
            # The last report was made up to two seconds before the end.
            self._count(_rows_of(self.result) or self.pulse.rows)
        except BaseException as error:  # noqa: BLE001 - whatever it was, those who wait are told
            self.error = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
        self._took = time.monotonic() - self._begun
        self.ended_at = self._ctx.clock()
        stopped = isinstance(self.error, CancelledError)
        self._move("stopped" if stopped else "failed" if self.error else "completed")

    def outcome(self, result: type[PassResult]) -> ToolResult:
        """Return the result, or while there is none a `result` that says so; raises the error it ended with."""
        if self.error is not None:
            raise self.error
        if self.result is not None:
            return self.result
        return result.running(self.job_id, self.progress(), waiting_step(self.tool, self.job_id))

    def stop(self) -> None:
        """Ask it to stop; it leaves nothing half-written."""
        self._stop.set()
        with self.changed:
            if not self.ended:
                self.phase = "stopping"
            self.changed.notify_all()

    def progress(self) -> JsonObject:
        """Return rows and bytes so far, rates per second, and when it is expected to end."""
        pulse, seconds = self.pulse, max(self._took or time.monotonic() - self._begun, 0.001)
        shown: JsonObject = {"elapsed_s": round(seconds, 1), "rows": pulse.rows, "bytes": round(pulse.done)}
        if pulse.total is not None:
            shown["bytes_total"] = round(pulse.total)
        shown |= {"rows_per_s": round(pulse.rows / seconds), "bytes_per_s": round(pulse.done / seconds)}
        if self.ended_at is not None:
            return shown | {"ended_at": self.ended_at.isoformat(timespec="seconds")}
        if pulse.total and pulse.done:
            left = timedelta(seconds=max(pulse.total - pulse.done, 0) / (pulse.done / seconds))
            shown["expected_end"] = (self._ctx.clock() + left).isoformat(timespec="seconds")
        return shown

    def _move(self, phase: Phase) -> None:
        with self.changed:
            if not (phase == "running" and self.phase == "stopping"):
                self.phase = phase
            self.changed.notify_all()

    def _report(self, done: float, total: float | None, message: str) -> None:
        with self.changed:
            self.pulse = replace(self.pulse, done=done, total=total, message=message)
            self.changed.notify_all()
        if self.on_pulse is not None:
            self.on_pulse(self)

    def _count(self, rows: int) -> None:
        self.pulse = replace(self.pulse, rows=rows)
