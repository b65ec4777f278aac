"""Local files and S3 objects behind one small interface that never overwrites."""

import hashlib
import io
import os
import re
import secrets
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

from novaforge.guards.errors import ConflictError, InputError, NotFoundError
from novaforge.guards.text import one_line
from novaforge.tools.aws.errors import broken_off, translate
from novaforge.tools.aws.listing import Item, local_items
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.uploads import PART_BYTES, Note, Upload, delete_if_ours, unnoted

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY


@dataclass(frozen=True)
class Stat:
    """Identity of a file or object; sha256 only for local files, etag and version_id only for S3."""

    uri: str
    bytes: int
    modified: datetime
    etag: str | None = None
    version_id: str | None = None
    sha256: str | None = None


class Sink(Protocol):
    """Somewhere bytes are written in order."""

    def write(self, data: bytes, /) -> int:
        """Write bytes and return how many."""
        ...


def is_s3(uri: str) -> bool:
    """Tell an s3:// URI from a local path."""
    return uri.startswith("s3://")


def split_s3(uri: str) -> tuple[str, str]:
    """Split an s3:// URI in bucket and key; raises InputError when there is no bucket or a control character."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    # A key with control characters cannot be listed: XML has no way to write them.
    if not is_s3(uri) or not bucket or _CONTROL.search(uri):
        raise InputError(f"{uri!r} is not an S3 URI.", field="uri", value=uri, fix="write s3://bucket/key")
    return bucket, key


class Storage:
    """Read and create local files under the allowed roots, and S3 objects."""

    def __init__(self, aws: Aws, roots: tuple[Path, ...]) -> None:
        self._aws = aws
        self._roots = tuple(root.resolve() for root in roots)

    @property
    def home(self) -> Path:
        """The folder where local files go when nothing else says where: the first allowed one."""
        return self._roots[0] if self._roots else Path()

    def local(self, path: str) -> Path:
        """Return the real path of a local file; raises InputError when it lies outside the allowed roots."""
        if _WEB.match(path):
            message = f"{one_line(path)} is a web address, which is not read."
            raise InputError(message, field="path", value=path, fix="download the file and give its path")
        try:
            resolved = Path(path).expanduser().resolve()
        except (ValueError, RuntimeError, OSError) as error:
            fix = "give a plain path"
            raise InputError(f"{one_line(path)} is not a path: {error}.", field="path", value=path, fix=fix) from error
        if not any(resolved.is_relative_to(root) for root in self._roots):
            allowed = f"use a path under {', '.join(map(str, self._roots))}, or " if self._roots else ""
            raise InputError(
                f"{path} is outside the folders this server may use.",
                field="path",
                value=path,
                fix=f"{allowed}start the server with --root FOLDER",
            )
        return resolved

    def stat(self, uri: str) -> Stat:
        """Return the identity of an existing file or object; raises InputError when it is missing."""
        return self._stat_s3(uri) if is_s3(uri) else self._stat_local(uri)

    def exists(self, uri: str) -> bool:
        """Tell whether a file or object is there."""
        if not is_s3(uri):
            return self.local(uri).exists()
        bucket, key = split_s3(uri)
        try:
            self._aws.call("s3", "head_object", Bucket=bucket, Key=key)
        except NotFoundError:
            return False
        return True

    @contextmanager
    def open(self, uri: str) -> Generator[BinaryIO]:
        """Open for streaming reads of bytes."""
        if not is_s3(uri):
            with self._open_local(uri) as file:
                yield file
            return
        bucket, key = split_s3(uri)
        self.stat(uri)
        body = self._aws.call("s3", "get_object", Bucket=bucket, Key=key)["Body"]
        with io.BufferedReader(_Raw(body), PART_BYTES) as stream:
            yield cast(BinaryIO, stream)

    def read(self, uri: str, limit: int = 64 * 1024 * 1024) -> bytes:
        """Read a whole small file or object; raises InputError above `limit` bytes."""
        size = self.stat(uri).bytes
        if size > limit:
            raise InputError(f"{uri} has {size} bytes, more than {limit}.", field="uri", value=uri)
        with self.open(uri) as stream:
            return stream.read()

    def list(self, prefix: str, limit: int = 1000) -> list[str]:
        """List the objects or files below a prefix or folder, sorted."""
        if not is_s3(prefix):
            root = self.local(prefix)
            return sorted(str(path) for path in root.rglob("*") if path.is_file())[:limit] if root.exists() else []
        bucket, key = split_s3(prefix)
        found: list[str] = []
        for item in self._aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=key):
            found.append(f"s3://{bucket}/{item['Key']}")
            if len(found) >= limit:
                break
        return found

    def items(self, prefix: str) -> Iterator[Item]:
        """Yield every object below an S3 prefix, or every file below a folder, each folder's in the order of names."""
        if not is_s3(prefix):
            yield from local_items(self.local(prefix))
            return
        bucket, key = split_s3(prefix)
        for found in self._aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=key):
            yield Item(f"s3://{bucket}/{found['Key']}", int(found["Size"]), str(found["ETag"]).strip('"'))

    def part(self, uri: str, start: int, length: int, etag: str) -> bytes:
        """Return `length` bytes of an S3 object from `start` on, of the state with this ETag only.

        Raises ConflictError when it has another one by now, AwsError when reading breaks off.
        """
        bucket, key = split_s3(uri)
        where = {"Bucket": bucket, "Key": key, "Range": f"bytes={start}-{start + length - 1}", "IfMatch": f'"{etag}"'}
        body = self._aws.call("s3", "get_object", **where)["Body"]
        try:
            data: bytes = body.read()
        except Exception as error:
            raise broken_off(error) from error
        if len(data) != length:
            raise broken_off(EOFError())
        return data

    @contextmanager
    def create(self, uri: str) -> Generator[Sink]:
        """Write a new file or object; it appears complete when the block ends well and not at all otherwise.

        Raises ConflictError when it exists already.
        """
        if self.exists(uri):
            raise ConflictError(
                f"{uri} exists already and is never overwritten.",
                operation="create",
                code="AlreadyExists",
                fix="choose a fresh path",
            )
        with self._create_s3(uri) if is_s3(uri) else self._create_local(uri) as sink:
            yield sink

    def upload(self, uri: str, token: str, note: Note = unnoted) -> Upload:
        """Begin an S3 object that shows itself only when it is published; `token` marks it as ours."""
        return Upload(self._aws, *split_s3(uri), token, note)

    def withdraw(self, uri: str, token: str) -> bool:
        """Delete the S3 object if it carries that token; tell whether there was such an object."""
        return delete_if_ours(self._aws, *split_s3(uri), token)

    def put(self, uri: str, data: bytes) -> None:
        """Create one object or file from bytes."""
        with self.create(uri) as sink:
            sink.write(data)

    def _existing(self, uri: str) -> Path:
        path = self.local(uri)
        if not path.is_file():
            raise InputError(f"There is no file {uri}.", field="uri", value=uri, fix="check the path")
        return path

    def _open_local(self, uri: str) -> io.BufferedReader:
        """Open folder by folder below the root: a link that took a place on the way since the check is not followed."""
        path = self._existing(uri)
        root = next(root if root.is_dir() else root.parent for root in self._roots if path.is_relative_to(root))
        folder = os.open(root, _FOLDER)
        try:
            for part in path.relative_to(root).parts[:-1]:
                outer, folder = folder, os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                os.close(outer)
            handle = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            raise InputError(f"{uri}: {reason}.", field="uri", value=uri, fix="check the path") from error
        finally:
            os.close(folder)
        return os.fdopen(handle, "rb")

    def _stat_local(self, uri: str) -> Stat:
        with self._open_local(uri) as file:
            info = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stat(uri, info.st_size, datetime.fromtimestamp(info.st_mtime, UTC), sha256=digest)

    def _stat_s3(self, uri: str) -> Stat:
        bucket, key = split_s3(uri)
        try:
            head = self._aws.call("s3", "head_object", Bucket=bucket, Key=key)
        except NotFoundError as error:
            fix = "check bucket, key and region; nothing is created by a read"
            raise InputError(f"There is no object {uri}.", field="uri", value=uri, fix=fix) from error
        version = head.get("VersionId")
        return Stat(
            uri,
            int(head["ContentLength"]),
            head["LastModified"].astimezone(UTC),
            etag=head["ETag"].strip('"'),
            version_id=version if version != "null" else None,
        )

    @contextmanager
    def _create_local(self, uri: str) -> Generator[IO[bytes]]:
        path = self.local(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _link(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    @contextmanager
    def _create_s3(self, uri: str) -> Generator[Sink]:
        upload = self.upload(uri, secrets.token_hex(16))
        try:
            yield upload
            upload.seal()
            upload.publish()
        except BaseException as error:
            upload.withdraw()
            raise translate(error, "s3:PutObject") from error


def _link(temporary: str, path: Path) -> None:
    """Give a finished file its name without replacing one that appeared meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise ConflictError(
            f"{path} exists already and is never overwritten.",
            operation="create",
            code="AlreadyExists",
            fix="choose a fresh path",
        ) from error


class _Raw(io.RawIOBase):
    """A botocore body as a raw stream, so that it can be buffered and read by line."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
