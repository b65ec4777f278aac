"""Work that workers of a test import: it does to each batch what its name says."""

import hashlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.reading.batch import Batch, TornBatchError
from novaforge.tools.datasets.rows import Line, Reject


@dataclass(frozen=True)
class Task:
    """Counts, refuses, breaks, tears or dies."""

    what: str = "count"

    def start(self) -> "Task":
        return self

    def run(self, batch: Batch) -> Any:
        if self.what == "die" and b"text 5000" in batch.data:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "refuse" and b"text 5000" in batch.data:
            raise InputError("No.", field="x", value=1, fix="y")
        if self.what == "break" and b"text 5000" in batch.data:
            raise ValueError(batch.data.decode())
        if self.what == "tear" and b"text 5000" in batch.data:
            raise TornBatchError
        hashlib.pbkdf2_hmac("sha256", batch.data[:9], b"x", 2000)
        return (os.getpid(), [batch.data], 0)

    def run_lines(self, file: int, lines: Iterable[Line], rejects: list[Reject]) -> Any:
        return (os.getpid(), [line.raw + b"\n" for line in lines], len(rejects))
