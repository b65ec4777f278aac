"""What is kept of data jobs, so that a later process can say honestly what became of them."""

import fcntl
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.values import JsonObject
from novaforge.tools.datasets.jobs.job import DataJob, waiting_step
from novaforge.tools.datasets.output.journal import Journal
from novaforge.tools.datasets.results import PassResult
from novaforge.tools.results import ToolResult

FOLDER = "jobs"
KEPT = 100
_EVERY_S = 10.0


@dataclass(frozen=True)
class StoredJob:
    """A job as its file tells it; `alive` means that the process that runs it still does."""

    job_id: str
    tool: str
    arguments: JsonObject
    started_at: str
    alive: bool
    phase: str = ""
    progress: JsonObject = field(default_factory=JsonObject)
    result: JsonObject = field(default_factory=JsonObject)
    text: str = ""
    error: JsonObject = field(default_factory=JsonObject)

    def outcome(self, result: type[PassResult]) -> ToolResult:
        """Return the result that was kept, or one that says that the job runs elsewhere."""
        if self.result:
            return result.model_validate(self.result)
        return result.running(self.job_id, self.progress, waiting_step(self.tool, self.job_id))


class JobFile:
    """The file of one job, locked by its process until the job has ended."""

    def __init__(self, folder: Path, job: DataJob) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _prune(folder)
        path = _path(folder, job.job_id)
        path.unlink(missing_ok=True)
        self._journal = Journal.open(path)
        self._lock = threading.Lock()
        self._next = 0.0
        self._open = True
        started = job.started_at.isoformat(timespec="seconds")
        self._journal.note("begin", job_id=job.job_id, tool=job.tool, arguments=job.arguments, started_at=started)
        self.progress(job)

    def progress(self, job: DataJob) -> None:
        """Write how far the job is, every ten seconds at most."""
        with self._lock:
            if self._open and time.monotonic() >= self._next:
                self._next = time.monotonic() + _EVERY_S
                with suppress(OSError):
                    self._journal.note("progress", progress=job.progress())

    def end(self, job: DataJob) -> None:
        """Write how the job ended, with its whole result, and let go of the file."""
        with self._lock:
            self._open = False
            try:
                self._journal.note("end", **_ending(job))
            finally:
                self._journal.keep()


def _ending(job: DataJob) -> JsonObject:
    facts: JsonObject = {"phase": job.phase, "progress": job.progress()}
    if job.result is not None:
        facts |= {"result": job.result.model_dump(mode="json"), "text": job.result.text()}
    if job.error is not None:
        facts["error"] = error_data(job.error)
    return facts


def error_data(error: Exception) -> JsonObject:
    """Return an error as JSON; of a crash only its kind, since its text may hold rows."""
    if isinstance(error, NovaForgeError):
        data: JsonObject = json.loads(json.dumps(error.as_data(), default=str))
        return data
    message = f"It failed unexpectedly ({type(error).__name__})."
    return {"error": "crash", "message": message, "fix": "read the server's log on stderr"}


def stored_job(folder: Path, job_id: str) -> StoredJob | None:
    """Return what is kept of a job, if anything."""
    path = _path(folder, job_id)
    try:
        with path.open("rb") as file:
            alive = _locked(file.fileno())
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    facts: JsonObject = {}
    for line in lines:
        with suppress(ValueError):
            facts |= json.loads(line)
    facts.pop("step", None)
    try:
        return StoredJob(**facts, alive=alive)  # type: ignore[arg-type]  # JSON that this module wrote
    except TypeError:
        return None


def stored_jobs(folder: Path) -> Iterator[StoredJob]:
    """Yield every job that is kept, newest file first."""
    for path in _files(folder):
        if job := stored_job(folder, path.stem):
            yield job


def _path(folder: Path, job_id: str) -> Path:
    return folder / f"{Path(job_id).name}.jsonl"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("data-*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)


def _prune(folder: Path) -> None:
    for path in _files(folder)[KEPT:]:
        with path.open("rb") as file:
            if not _locked(file.fileno()):
                path.unlink(missing_ok=True)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False
