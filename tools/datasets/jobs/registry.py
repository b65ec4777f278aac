"""The passes over data of one server process: started once, joined by equal calls, ended with the process."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import Progress, ToolContext, never
from novaforge.tools.datasets.jobs.job import DataJob, Work
from novaforge.tools.datasets.jobs.stored import FOLDER, JobFile, StoredJob, stored_job, stored_jobs

PREFIX = "data-"
ANSWER_WITHIN_S = 40.0
"""No tool call takes longer than 45 s; this leaves time to write the answer."""

SAY_EVERY_S = 8.0
"""Progress is told at least every 10 s, also while a pass has nothing new to tell."""

LOOK_EVERY_S = 0.25
AT_ONCE = 4
"""Passes that run at the same time; each uses all cores already, so further ones wait."""

REMEMBERED = 100

Holds = Callable[[ToolContext, DataJob | StoredJob], bool]
"""Tells of a pass that ended well whether its result still answers the call."""


def job_id_of(tool: str, arguments: JsonObject) -> str:
    """Return the handle of a call: the same for the same tool and arguments."""
    text = json.dumps([tool, arguments], sort_keys=True, ensure_ascii=True, default=str)
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()[:12]


class DataJobs:
    """Starts passes, waits for them as long as a call may, and answers for those that take longer."""

    def __init__(self, work_dir: Path | None = None, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._folder = work_dir / FOLDER if work_dir else None
        self.answer_within_s = answer_within_s
        self._jobs: dict[str, DataJob] = {}
        self._files: dict[DataJob, JobFile] = {}
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(AT_ONCE)

    def run(
        self,
        ctx: ToolContext,
        tool: str,
        arguments: JsonObject,
        work: Work,
        *,
        progress: Progress,
        gone: Callable[[], bool] = never,
        within_s: float | None = None,
        holds: Holds | None = None,
    ) -> DataJob | StoredJob:
        """Start the pass or join the one that runs already, and return it when it has ended or the time is up.

        One that another process runs is returned as it is, and so is one that ended well and whose result still `holds`. When every caller has gone, a pass nobody holds a handle of is stopped.
        """
        holds = holds or still_true
        job_id = job_id_of(tool, arguments)
        own = self.get(job_id)
        kept = self.stored(job_id) if own is None else None
        if kept is not None and (kept.alive or (kept.result and holds(ctx, kept))):
            return kept
        # One that runs now may have ended when it is joined: it is as fresh then as if this call had waited for it.
        usable = own is not None and (not own.ended or (own.result is not None and holds(ctx, own)))
        with self._lock:
            job = self._joinable(job_id, own if usable else None)
            job = job or self._start(ctx, job_id, tool, arguments, work)
            job.callers += 1
        try:
            self._wait(job, progress, gone, self.answer_within_s if within_s is None else within_s)
        finally:
            self._leave(job, gone())
        return job

    def get(self, job_id: str) -> DataJob | None:
        """Return a pass of this process."""
        with self._lock:
            return self._jobs.get(job_id)

    def stored(self, job_id: str) -> StoredJob | None:
        """Return a pass of an earlier or another process, as far as it was kept."""
        return stored_job(self._folder, job_id) if self._folder else None

    def all(self) -> list[DataJob | StoredJob]:
        """Return the passes of this process, then what is kept of others."""
        with self._lock:
            own = list(self._jobs.values())
        names = {job.job_id for job in own}
        kept = stored_jobs(self._folder) if self._folder else ()
        return [*reversed(own), *(job for job in kept if job.job_id not in names)]

    def close(self, wait_s: float = 5.0) -> None:
        """Stop every pass and wait a moment, so that nothing half-written is left when the process ends."""
        with self._lock:
            running = [job for job in self._jobs.values() if not job.ended]
        for job in running:
            job.stop()
        deadline = time.monotonic() + wait_s
        for job in running:
            with job.changed:
                job.changed.wait_for(lambda job=job: job.ended, max(deadline - time.monotonic(), 0))  # type: ignore[misc]  # bound early

    def _joinable(self, job_id: str, usable: DataJob | None) -> DataJob | None:
        """Return a pass that an equal call gets: one that runs, the usable one, or one that failed and nobody was told."""
        job = self._jobs.get(job_id)
        if job is None or not job.ended:
            return None if job is None or job.cancelled else job
        if job.error is None:
            return job if job is usable else None
        return job if job.handed_out and not job.fetched and not job.cancelled else None

    def _start(self, ctx: ToolContext, job_id: str, tool: str, arguments: JsonObject, work: Work) -> DataJob:
        before = self._jobs.get(job_id)
        job = DataJob(job_id, tool, arguments, ctx)
        self._jobs.pop(job_id, None)
        self._jobs[job_id] = job
        threading.Thread(target=self._work, args=(job, work, before), name=job_id, daemon=True).start()
        return job

    def _work(self, job: DataJob, work: Work, before: DataJob | None) -> None:
        if before is not None:  # it may be stopping still: two of them would write to one target
            with before.changed:
                before.changed.wait_for(lambda: before.ended)
        turn = self._await_turn(job)
        job.work(work)
        if turn:
            self._slots.release()
        with self._lock:
            file = self._files.pop(job, None)
            if file is not None:
                with suppress(OSError):
                    file.end(job)
            self._forget()

    def _await_turn(self, job: DataJob) -> bool:
        """Wait for a free place; tell whether one was taken, which a job stopped meanwhile does not need."""
        while not job.cancelled:
            if self._slots.acquire(timeout=LOOK_EVERY_S):
                return True
        return False

    def _wait(self, job: DataJob, progress: Progress, gone: Callable[[], bool], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        teller = _Teller(progress)
        while not job.ended and not gone():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with job.changed:
                if not job.ended:
                    job.changed.wait(min(left, LOOK_EVERY_S))
            teller.tell(job)

    def _leave(self, job: DataJob, gone: bool) -> None:
        with self._lock:
            job.callers -= 1
            if gone:
                if not job.ended and not job.callers and not job.handed_out:
                    job.stop()
            elif job.ended:
                job.fetched = True
            elif not job.handed_out:
                self._hand_out(job)
            self._forget()

    def _hand_out(self, job: DataJob) -> None:
        """Remember the pass under its handle, also beyond this process."""
        job.handed_out = True
        if self._folder is not None:
            with suppress(OSError):
                file = self._files[job] = JobFile(self._folder, job)
                job.on_pulse = file.progress

    def _forget(self) -> None:
        """Drop what ended within its call, and the oldest of the rest."""
        ended = [job for job in self._jobs.values() if job.ended and not job.callers]
        kept = [job for job in ended if job.handed_out]
        for job in [job for job in ended if not job.handed_out] + kept[: max(len(kept) - REMEMBERED, 0)]:
            del self._jobs[job.job_id]


def still_true(ctx: ToolContext, job: DataJob | StoredJob) -> bool:
    """Tell whether what a data tool's pass told holds still: its source is as it was, and what it wrote is there."""
    if isinstance(job, StoredJob):
        manifest, untold = job.result.get("manifest_uri"), False
    else:
        manifest, untold = getattr(job.result, "manifest_uri", ""), job.handed_out and not job.fetched
    if untold and manifest:
        return True  # whatever became of the source: a second pass could not write there
    there = untold or (isinstance(manifest, str) and bool(manifest) and ctx.storage.exists(manifest))
    return there and not _changed_since(ctx, job.arguments, job.started_at)


