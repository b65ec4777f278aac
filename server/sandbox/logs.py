"""CloudWatch log streams written by the sandbox itself."""

import contextlib
import queue
import threading
import time
from types import TracebackType
from typing import Any, Self

from novaforge.server.sandbox.inner import Moto

BATCH_LINES = 500
EVENT_CHARACTERS = 256_000


class LogStream:
    """A log stream that takes lines as they come and delivers them in batches from a thread of its own."""

    def __init__(self, moto: Moto, group: str, stream: str) -> None:
        self._client: Any = moto.client("logs")
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._last_ms = 0
        self._lines: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._deliver, name=f"log {stream}", daemon=True)

    def __enter__(self) -> Self:
        exists = self._client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._client.create_log_group(logGroupName=self._where["logGroupName"])
        with contextlib.suppress(exists):
            self._client.create_log_stream(**self._where)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.put(None)
        self._thread.join()

    def write(self, line: str) -> None:
        """Add one event with the time of now; an empty line is no event, as in CloudWatch."""
        if line.strip():
            self._last_ms = max(self._last_ms, int(time.time() * 1000))  # a clock set back must not reorder lines
            self._lines.put((self._last_ms, line[:EVENT_CHARACTERS]))

    def _deliver(self) -> None:
        open_ = True
        while open_:
            batch = [self._lines.get()]
            while len(batch) < BATCH_LINES and not self._lines.empty():
                batch.append(self._lines.get())
            events = [{"timestamp": item[0], "message": item[1]} for item in batch if item is not None]
            open_ = None not in batch
            if events:
                self._client.put_log_events(**self._where, logEvents=events)
