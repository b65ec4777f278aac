"""Cut a JSON array into its elements as the bytes come, without reading it as a whole."""

import re
from collections.abc import Iterator

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.rows import MEDIA_ROW_BYTES, ROW_BYTES

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(
    # An object without brackets inside is one token, so that a flat record costs one step.
    rb"\{[^{}\[\]\"]*+(?:" + _STRING + rb"[^{}\[\]\"]*+)*+\}|[{}\[\]]|" + _STRING + rb'|"',
    re.DOTALL,
)
_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_OPEN, _CLOSE, _QUOTE, _END = b"{[", b"}]", ord('"'), ord("]")

TOO_LONG = b""
"""Stands for an element that is longer than a row may be."""


class Elements:
    """The elements of an array whose opening bracket was read already; with `bare`, values one after the other.

    An element of more than `longest` bytes is TOO_LONG. `closed` tells in the end whether the closing bracket came, `tidy` whether commas stood where they must, and
    `rest` holds the bytes read behind the bracket. Raises InputError for what is no JSON at all.
    """

    def __init__(
        self, blocks: Iterator[bytes], uri: str, *, bare: bool = False, longest: int = MEDIA_ROW_BYTES
    ) -> None:
        self._blocks = blocks
        self._uri = uri
        self._bare = bare
        self._longest = longest
        self._data = b""
        self._gap = self._begin = self._place = self._depth = 0
        self._text = -1
        self._long = self._in_string = False
        self._first = True
        self.closed = False
        self.tidy = True
        self.rest = b""

    @property
    def held(self) -> int:
        """How many bytes are kept in memory."""
        return len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._data += block
            if not self._in_string or self._leave_string():
                yield from self._ended_text()
                yield from self._scan()
                if self.closed:
                    return
            self._shorten()
        yield from self._last()

    def _scan(self) -> Iterator[bytes]:
        data, place = self._data, self._place
        for token in _TOKEN.finditer(data, place):
            start, place = token.span()
            sign = data[start]
            if place - start > 1:
                if not self._depth:
                    yield from self._value(start, place)
            elif sign == _QUOTE:
                # A text that does not end in these bytes, and is not looked through again with the next ones.
                self._text, self._place, self._in_string = start, start + 1, True
                self._leave_string()
                return
            elif sign in _OPEN:
                if not self._depth:
                    yield from self._before(start)
                    self._begin = start
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    yield TOO_LONG if self._long else data[self._begin : place]
                    self._gap, self._long, self._first = place, False, False
            elif sign == _END and not self._bare:
                yield from self._before(start, end=True)
                self.closed, self.rest, self._data = True, data[place:], b""
                return
        self._place = len(data)

    def _ended_text(self) -> Iterator[bytes]:
        """Yield a text that began in earlier bytes and is an element itself."""
        if self._text >= 0 and not self._depth:
            yield from self._value(self._text, self._place)
        self._text = -1

    def _value(self, start: int, end: int) -> Iterator[bytes]:
        """Yield a flat object or a text."""
        yield from self._before(start)
        yield self._data[start:end]
        self._gap, self._first = end, False

    def _before(self, start: int, *, end: bool = False) -> Iterator[bytes]:
        """Yield the numbers and words before a bracket or text, and look whether the commas are right."""
        between = self._data[self._gap : start]
        bits = [bit for bit in map(bytes.strip, between.split(b",")) if bit]
        yield from bits
        values = len(bits) + (not self._first)
        wanted = max(0, values - 1) if end else values
        if not self._bare and between.count(b",") != wanted:
            self.tidy = False
        self._first = self._first and not bits

    def _shorten(self) -> None:
        """Drop what was given out, and what is too long to be kept."""
        keep = self._begin if self._depth else self._gap
        if not self._depth and len(self._data) - keep > ROW_BYTES:
            message = f"{self._uri} has over 1 MB between two JSON values that is no JSON."
            raise InputError(message, field="source", value=self._uri, fix="give a JSON or JSON Lines file")
        self._long = self._long or len(self._data) - keep > self._longest
        if self._long:
            keep = self._place
        self._drop(keep)

    def _leave_string(self) -> bool:
        """Move behind a text that began in earlier bytes; False, and at its last bytes, when it does not end here."""
        match = _REST_OF_STRING.match(self._data, self._place)
        self._place = match.end() if match else self._place
        if self._data[self._place : self._place + 1] != b'"':
            return False
        self._place, self._in_string = self._place + 1, False
        return True

    def _drop(self, size: int) -> None:
        self._data = self._data[size:]
        self._place = max(0, self._place - size)
        self._begin = max(0, self._begin - size)
        self._gap = max(0, self._gap - size)
        self._text = max(0, self._text - size) if self._text >= 0 else -1

    def _last(self) -> Iterator[bytes]:
        if self._depth:
            yield TOO_LONG if self._long else self._data[self._begin :]
        else:
            yield from self._before(len(self._data), end=True)
