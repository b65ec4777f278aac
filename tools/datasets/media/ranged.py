"""Read pieces of a file that lies elsewhere, few and small."""

from collections.abc import Callable

FIRST_BYTES = 64 * 1024
"""The first read; it holds everything needed of most files."""

_NEXT_BYTES = 4 * 1024
_MOST_READS = 48
"""After so many reads a file is too scattered to be judged."""

ReadAt = Callable[[int, int], bytes]
"""(offset, length) -> the bytes there, fewer at the end of the file."""


class ScatteredError(Exception):
    """The wanted facts lie in more places of the file than are read."""


class Ranged:
    """Random access to `size` bytes over a function that reads ranges; keeps the first and the last piece read."""

    def __init__(self, read: ReadAt, size: int, first: bytes) -> None:
        self.size = size
        self._read = read
        self._pieces = [(0, first), (0, first)]
        self._reads = 0

    def at(self, offset: int, length: int) -> bytes:
        """Return the bytes from `offset` on, fewer at the end. Raises ScatteredError, and what reading raises."""
        length = max(0, min(length, self.size - offset))
        if length == 0:
            return b""
        for start, piece in self._pieces:
            if start <= offset and offset + length <= start + len(piece):
                return piece[offset - start : offset - start + length]
        if self._reads >= _MOST_READS:
            raise ScatteredError(f"more than {_MOST_READS} reads")
        self._reads += 1
        piece = self._read(offset, min(max(length, _NEXT_BYTES), self.size - offset))
        self._pieces[1] = (offset, piece)
        return piece[:length]


def in_memory(data: bytes) -> Ranged:
    """Return random access to bytes at hand."""
    return Ranged(lambda offset, length: data[offset : offset + length], len(data), data)
