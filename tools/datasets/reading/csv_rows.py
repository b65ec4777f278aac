"""Read CSV rows with their cells byte for byte and their physical line numbers."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import chain

from novaforge.guards.errors import InputError
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading.encoding import conversion, guess_single_byte
from novaforge.tools.datasets.reading.lines import Damage, Lines
from novaforge.tools.datasets.rows import (
    BAD_CSV,
    EMPTY_LINE,
    NOT_UTF8,
    ROW_BYTES,
    TOO_FEW_CELLS,
    TOO_LARGE,
    TOO_MANY_CELLS,
    Line,
    OnReject,
    Reject,
)

_PLAIN = re.compile(rb'[^",\r\n]+')
_LIMIT_ERROR = "field larger than field limit"


def shrink(piece: bytes) -> bytes:
    """Keep the quotes, commas and line breaks of an over-long line, so that its row still ends where it ends."""
    return _PLAIN.sub(b"x", piece)


class CsvRows:
    """The rows of a comma-separated file with a header, quoted as RFC 4180 says."""

    def __init__(self, lines: Lines, uri: str) -> None:
        # The csv module has one limit for the process; cells up to the size of a row must pass.
        csv.field_size_limit(ROW_BYTES)
        self._lines = lines
        self._uri = uri
        self._block: tuple[int, str] = (1, "")
        self._text = chain.from_iterable(self._text_blocks())
        self._reader = csv.reader(self._text, strict=True)
        self._offset = 0
        self.blank_lines = 0
        self.guess = ""
        self.columns = self._header()

    def rows(self, on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows whose cells fit the header; tell `on_reject` about every other one."""
        width, damage, small = len(self.columns), self._lines.damage, ROW_BYTES // 4
        start, oversize = self._line() + 1, 0
        while True:
            try:
                for cells in self._reader:
                    end = self._offset + self._reader.line_num
                    if oversize or damage or len(cells) != width or sum(map(len, cells)) > small:
                        problem = self._problem(cells, end, oversize)
                    else:
                        problem = None
                    if problem is None:
                        yield Line(start, cells, b"")
                    elif problem.reason == EMPTY_LINE:
                        self.blank_lines += 1
                    else:
                        first = oversize or start
                        # A bad byte says nothing against the row's quotes; elsewhere many lines point to an open one.
                        several = end > first and problem.reason != NOT_UTF8
                        on_reject(problem._replace(line=first, last=end if several else 0))
                    start, oversize = end + 1, 0
                return
            except csv.Error as error:
                first = oversize or start
                if str(error).startswith(_LIMIT_ERROR):
                    oversize = first
                    start = self._resume(first)
                else:
                    end = self._line()
                    on_reject(Reject(first, BAD_CSV, str(error).split(" - ")[0], end if end > first else 0))
                    self._lines.take_damage(end)
                    start, oversize = self._line() + 1, 0

    def _problem(self, cells: list[str], end: int, oversize: int) -> Reject | None:
        damage, width = self._lines.take_damage(end), len(self.columns)
        if oversize or (damage and damage.reason == TOO_LARGE) or _size(cells) > ROW_BYTES:
            return Reject(0, TOO_LARGE)
        if damage:
            return Reject(0, damage.reason, f"line {damage.line}")
        if not cells:
            return Reject(0, EMPTY_LINE)
        if len(cells) != width:
            reason = TOO_FEW_CELLS if len(cells) < width else TOO_MANY_CELLS
            return Reject(0, reason, f"{len(cells)} of {width}")
        return None

    def _line(self) -> int:
        return self._offset + self._reader.line_num

    def _resume(self, first: int) -> int:
        """Go on after a cell that is too large: the rest of its row is read in shrunken form.

        The parser's state is lost at such an error. When the row began on an earlier line, the current line began
        inside a quoted cell, so an opening quote in front of it restores the state. Returns the current line's number.
        """
        current = self._line()
        number, text = self._block
        line = text.split("\n")[current - number] + "\n"
        shrunken = shrink(line.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
        again = shrunken if current == first else '"' + shrunken
        self._offset = current - 1
        self._reader = csv.reader(chain([again], self._text), strict=True)
        return current

    def _text_blocks(self) -> Iterator[StringIO]:
        for number, data in self._lines.blocks(shrink):
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                text = self._repair(number, data)
            self._block = (number, text)
            # With newline="\n" a StringIO yields lines cut at line feeds only, and leaves carriage returns alone.
            yield StringIO(text, newline="\n")

    def _repair(self, first: int, data: bytes) -> str:
        """Decode a block that is not all UTF-8 and note the lines that are not."""
        for number, line in enumerate(data.split(b"\n"), start=first):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                self._lines.damage.append(Damage(number, NOT_UTF8))
                self.guess = self.guess or guess_single_byte(line)
        return data.decode("utf-8", "surrogateescape")

    def _header(self) -> list[str]:
        try:
            names = next((cells for cells in self._reader if cells), None)
        except csv.Error as error:
            raise self._unusable(f"has a header that is malformed CSV: {error}", "correct the header") from error
        if names is None:
            raise self._unusable("has no rows", "give a file with a header and rows")
        damage = self._lines.take_damage(self._line())
        if damage and damage.reason == NOT_UTF8:
            raise self._unusable("has a header that is not UTF-8", conversion(self.guess))
        if damage:
            raise self._unusable("has a header over 1 MB", "give a CSV file with a header")
        self._refuse_duplicates(names)
        return names

    def _refuse_duplicates(self, names: list[str]) -> None:
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            shown = ", ".join(repr(one_line(name, 60)) for name in twice[:10])
            raise self._unusable(f"has columns of the same name: {shown}", "rename them in the header")

    def _unusable(self, what: str, fix: str) -> InputError:
        return InputError(f"{self._uri} {what}.", field="source", value=self._uri, fix=fix)


def _size(cells: list[str]) -> int:
    return sum(len(cell.encode("utf-8", "surrogateescape")) for cell in cells)
