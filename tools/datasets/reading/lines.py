"""Cut a byte stream into blocks of whole lines, counted and hashed, in constant memory."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.reading.encoding import BOM
from novaforge.tools.datasets.rows import ROW_BYTES, TOO_LARGE

BLOCK_BYTES = 256 * 1024
_SHRUNK_BYTES = 4 * ROW_BYTES


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        ...


class Damage(NamedTuple):
    """A physical line whose row cannot be used, and why."""

    line: int
    reason: str


class Lines:
    """The physical lines of one stream, read once.

    A line longer than a row may be is passed through `shrink` piece by piece, so that it never fills the memory;
    its number is put in `damage`, as readers do with lines they cannot decode.
    """

    def __init__(self, stream: Readable, uri: str) -> None:
        self._stream = stream
        self._uri = uri
        self._hash = hashlib.sha256()
        self.bytes_read = 0
        self.damage: deque[Damage] = deque()
        self.head = self._read()
        self.encoding = "UTF-8 with BOM" if self.head.startswith(BOM) else "UTF-8"

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of the bytes read so far."""
        return self._hash.hexdigest()

    def blocks(self, shrink: Callable[[bytes], bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield (number of the first line, bytes of one or more whole lines)."""
        number, carry, chunk = 1, b"", self.head.removeprefix(BOM)
        while True:
            data = carry + chunk
            cut = data.rfind(b"\n") + 1
            if cut:
                yield number, data[:cut]
                number += data.count(b"\n", 0, cut)
            carry = self._bounded(number, data[cut:], shrink)
            chunk = self._read()
            if not chunk:
                break
        if carry:
            yield number, carry

    def take_damage(self, through: int) -> Damage | None:
        """Return the first damage up to a line and forget all damage up to it."""
        first = None
        while self.damage and self.damage[0].line <= through:
            found = self.damage.popleft()
            first = first or found
        return first

    def _bounded(self, number: int, carry: bytes, shrink: Callable[[bytes], bytes]) -> bytes:
        if len(carry) <= ROW_BYTES:
            return carry
        if not self.damage or self.damage[-1].line != number:
            self.damage.append(Damage(number, TOO_LARGE))
        carry = shrink(carry)
        if len(carry) > _SHRUNK_BYTES:
            message = f"Line {number} of {self._uri} does not end; this is no table with one row per line."
            raise InputError(message, field="source", value=self._uri, fix="give a CSV or JSONL file")
        return carry

    def _read(self) -> bytes:
        chunk = self._stream.read(BLOCK_BYTES)
        self._hash.update(chunk)
        self.bytes_read += len(chunk)
        return chunk
