"""Have a file read by a process of its own, and turn whatever becomes of that process into rows or an error that says so."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading import apart_process
from novaforge.tools.datasets.reading.apart_frames import (
    BATCH,
    DATA,
    DONE,
    FAILED,
    MOST_READ,
    NOTE,
    OPEN,
    PIECE,
    RANGE,
    READ,
    as_json,
)
from novaforge.tools.datasets.reading.apart_process import GoneError, Process, QuietError
from novaforge.tools.datasets.reading.opened import OpenedFile


class Task(NamedTuple):
    """What is to be done with a file: `memory` in bytes; `damaged` and `fix` are the words for when it cannot be."""

    name: str
    memory: int
    damaged: str
    fix: str
    options: dict[str, Any]


class Apart:
    """One file that another process reads: iterated over, it gives the lines of rows, batch by batch.

    `found` is what the task returns, once all rows were given. Raises InputError for a file the process cannot read, dies of
    or gets lost in, RefusedError for one it must not read, CancelledError when nobody wants the rows any more.
    """

    def __init__(self, opened: OpenedFile, task: Task) -> None:
        self._opened = opened
        self._task = task
        self._handle = opened.handle()
        self._process: Process | None = apart_process.take(opened.refuse_cancelled)
        opened.on_close(self.close)
        self._messages = self._receive()
        self.found: dict[str, Any] = {}

    def note(self) -> Any:
        """Return what the task says before the first row."""
        kind, content = next(self._messages)
        if kind != NOTE:
            raise self._failed("")
        return json.loads(content)

    def __iter__(self) -> Iterator[bytes]:
        rows = 0
        for kind, content in self._messages:
            if kind == DONE:
                self.found = json.loads(content)
                if self.found["rows"] != rows:
                    raise self._failed(f": {self.found['rows']} rows were announced and {rows} came")
                return
            count, share = PIECE.unpack_from(content)
            data = bytes(memoryview(content)[PIECE.size :])
            if kind != BATCH or data.count(b"\n") != count:
                raise self._failed("")
            self._opened.progress(share)
            rows += count
            yield data

    def close(self) -> None:
        """End the process unless it has done all it had to."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _receive(self) -> Iterator[tuple[bytes, bytearray]]:
        process, look = self._process, self._opened.refuse_cancelled
        assert process is not None
        try:
            self._open(process)
            while True:
                kind, content = process.receive(look)
                if kind == READ:
                    process.send(DATA, look, self._part(content))
                elif kind == FAILED:
                    said = json.loads(content)
                    if said.get("usual"):
                        self._keep(process)
                    raise self._error(said)
                else:
                    if kind == DONE:
                        self._keep(process)
                    yield kind, content
        except GoneError as error:
            raise self._failed(f"; the process that read it {process.how_it_ended()}") from error
        except QuietError as error:
            seconds = f"{apart_process.QUIET_S:g}"
            raise self._failed(f"; the process that read it gave no sign for {seconds} s") from error
        finally:
            self.close()

    def _keep(self, process: Process) -> None:
        self._process = None
        apart_process.keep(process)

    def _open(self, process: Process) -> None:
        task, file = self._task, self._opened
        request = {
            **task.options, "task": task.name, "memory": task.memory, "damaged": task.damaged, "uri": file.uri,
            "size": file.file.bytes, "block_bytes": file.block_bytes,
        }  # fmt: skip
        process.send(OPEN, file.refuse_cancelled, as_json(request), self._handle)

    def _part(self, content: bytearray) -> bytes:
        start, length = RANGE.unpack(content)
        if length > MOST_READ or self._handle is not None:
            raise GoneError
        return self._opened.part(start, length)

    def _error(self, said: dict[str, Any]) -> InputError | RefusedError:
        message, fix = one_line(said["message"], 4000), one_line(said.get("fix", ""), 1000) or self._task.fix
        if said.get("rule"):
            return RefusedError(message, rule=one_line(said["rule"], 60), fix=fix)
        return InputError(message, field="source", value=self._opened.uri, fix=fix)

    def _failed(self, what: str) -> InputError:
        message = f"{self._opened.uri} {self._task.damaged}{what}."
        return InputError(message, field="source", value=self._opened.uri, fix=self._task.fix)