def _changed_since(ctx: ToolContext, arguments: JsonObject, started: datetime | str) -> bool:
    """Tell whether a file the call reads was written after it began: what it said then is not true of it any more."""
    began = datetime.fromisoformat(started) if isinstance(started, str) else started
    uris = [uri for name in ("source", "pair_with") if isinstance(uri := arguments.get(name), str)]
    return any(modified > began for uri in uris if (modified := _modified(ctx, uri)) is not None)


def _modified(ctx: ToolContext, uri: str) -> datetime | None:
    """Return when a file or object was last written; None for folders, prefixes, and what is not there."""
    with suppress(NovaForgeError, OSError):
        if is_s3(uri):
            return ctx.storage.stat(uri).modified
        path = ctx.storage.local(uri)
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.is_file() else None
    return None


class _Teller:
    """Passes progress on when there is some, and says at least every ten seconds that the pass goes on."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last = -1.0
        self._at = time.monotonic()
        self._told: object = None

    def tell(self, job: DataJob) -> None:
        """Report if there is news or it is time."""
        pulse, now = job.pulse, time.monotonic()
        if pulse is self._told and now - self._at < SAY_EVERY_S:
            return
        if self._told is None and not pulse.message and now - self._at < SAY_EVERY_S:
            return
        # The protocol wants a figure that grows with every report.
        self._last = max(pulse.done, self._last + 0.001)
        self._told, self._at = pulse, now
        self._progress(self._last, pulse.total, pulse.message or "at work")
