"""Unpack gzip and zstd as the bytes come, in constant memory whatever they unpack to."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from novaforge.guards.errors import InputError

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
"""What follows the first byte of a zstd frame without content."""

_GZIP_PIECE = 64 * 1024
_ZSTD_PIECE = 1024
"""The zstd library has no limit on what it returns; a block of 128 KB takes 4 bytes at least, so 1 kB is at most 32 MB."""

_WITH_HEADER = 31


class Counted(Protocol):
    """A stream that knows how many of its bytes were read."""

    bytes_read: int

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        ...


def compression_of(head: bytes) -> str:
    """Return gzip, zstd or an empty string for the first bytes of a file."""
    if head.startswith(GZIP):
        return "gzip"
    skippable = head[1:4] == _SKIPPABLE and head[0] >> 4 == 5
    return "zstd" if head.startswith(ZSTD) or skippable else ""


def unpack(compression: str, head: bytes, stream: Counted, uri: str, block: int) -> Iterator[bytes]:
    """Yield what a stream, of which `head` was read already, unpacks to, in blocks of at least `block` bytes.

    Raises InputError, which names the byte, for a stream that is damaged or ends too early.
    """
    packed = _Packed(head, stream, uri, _GZIP_PIECE if compression == "gzip" else _ZSTD_PIECE)
    pieces = _gunzip(packed, block) if compression == "gzip" else _unzstd(packed)
    return regroup(pieces, block)


def regroup(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Join pieces to blocks of at least `size` bytes, and cut those of more than twice that."""
    held: list[bytes] = []
    total = 0
    for piece in pieces:
        for start in range(0, len(piece), 2 * size):
            part = piece[start : start + 2 * size] if len(piece) > 2 * size else piece
            held.append(part)
            total += len(part)
            if total >= size:
                yield b"".join(held)
                held, total = [], 0
    if held:
        yield b"".join(held)


class _Packed:
    """The packed bytes of a file, piece by piece, and the error that names the place."""

    def __init__(self, head: bytes, stream: Counted, uri: str, size: int) -> None:
        self._held = head
        self._stream = stream
        self._uri = uri
        self._size = size

    def next(self) -> bytes:
        """Return the next piece, empty at the end."""
        if not self._held:
            self._held = self._stream.read(_GZIP_PIECE)
        piece, self._held = self._held[: self._size], self._held[self._size :]
        return piece

    def give_back(self, rest: bytes) -> None:
        """Take back what the unpacking did not use."""
        self._held = rest + self._held

    def error(self, what: str) -> InputError:
        """Return the error for what is wrong at the place reached."""
        place = self._stream.bytes_read - len(self._held)
        message = f"{self._uri} {what} at byte {place}."
        return InputError(message, field="source", value=self._uri, fix="copy or download the file again", byte=place)


def _gunzip(packed: _Packed, most: int) -> Iterator[bytes]:
    make, errors = _inflate()
    while piece := packed.next():
        if not piece.strip(b"\0"):
            # Padding after the last member, as tapes and some tools leave it.
            continue
        inflate = make(_WITH_HEADER)
        while not inflate.eof:
            try:
                # At the end of the input some output may still be waiting behind the limit.
                data = inflate.decompress(piece, most)
            except errors as error:
                raise packed.error("is damaged gzip data, found") from error
            if not data and not piece and not inflate.eof:
                raise packed.error("ends in the middle of its gzip data")
            yield data
            piece = b"" if inflate.eof else inflate.unconsumed_tail or packed.next()
        packed.give_back(inflate.unused_data)


def _inflate() -> tuple[Callable[[int], Any], Any]:
    """Return the fastest inflate there is, and what it raises."""
    import zlib

    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.decompressobj, (zlib.error,)
    return isal_zlib.decompressobj, (isal_zlib.error, zlib.error)


def _unzstd(packed: _Packed) -> Iterator[bytes]:
    import zstandard  # here, not above: only packed sources need it

    make = zstandard.ZstdDecompressor()
    while piece := packed.next():
        frame = make.decompressobj()
        while not frame.eof:
            if not piece:
                raise packed.error("ends in the middle of its zstd data")
            try:
                yield frame.decompress(piece)
            except zstandard.ZstdError as error:
                raise packed.error("is damaged zstd data, found") from error
            piece = b"" if frame.eof else packed.next()
        packed.give_back(frame.unused_data)
