"""The audit log on disk: one line at a time, one writer at a time, synced before it counts."""

import fcntl
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from novaforge.guards.audit import (
    GENESIS,
    OPENED,
    TORN,
    Entry,
    Head,
    Verdict,
    next_entry,
    read_entry,
    torn_detail,
    verify_lines,
)
from novaforge.guards.text import clean
from novaforge.guards.values import Clock, JsonObject

_BLOCK = 64 * 1024
_SELF = "novaforge-mcp"


class FileAudit:
    """Appends to a hash-chained file of JSON lines; safe to share between threads and processes."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = path
        self._clock = clock or _now

    def write(self, event: str, *, actor: str, plan_digest: str = "", detail: JsonObject | None = None) -> str:
        """Append one event, sync it to disk and return the new head hash.

        A line an earlier writer could not finish stays where it is and is recorded by an event of its own.
        """
        with _locked(self.path, self._clock) as (file, head):
            entry = next_entry(
                head, at=self._clock(), actor=clean(actor, 200), event=event, plan_digest=plan_digest, detail=detail
            )
            _append(file, entry.line().encode() + b"\n")
        return entry.hash

    def head(self) -> str:
        """Return the hash of the last line; 64 zeros for an empty log."""
        if not self.path.exists():
            return GENESIS
        with self.path.open("rb") as stream:
            entry, _ = _last(stream.fileno())
        return _head(entry).hash


def verify(path: Path) -> Verdict:
    """Check a log from its first line; a log that does not exist yet is intact and empty."""
    if not path.exists():
        return verify_lines(())
    with path.open("rb") as file:
        return verify_lines(file)


def tail(path: Path, count: int) -> list[dict[str, Any]]:
    """Return the last entries of a log as they stand there, oldest first; bytes that are no entry are left out."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        entries = [entry for line in _lines_from_end(file.fileno(), count) if (entry := read_entry(line))]
    return [entry.model_dump(mode="json") for entry in entries]


@contextmanager
def _locked(path: Path, clock: Clock) -> Generator[tuple[int, Head]]:
    """Open the log for one writer, its first line and any repair written, and give the head to continue."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file, _prepare(file, path, clock)
    finally:
        os.close(file)  # closing gives the lock back


def _prepare(file: int, path: Path, clock: Clock) -> Head:
    entry, fragment = _last(file)
    last = entry
    if fragment:
        last = _settle_fragment(file, _head(entry), fragment, clock)
    if entry is None and (last is None or last.event != OPENED):
        detail: JsonObject = {"host": socket.gethostname(), "version": _version()}
        last = next_entry(_head(last), at=clock(), actor=_SELF, event=OPENED, detail=detail)
        _append(file, last.line().encode() + b"\n")
        _sync_folder(path.parent)
    return _head(last)


def _head(entry: Entry | None) -> Head:
    return Head(seq=entry.seq, hash=entry.hash) if entry else Head()


def _settle_fragment(file: int, head: Head, fragment: bytes, clock: Clock) -> Entry:
    """Bind what an interrupted write left: a whole entry only lacks its newline, anything else is accounted for."""
    whole = read_entry(fragment)
    if whole and whole.sealed() and whole.prev == head.hash and whole.seq == head.seq + 1:
        _append(file, b"\n")
        return whole
    newline = b"" if fragment.endswith(b"\n") else b"\n"
    entry = next_entry(head, at=clock(), actor=_SELF, event=TORN, detail=torn_detail(fragment + newline))
    _append(file, newline + entry.line().encode() + b"\n")
    return entry


def _last(file: int) -> tuple[Entry | None, bytes]:
    """Return the last entry that ends in a newline, and the bytes behind it."""
    size = os.fstat(file).st_size
    wanted = _BLOCK
    while True:
        start = max(0, size - wanted)
        entry, fragment = _last_in(os.pread(file, size - start, start), whole=start == 0)
        if entry is not None or start == 0:
            return entry, fragment
        wanted *= 8


def _last_in(data: bytes, *, whole: bool) -> tuple[Entry | None, bytes]:
    """Look from the end; the first piece of a part of the file is not a whole line and does not count."""
    end = data.rfind(b"\n") + 1
    while end > 0:
        start = data.rfind(b"\n", 0, end - 1) + 1
        if start == 0 and not whole:
            break
        if entry := read_entry(data[start:end]):
            return entry, data[end:]
        end = start
    return None, data


def _lines_from_end(file: int, count: int) -> list[bytes]:
    size = os.fstat(file).st_size
    wanted = _BLOCK
    while True:
        start = max(0, size - wanted)
        lines = os.pread(file, size - start, start).splitlines(keepends=True)
        if start == 0 or len(lines) > count:
            return lines[-count:]
        wanted *= 4


def _append(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    """Make the file's name last, not only its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _version() -> str:
    try:
        return version(_SELF)
    except PackageNotFoundError:
        return "0+source"


def _now() -> datetime:
    return datetime.now(UTC)
