"""What an unfinished publication has begun, kept so that a later process can take it back when this one is killed."""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from pydantic import JsonValue

from novaforge.guards.values import JsonObject

FOLDER = "journals"
SCHEMA = "novaforge.journal/1"


class Journal:
    """One publication's file of JSON lines, each on the disk before the step it names is taken.

    The process holds a lock on the file for as long as it lives: a file that can be locked belongs to nobody any more.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file
        self._lock = threading.Lock()

    @classmethod
    def begin(cls, work_dir: Path, token: str, **facts: JsonValue) -> Self:
        """Create a journal; raises OSError when the folder cannot be written."""
        journal = cls.open(work_dir / FOLDER / f"{token}.jsonl")
        try:
            journal.note("begin", schema=SCHEMA, pid=os.getpid(), token=token, **facts)
            sync_folder(journal.path.parent)
        except BaseException:
            journal.close()
            raise
        return journal

    @classmethod
    def open(cls, path: Path) -> Self:
        """Create a file and lock it; raises OSError when it exists or cannot be written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = path.open("xb", buffering=0)
            fcntl.flock(file, fcntl.LOCK_EX)
            # Between the two lines above somebody may have taken the unlocked file for a dead process's.
            if path.exists():
                return cls(path, file)
            file.close()

    def note(self, step: str, **facts: JsonValue) -> None:
        """Write one step and wait until it is on the disk."""
        line = json.dumps({"step": step, **facts}).encode() + b"\n"
        with self._lock:
            write_all(self._file, line)
            os.fsync(self._file.fileno())

    def keep(self) -> None:
        """Let go of the file and leave it for a later recovery."""
        self._file.close()

    def close(self) -> None:
        """Forget the publication: nothing of it is left to take back."""
        self.path.unlink(missing_ok=True)
        self._file.close()


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write every byte to an unbuffered file; raises OSError when the disk is full."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def abandoned(work_dir: Path) -> Iterator[tuple[Path, list[JsonObject]]]:
    """Yield the journals whose process has ended, each locked until the next is asked for."""
    for path in sorted((work_dir / FOLDER).glob("*.jsonl")):
        with suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                yield path, list(_steps(file.read()))


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can say so."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _steps(data: bytes) -> Iterator[JsonObject]:
    """Yield the complete lines; the last one may be torn, and then its step was not taken."""
    for line in data.split(b"\n")[:-1]:
        try:
            step = json.loads(line)
        except ValueError:
            return
        if isinstance(step, dict):
            yield step
