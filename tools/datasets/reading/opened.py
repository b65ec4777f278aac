"""One file while it is read: its bytes counted and hashed, unpacked, and as UTF-8."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import chain
from typing import BinaryIO, Protocol

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.cancelled import refuse_cancelled
from novaforge.tools.datasets.reading.batch import block_bytes
from novaforge.tools.datasets.reading.encoding import Utf8
from novaforge.tools.datasets.reading.files import SourceFile
from novaforge.tools.datasets.reading.names import suffix_of
from novaforge.tools.datasets.reading.s3_parts import S3Stream, fetch
from novaforge.tools.datasets.reading.unpack import compression_of, unpack

_MAGIC_BYTES = 4096


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
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
        """Return up to `size` bytes, none at the end."""
        data = self._stream.read(size)
        self._hash.update(data)
        self.bytes_read += len(data)
        return data

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield what is left in blocks of up to `size` bytes."""
        while data := self.read(size):
            yield data


class OpenedFile:
    """A file that is open for one pass, as text or, for formats with an index, at any place."""

    def __init__(self, file: SourceFile, tap: Tap, block: int = 0, ctx: ToolContext | None = None) -> None:
        self.file = file
        self.tap = tap
        self.block_bytes = block or block_bytes(file.bytes)
        raw = tap.read(block or max(self.block_bytes, _MAGIC_BYTES))
        self.compression = compression_of(raw)
        blocks: Iterator[bytes] = chain([raw], tap.blocks(self.block_bytes))
        if self.compression:
            # It unpacks to several times its size.
            self.block_bytes = block or block_bytes(4 * file.bytes)
            blocks = unpack(self.compression, raw, tap, file.uri, self.block_bytes)
        first = next(blocks, b"")
        self.magic = first[:_MAGIC_BYTES]
        """The first bytes, unpacked and in the file's own encoding."""
        self._raw = chain([first], blocks)
        self._ctx = ctx
        self._stack = ExitStack()
        self._share: float | None = None

    @property
    def uri(self) -> str:
        """Where the file is."""
        return self.file.uri

    @property
    def suffix(self) -> str:
        """The suffix that tells its format."""
        return suffix_of(self.file.uri)

    @cached_property
    def text(self) -> Utf8:
        """Its text, to be read through `blocks`."""
        return Utf8(self._raw)

    @cached_property
    def head(self) -> bytes:
        """The first block of its text as UTF-8."""
        return self._peeked[0]

    @cached_property
    def blocks(self) -> Iterator[bytes]:
        """Its text as UTF-8, block by block."""
        return chain([self._peeked[0]], self._peeked[1])

    @cached_property
    def _peeked(self) -> tuple[bytes, Iterator[bytes]]:
        blocks = iter(self.text)
        return next(blocks, b""), blocks

    @property
    def bytes_read(self) -> int:
        """How much of the file was read."""
        return self.tap.bytes_read if self._share is None else int(self._share * self.file.bytes)

    def progress(self, share: float) -> None:
        """Say how much of a file that is not read from its beginning to its end is done, from 0 to 1."""
        self._share = share

    def handle(self) -> int | None:
        """Return the number of a handle for reading at any place, None for an object, whose parts are asked for.

        Raises RefusedError for a packed file.
        """
        if self.compression:
            message = f"{self.uri} is packed with {self.compression}; this format is read from its end."
            fix = "unpack it first; such files are compressed inside as they are"
            raise RefusedError(message, rule="source-format", fix=fix)
        assert self._ctx is not None
        if is_s3(self.uri):
            return None
        return self._stack.enter_context(self._ctx.storage.open(self.uri)).fileno()

    def part(self, start: int, length: int) -> bytes:
        """Return the bytes of an object from a place on, fewer only at its end; raises InputError when it has changed."""
        assert self._ctx is not None
        length = min(length, self.file.bytes - start)
        return fetch(self._ctx.storage, self.file, start, length) if length > 0 else b""

    def refuse_cancelled(self) -> None:
        """Raise CancelledError when nobody wants its rows any more, for readers that wait."""
        if self._ctx is not None:
            refuse_cancelled(self._ctx)

    def on_close(self, callback: Callable[[], object]) -> None:
        """Have something done when the file is closed."""
        self._stack.callback(callback)

    def finish(self) -> str | None:
        """Read what is left for the hash and return it; None for an object that was not read as a whole.

        Raises InputError when the file has another size than it had.
        """
        self._stack.close()
        if self._share is not None and is_s3(self.uri):
            return None
        for _ in self.tap.blocks(self.block_bytes):
            pass
        if self.tap.bytes_read != self.file.bytes:
            raise changed(self.uri)
        return self.tap.sha256

    def close(self) -> None:
        """Close what handle() opened, and do what is to be done then."""
        self._stack.close()


def changed(uri: str, argument: str = "source") -> InputError:
    """Return the error for a file that was written to while it was read."""
    message = f"{uri} changed while it was being read."
    return InputError(message, field=argument, value=uri, fix="call again when nobody writes to it")


@contextmanager
def open_file(ctx: ToolContext, file: SourceFile, argument: str) -> Generator[OpenedFile]:
    """Open a file for one pass; raises InputError when it cannot be read."""
    with ExitStack() as stack:
        stream = _s3_stream(ctx, file, stack) if is_s3(file.uri) else stack.enter_context(_local(ctx, file, argument))
        opened = OpenedFile(file, Tap(stream), ctx=ctx)
        stack.callback(opened.close)
        yield opened


def _s3_stream(ctx: ToolContext, file: SourceFile, stack: ExitStack) -> Readable:
    stream = S3Stream(ctx.storage, file)
    stack.callback(stream.close)
    return stream


@contextmanager
def _local(ctx: ToolContext, file: SourceFile, argument: str) -> Generator[BinaryIO]:
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(ctx.storage.open(file.uri))
        except OSError as error:
            message = f"{file.uri} cannot be read: {error.strerror}."
            raise InputError(message, field=argument, value=file.uri, fix="check the file's permissions") from error
        yield stream
