"""Write the files of one transform together: all of them appear complete, or none does."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

from pydantic import JsonValue

from novaforge.guards.errors import CancelledError, InputError, NovaForgeError
from novaforge.tools.aws.storage import Sink, Storage, is_s3, split_s3
from novaforge.tools.context import ToolContext, never
from novaforge.tools.datasets.output.journal import Journal
from novaforge.tools.datasets.output.places import Checkpoint, LocalPlace, Place, S3Place, taken_error
from novaforge.tools.datasets.output.recovery import recover
from novaforge.tools.datasets.output.target import check_target

__all__ = ["POINTS", "OutputFile", "Outputs", "check_target"]

_BUFFER_BYTES = 256 * 1024
_PROPOSALS = 1000

POINTS = (
    "publish:begun", "publish:staged", "publish:created", "publish:sealed", "publish:before_rename",
    "publish:after_rename", "publish:before_object", "publish:after_objects", "publish:done",
    "journal:staging", "journal:upload", "journal:uploading", "journal:object", "journal:sealed",
)  # fmt: skip
"""Names of the checkpoints: a process may die at each, and then nothing half-written is seen."""


class OutputFile:
    """One file being written, `name` below the target: counts rows and bytes and hashes what it writes."""

    def __init__(self, role: str, name: str, uri: str, sink: Sink) -> None:
        self.role = role
        self.name = name
        self.uri = uri
        self.rows = 0
        self.bytes = 0
        self.sink = sink
        self._hash = hashlib.sha256()
        self._parts: list[bytes] = []
        self._pending = 0

    def write(self, data: bytes, rows: int = 1) -> None:
        """Append whole rows, line feeds included; `rows` says how many they are."""
        self._parts.append(data)
        self.rows += rows
        self._pending += len(data)
        if self._pending > _BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what is buffered to the storage."""
        data = b"".join(self._parts)
        self._parts.clear()
        self._pending = 0
        self.sink.write(data)
        self._hash.update(data)
        self.bytes += len(data)

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of what was flushed."""
        return self._hash.hexdigest()


class Outputs:
    """The files of one call below one folder or prefix; used as a context manager, published by `commit`."""

    def __init__(
        self,
        storage: Storage,
        target: str,
        *,
        journal: Journal | None = None,
        checkpoint: Checkpoint = lambda name: None,
        cancelled: Callable[[], bool] = never,
        token: str = "",
    ) -> None:
        self.token = token or secrets.token_hex(16)
        self._target = target
        self._journal = journal
        self._checkpoint = checkpoint
        self._cancelled = cancelled
        self._storage = storage
        self._place = self._make_place()
        self._open: list[OutputFile] = []
        self._names: set[str] = set()
        self._expected: list[str] = []
        self._published = False

    @classmethod
    def of(cls, ctx: ToolContext, target: str) -> Self:
        """Return the outputs of a call, with a journal where the server keeps one; cleans up after killed processes."""
        token = secrets.token_hex(16)
        journal = None
        if ctx.work_dir is not None:
            recover(ctx, remote=is_s3(target))
            journal = Journal.begin(ctx.work_dir, token, target=target, at=ctx.clock().isoformat())
        ctx.checkpoint("publish:begun")
        return cls(
            ctx.storage, target, journal=journal, checkpoint=ctx.checkpoint, cancelled=ctx.cancelled, token=token
        )

    def uri(self, name: str) -> str:
        """Return where a file of that name goes."""
        return self._place.uri(name)

    def refuse_existing(self, names: Iterable[str] = ()) -> None:
        """Raise ConflictError, with a fresh path to use instead, when the target holds anything."""
        if found := self._place.taken():
            raise taken_error(self._target, found, f"give a fresh target, such as {self._fresh()}")

    def create(self, role: str, name: str) -> OutputFile:
        """Begin a file; it is not visible before `commit`. Raises InputError for a name that was used or leads out."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name or name in self._names:
            raise InputError(f"{name!r} cannot be a file below the target.", field="name", value=name)
        self._names.add(name)
        file = OutputFile(role, name, self.uri(name), self._place.create(name))
        self._open.append(file)
        self._checkpoint("publish:created")
        return file

    def add_media(self, name: str, chunks: Iterable[bytes]) -> OutputFile:
        """Write one media object at once, keeping no memory or open file for it; it becomes visible with the rest."""
        file = self.create("media", name)
        for chunk in chunks:
            file.write(chunk, 0)
        file.flush()
        self._place.seal(file.sink, hold=False)
        return file

    def expect(self, uri: str) -> None:
        """Say that an object marked with this publication's token is about to be made by other means.

        Whatever of it exists is deleted when the publication fails. Threads may call it.
        """
        bucket, key = split_s3(uri)
        self._note("object", bucket=bucket, key=key)
        self._expected.append(uri)

    def commit(self) -> None:
        """Publish the files, the one created last as the last; a failure leaves none of them.

        Raises CancelledError when the call was cancelled before anything was visible.
        """
        for file in self._open:
            file.flush()
            self._place.seal(file.sink, hold=True)
        self._note("sealed", last=self._open[-1].uri if self._open else "")
        self._checkpoint("publish:sealed")
        if self._cancelled():
            raise CancelledError(
                "The call was cancelled; nothing was written.", fix="call again if it is wanted after all"
            )
        self._place.publish()
        self._published = True
        if self._journal is not None:
            self._journal.close()
        self._checkpoint("publish:done")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._published:
            return
        left = [*self._place.discard(), *self._withdraw_expected()]
        if self._journal is not None:
            self._journal.keep() if left else self._journal.close()
        if left and isinstance(error, NovaForgeError):
            error.data["left_behind"] = left
            error.message += f" These could not be removed again: {', '.join(left)}."

    def _make_place(self) -> Place:
        if is_s3(self._target):
            return S3Place(self._storage, self._target, self.token, self._note, self._checkpoint)
        return LocalPlace(self._storage.local(self._target), self.token, self._note, self._checkpoint)

    def _note(self, step: str, **facts: JsonValue) -> None:
        if self._journal is not None:
            self._journal.note(step, **facts)
        self._checkpoint(f"journal:{step}")

    def _withdraw_expected(self) -> list[str]:
        left = []
        for uri in self._expected:
            try:
                self._storage.withdraw(uri, self.token)
            except NovaForgeError:
                left.append(uri)
        return left

    def _fresh(self) -> str:
        """Return a name like the target's that is not in use."""
        base = self._target.rstrip("/")
        for number in range(2, _PROPOSALS):
            path = f"{base}-{number}"
            used = self._storage.list(f"{path}/", 1) if is_s3(path) else self._storage.local(path).exists()
            if not used:
                return path
        return f"{base}-{self.token[:8]}"
