"""Write the files of one transform together: all of them appear complete, or none does."""

import hashlib
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from novaforge.guards.errors import ConflictError, InputError, NovaForgeError, RefusedError
from novaforge.tools.aws.storage import Sink, Storage, is_s3, split_s3
from novaforge.tools.context import ToolContext

_BUFFER_BYTES = 256 * 1024


class OutputFile:
    """One file being written, `name` below the target: counts rows and bytes and hashes what it writes."""

    def __init__(self, role: str, name: str, uri: str, entry: AbstractContextManager[Sink]) -> None:
        self.role = role
        self.name = name
        self.uri = uri
        self.rows = 0
        self.bytes = 0
        self.entry = entry
        self._hash = hashlib.sha256()
        self._sink = entry.__enter__()
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
        self._sink.write(data)
        self._hash.update(data)
        self.bytes += len(data)
        self._parts.clear()
        self._pending = 0

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of what was flushed."""
        return self._hash.hexdigest()


class Outputs:
    """The files of one call below one folder or prefix; used as a context manager, published by `commit`."""

    def __init__(self, storage: Storage, target: str) -> None:
        self._storage = storage
        self._target = target
        self._open: list[OutputFile] = []
        self._published: list[OutputFile] = []
        self._new_folders: list[Path] = []

    def uri(self, name: str) -> str:
        """Return where a file of that name goes."""
        return (
            f"{self._target.rstrip('/')}/{name}"
            if is_s3(self._target)
            else str(self._storage.local(self._target) / name)
        )

    def refuse_existing(self, names: list[str]) -> None:
        """Raise ConflictError when one of the files is there already."""
        for name in names:
            if self._storage.exists(self.uri(name)):
                raise ConflictError(
                    f"{self.uri(name)} exists already and is never overwritten.",
                    operation="create",
                    code="AlreadyExists",
                    fix="give a fresh target",
                )

    def create(self, role: str, name: str) -> OutputFile:
        """Begin a file; it is not visible before `commit`."""
        uri = self.uri(name)
        if not is_s3(uri):
            self._new_folders += [folder for folder in Path(uri).parents if not folder.exists()]
        file = OutputFile(role, name, uri, self._storage.create(uri))
        self._open.append(file)
        return file

    def commit(self) -> None:
        """Publish the files in the order they were begun; a failure removes the ones published before it."""
        for file in list(self._open):
            file.flush()
        while self._open:
            file = self._open[0]
            file.entry.__exit__(None, None, None)
            self._published.append(self._open.pop(0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and not self._open:
            return
        failure = error or RuntimeError("not committed")
        for file in self._open:
            with suppress(Exception):
                file.entry.__exit__(type(failure), failure, trace)
        left = [file.uri for file in self._published if not self._discard(file)]
        for folder in sorted(self._new_folders, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()
        if left and isinstance(error, NovaForgeError):
            error.data["left_behind"] = left
            error.message += f" These files could not be removed again: {', '.join(left)}."

    def _discard(self, file: OutputFile) -> bool:
        try:
            self._storage.discard(file.uri)
        except (NovaForgeError, OSError):
            return False
        return True


def check_target(ctx: ToolContext, target: str) -> None:
    """Raise when the target may not be written: outside the roots or the policy's prefixes, or AWS is read-only."""
    if not target.strip() or target.strip() != target:
        raise InputError(
            "target is blank or has blanks around it.", field="target", value=target, fix="give a folder or prefix"
        )
    if not is_s3(target):
        if ctx.storage.local(target).is_file():
            raise InputError(f"{target} is a file.", field="target", value=target, fix="give a folder")
        prefixes = [str(ctx.storage.local(prefix)) for prefix in ctx.policy.write_prefixes if not is_s3(prefix)]
        _refuse_outside(str(ctx.storage.local(target)), prefixes, target)
        return
    bucket, _ = split_s3(target)
    if not ctx.mode.writes_allowed:
        raise RefusedError(
            f"{target} is in S3 and this server does not write to AWS.",
            rule="read-only",
            fix="give a local target, or start the server with --allow-write",
        )
    if ctx.policy.buckets and bucket not in ctx.policy.buckets:
        allowed = ", ".join(ctx.policy.buckets)
        raise RefusedError(
            f"The policy does not allow bucket {bucket}.", rule="POL-bucket", fix=f"use one of: {allowed}"
        )
    _refuse_outside(target, [prefix for prefix in ctx.policy.write_prefixes if is_s3(prefix)], target)
    if ctx.policy.write_prefixes and not any(is_s3(prefix) for prefix in ctx.policy.write_prefixes):
        raise RefusedError(
            f"The policy does not allow writing to {target}.", rule="POL-prefix", fix="give a local target"
        )


def _refuse_outside(target: str, prefixes: list[str], shown: str) -> None:
    inside = any(f"{target.rstrip('/')}/".startswith(f"{prefix.rstrip('/')}/") for prefix in prefixes)
    if prefixes and not inside:
        raise RefusedError(
            f"The policy does not allow writing to {shown}.",
            rule="POL-prefix",
            fix=f"write below one of: {', '.join(prefixes)}",
        )
