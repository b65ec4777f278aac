"""Read JSON Lines with their line numbers."""

from collections.abc import Iterator

import orjson

from novaforge.tools.datasets.reading.encoding import guess_single_byte
from novaforge.tools.datasets.reading.lines import Lines
from novaforge.tools.datasets.rows import (
    BAD_JSON,
    NOT_AN_OBJECT,
    NOT_UTF8,
    ROW_BYTES,
    TOO_LARGE,
    Line,
    OnReject,
    Reject,
)


class JsonlRows:
    """The objects of a file with one JSON object per line."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.blank_lines = 0
        self.guess = ""

    def rows(self, on_reject: OnReject) -> Iterator[Line]:
        """Yield every line that holds a JSON object; tell `on_reject` about every other one that is not blank."""
        for first, data in self._lines.blocks(_drop):
            lines = data.split(b"\n")
            if not lines[-1]:
                lines.pop()
            for number, line in enumerate(lines, start=first):
                try:
                    value = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    self._unreadable(number, line, error, on_reject)
                    continue
                if not isinstance(value, dict):
                    on_reject(Reject(number, NOT_AN_OBJECT))
                elif len(line) > ROW_BYTES or (self._lines.damage and self._lines.take_damage(number)):
                    on_reject(Reject(number, TOO_LARGE))
                else:
                    yield Line(number, value, line)

    def _unreadable(self, number: int, line: bytes, error: orjson.JSONDecodeError, on_reject: OnReject) -> None:
        if self._lines.take_damage(number) or len(line) > ROW_BYTES:
            on_reject(Reject(number, TOO_LARGE))
        elif not line or line.isspace():
            self.blank_lines += 1
        elif _is_utf8(line):
            on_reject(Reject(number, BAD_JSON, f"{_reason(error)} at column {error.colno}"))
        else:
            self.guess = self.guess or guess_single_byte(line)
            on_reject(Reject(number, NOT_UTF8))


def _drop(piece: bytes) -> bytes:
    """Forget an over-long line; only its number is needed."""
    return b""


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _reason(error: orjson.JSONDecodeError) -> str:
    # orjson's messages say what was expected and never quote the input.
    return error.msg.split(":")[0]
