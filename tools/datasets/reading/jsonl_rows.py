"""Read JSON Lines; nothing in them changes on the way."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson

from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.encoding import guess_single_byte
from novaforge.tools.datasets.rows import (
    BAD_JSON,
    BIG_NUMBER,
    DUPLICATE_KEY,
    NOT_AN_OBJECT,
    NOT_UTF8,
    ROW_BYTES,
    TOO_DEEP,
    TOO_LARGE,
    Line,
    OnReject,
    Reject,
    media_inside,
)

MADE_REJECT = b"\0"
"""Begins a line that a reader of another format made in place of a row: a reason, a tab, a detail."""

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 19
"""Shorter numbers fit in 64 bits."""
_THIRDS = b"0" * 6
"""What every third digit of a long number makes at least; six times as fast to look for, so it is looked for first."""
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class _ChangesError(Exception):
    """A line that would come out changed, with the reason."""


@dataclass
class JsonlDecoder:
    """The objects of batches with one JSON object per line.

    `made` says that the lines were made by a reader of another format: their bytes are not those of the source.
    """

    made: bool = False
    blank_lines: int = 0
    guess: str = ""

    def rows(self, batch: Batch, on_reject: OnReject) -> Iterator[Line]:
        """Yield every line that holds a JSON object; tell `on_reject` about every other one that is not blank."""
        lines = batch.data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        values = self._all(batch, lines)
        if values is None:
            return self._one_by_one(batch, lines, on_reject)
        return map(Line, count(batch.first), values, [b""] * len(lines) if self.made else lines)

    def sequence(self, batches: Iterable[Batch], on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows of all batches."""
        for batch in batches:
            yield from self.rows(batch, on_reject)

    def _all(self, batch: Batch, lines: list[bytes]) -> list[Any] | None:
        """Return the objects of all lines when there is nothing to say about any of them, else None."""
        if batch.damaged or (len(batch.data) > ROW_BYTES and max(map(len, lines), default=0) > ROW_BYTES):
            return None
        try:
            values = [orjson.loads(line) for line in lines]
            whole = bool(values) and set(map(type, values)) == {dict} and _unchanged(batch.data, orjson.dumps(values))
        except (orjson.JSONDecodeError, TypeError):
            return None
        return values if whole else None

    def _one_by_one(self, batch: Batch, lines: list[bytes], on_reject: OnReject) -> Iterator[Line]:
        damaged = set(batch.damaged)
        for number, line in enumerate(lines, start=batch.first):
            if number in damaged or (len(line) > ROW_BYTES and not media_inside(line)):
                on_reject(Reject(number, TOO_LARGE))
                continue
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                self._unreadable(number, line, error, on_reject)
                continue
            problem = _problem(line, value)
            if problem:
                on_reject(Reject(number, problem))
            else:
                yield Line(number, value, b"" if self.made else line)

    def _unreadable(self, number: int, line: bytes, error: orjson.JSONDecodeError, on_reject: OnReject) -> None:
        if not line or line.isspace():
            self.blank_lines += 1
        elif self.made and line.startswith(MADE_REJECT):
            reason, _, detail = line[1:].decode("utf-8", "replace").partition("\t")
            on_reject(Reject(number, reason, detail))
        elif _is_utf8(line):
            on_reject(Reject(number, BAD_JSON, f"{_reason(error)} at column {error.colno}"))
        else:
            self.guess = self.guess or guess_single_byte(line)
            on_reject(Reject(number, NOT_UTF8))


def made_reject(reason: str, detail: str = "") -> bytes:
    """Return the line that stands for a row which a reader could not use; neither text may quote the row."""
    return MADE_REJECT + f"{reason}\t{detail}".replace("\n", " ").encode("utf-8", "replace")


def _unchanged(data: bytes, again: bytes) -> bool:
    """Tell JSON whose objects, written again, have as many quotes, and no number that may be too long for 64 bits.

    A quote inside a text is a backslash and a quote, here and there, so the counts agree unless a key came twice; one
    written in hexadecimal could hide that and is looked at line by line. About 1.5 ms per MB with the writing again.
    """
    if _THIRDS in data[::3].translate(_DIGITS) and _LONG_NUMBER in data.translate(_DIGITS):
        return False
    # A search for up to five bytes is three times as fast as for six.
    if b"u0022" in data and b"\\u0022" in data:
        return False
    return data.count(b'"') == again.count(b'"')


def _problem(line: bytes, value: Any) -> str:
    """Return why a line that is JSON cannot be used, or an empty string."""
    if not isinstance(value, dict):
        return NOT_AN_OBJECT
    try:
        if _unchanged(line, orjson.dumps(value)):
            return ""
        json.loads(line, parse_int=_fits, object_pairs_hook=_different)
    except (TypeError, RecursionError):
        # orjson reads deeper than it writes, 254 levels.
        return TOO_DEEP
    except _ChangesError as error:
        return str(error)
    return ""


def _fits(text: str) -> int:
    # Python refuses to convert very long numbers; twenty digits and a sign is all that 64 bits can need.
    if len(text) > 20 or not _SMALLEST <= int(text) <= _LARGEST:
        raise _ChangesError(BIG_NUMBER)
    return 0


def _different(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _ChangesError(DUPLICATE_KEY)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _reason(error: orjson.JSONDecodeError) -> str:
    # orjson's messages say what was expected and never quote the input.
    return error.msg.split(":")[0]
