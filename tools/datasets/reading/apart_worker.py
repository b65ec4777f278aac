"""The process that reads files others wrote, one after the other, for a parent that must not end with it.

The libraries behind these formats trust numbers they find in a file: a damaged one can end the process, or ask for hundreds of
gigabytes. Here that costs one file, not the server. It gets a handle of a file here, or asks its parent for ranges of an
object in S3, and has neither keys nor anything else to say to anybody.
"""

import io
import json
import os
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, cast

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.reading.apart_frames import (
    BATCH,
    DATA,
    DONE,
    FAILED,
    MOST_READ,
    NOTE,
    OPEN,
    PIECE,
    PING,
    RANGE,
    READ,
    READY,
    as_json,
    receive,
    send,
)

IDLE_S = 120.0
"""How long it waits for the next file before it ends itself."""
MOST_SECONDS = 600
"""Processor time for one batch."""
_KEPT_BYTES = 768 * 1024 * 1024
"""A process that has grown beyond this does not wait for another file; with its libraries it takes about half."""


class Parent:
    """The other side: told what was found in a file, and asked for ranges of one that lies elsewhere."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self.rows = 0

    def note(self, value: Any) -> None:
        """Say what was found out before the first row."""
        self._send(NOTE, as_json(value))

    def batch(self, data: bytes, share: float) -> None:
        """Hand over lines of rows; `share` is how much of the file is done, from 0 to 1."""
        rows = data.count(b"\n")
        self.rows += rows
        _limit_time()
        self._send(BATCH, data, PIECE.pack(rows, share))

    def part(self, start: int, length: int) -> bytes:
        """Return a range of the file."""
        self._send(READ, RANGE.pack(start, length))
        try:
            kind, content, _ = receive(self._link)
        except (EOFError, OSError) as error:
            raise SystemExit from error
        if kind != DATA or len(content) > length:
            raise SystemExit
        return content

    def done(self, kind: bytes, value: dict[str, Any]) -> None:
        """Say that the file is read, or cannot be."""
        self._send(kind, as_json(value))

    def _send(self, kind: bytes, content: bytes, front: bytes = b"") -> None:
        try:
            send(self._link, kind, content, front)
        except OSError as error:
            # Not an error of the file's: there is nobody left to tell.
            raise SystemExit from error


class Remote(io.RawIOBase):
    """A file whose parent is asked for ranges of it."""

    def __init__(self, parent: Parent, size: int) -> None:
        super().__init__()
        self._parent = parent
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read at any place."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a place counted from the beginning, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as there are bytes."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while length := min(len(view) - filled, self._size - self._place, MOST_READ):
            if length < 0:
                break
            part = self._parent.part(self._place, length)
            view[filled : filled + len(part)] = part
            filled += len(part)
            self._place += len(part)
            if len(part) < length:
                break
        return filled


def main() -> None:
    """Read one file after the other until the parent is gone or has none for a while."""
    # Ctrl-C in a terminal reaches every process of the group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A memory image on the disk would hold the rows.
    _limit(resource.RLIMIT_CORE, 0)
    # Arrow's own allocator reserves gigabytes of addresses at once, which is what is limited here.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    link = socket.socket(fileno=os.dup(0))
    try:
        while _taken() < _KEPT_BYTES:
            link.settimeout(IDLE_S)
            kind, content, handles = receive(link)
            link.settimeout(None)
            if kind == PING:
                send(link, READY)
            elif kind == OPEN:
                _read(Parent(link), json.loads(content), handles)
            else:
                return
    except (EOFError, OSError):
        return


def _read(parent: Parent, request: dict[str, Any], handles: list[int]) -> None:
    _limit(resource.RLIMIT_AS, _taken() + request["memory"])
    _limit_time()
    try:
        with _file(parent, request, handles) as file:
            found = _task(request["task"])(file, request, parent)
    except Exception as error:  # noqa: BLE001 - carried to the parent and raised there
        parent.done(FAILED, _failure(error, request))
    else:
        parent.done(DONE, {**found, "rows": parent.rows})


def _file(parent: Parent, request: dict[str, Any], handles: list[int]) -> BinaryIO:
    return open(handles[0], "rb") if handles else cast(BinaryIO, Remote(parent, request["size"]))


def _task(name: str) -> Callable[[BinaryIO, dict[str, Any], Parent], dict[str, Any]]:
    if name == "sheet":
        from novaforge.tools.datasets.reading.sheet_worker import read_sheet

        return read_sheet
    from novaforge.tools.datasets.reading.columnar_worker import read_columnar

    return read_columnar


def _failure(error: Exception, request: dict[str, Any]) -> dict[str, Any]:
    """Return an error for the parent; `usual` says that this process is as good as before."""
    if isinstance(error, NovaForgeError):
        return {"message": error.message, "fix": error.fix, "rule": str(error.data.get("rule", "")), "usual": True}
    if isinstance(error, MemoryError):
        most = request["memory"] // 1024**2
        return {"message": f"{request['uri']} asks for more than the {most} MB of memory that reading it may take."}
    usual = isinstance(error, ValueError | OSError)
    return {"message": f"{request['uri']} {request['damaged']}: {type(error).__name__}.", "usual": usual}


def _limit(kind: int, most: int) -> None:
    """Set a limit that can be set again."""
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _taken() -> int:
    """Return how many bytes of addresses this process takes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + MOST_SECONDS)


if __name__ == "__main__":
    main()
