"""One file while it is read: its bytes counted and hashed, unpacked, and as UTF-8."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO, Protocol

from novaforge.guards.errors import AwsError, InputError, NovaForgeError
from novaforge.tools.aws.errors import translate
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading.batch import block_bytes
from novaforge.tools.datasets.reading.encoding import Utf8
from novaforge.tools.datasets.reading.files import SourceFile


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        ...


class Tap:
    """A stream whose bytes are counted and hashed as they pass."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.bytes_read = 0

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of the bytes read so far."""
        return self._hash.hexdigest()

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        data = self._stream.read(size)
        self._hash.update(data)
        self.bytes_read += len(data)
        return data

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield what is left in blocks of `size` bytes."""
        while data := self.read(size):
            yield data


class OpenedFile:
    """A file that is open for one pass; `blocks` is its text as UTF-8 and `head` the first of them."""

    def __init__(self, file: SourceFile, tap: Tap, block: int = 0) -> None:
        self.file = file
        self.tap = tap
        self.text = Utf8(tap.blocks(block or block_bytes(file.bytes)))
        blocks = iter(self.text)
        self.head = next(blocks, b"")
        self.blocks: Iterator[bytes] = chain([self.head], blocks)

    @property
    def uri(self) -> str:
        """Where the file is."""
        return self.file.uri


@contextmanager
def open_file(ctx: ToolContext, file: SourceFile, argument: str) -> Generator[OpenedFile]:
    """Open a file for one pass; raises InputError when it cannot be read."""
    try:
        opened = ctx.storage.open(file.uri)
        stream = opened.__enter__()
    except OSError as error:
        message = f"{file.uri} cannot be read: {error.strerror}."
        raise InputError(message, field=argument, value=file.uri, fix="check the file's permissions") from error
    try:
        yield OpenedFile(file, Tap(_Guarded(stream) if is_s3(file.uri) else stream))
    finally:
        opened.__exit__(None, None, None)


class _Guarded:
    """An S3 body whose network failures become the project's errors."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except NovaForgeError:
            raise
        except Exception as error:
            known = translate(error, "s3:GetObject")
            if known is error:
                message = f"Reading from S3 broke off: {type(error).__name__}."
                known = AwsError(message, operation="s3:GetObject", code=type(error).__name__, fix="call again")
            raise known from error
