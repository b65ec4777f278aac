"""Read delimited rows with their cells byte for byte and their physical line numbers."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import chain
from typing import Any

from novaforge.tools.datasets.reading.batch import Batch, TornBatchError
from novaforge.tools.datasets.reading.damage import Damages
from novaforge.tools.datasets.reading.encoding import guess_single_byte
from novaforge.tools.datasets.reading.lines import RowEnd, Shrink, line_end
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

_LIMIT_ERROR = "field larger than field limit"
_OPEN_QUOTE = "unexpected end of data"


@dataclass(frozen=True)
class Dialect:
    """How rows are written: what stands between cells, and whether quotes have a meaning (RFC 4180) or are text."""

    delimiter: str = ","
    quoted: bool = True

    def reader(self, lines: Iterable[str]) -> Any:
        """Return a csv reader over lines that keep their line ends."""
        # The csv module has one limit for the process; cells up to the size of a row must pass.
        csv.field_size_limit(ROW_BYTES)
        if self.quoted:
            return csv.reader(lines, delimiter=self.delimiter, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=True)

    @property
    def row_end(self) -> RowEnd:
        """How to find the end of the last whole row of a block."""
        return even_quotes if self.quoted else line_end

    @property
    def shrink(self) -> Shrink:
        """How to keep of an over-long line what decides where its row ends."""
        plain = re.compile(b'[^"\r\n' + re.escape(self.delimiter.encode()) + b"]+")
        return partial(plain.sub, b"x")


COMMA = Dialect()


def even_quotes(data: bytes) -> int:
    """Cut after the last line feed with an even number of quotes before it; 0 when there is none.

    That is a row's end wherever quotes only enclose cells; a decoder finds out where they do not.
    """
    end = data.rfind(b"\n") + 1
    if not data.count(b'"', 0, end) & 1:
        return end
    while end:
        quote = data.rfind(b'"', 0, end)
        begin = data.rfind(b"\n", 0, quote) + 1
        odd = data.count(b'"', begin, end) & 1
        end = begin
        if odd:
            break
    return end


@dataclass
class CsvDecoder:
    """The rows of batches of a table of `width` columns."""

    width: int
    dialect: Dialect = COMMA
    blank_lines: int = 0
    guess: str = ""

    def rows(self, batch: Batch, on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows of one batch that fit the header; tell `on_reject` about the others.

        Raises TornBatchError after the last whole row when the batch ends inside a quoted cell.
        """
        return _Pass(self, [batch], torn=True).rows(on_reject)

    def sequence(self, batches: Iterable[Batch], on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows of all batches of one file, or of its last ones, whether or not rows straddle them."""
        return _Pass(self, batches, torn=False).rows(on_reject)


class _Pass:
    """One reading of consecutive batches that begin at a row's beginning."""

    def __init__(self, decoder: CsvDecoder, batches: Iterable[Batch], *, torn: bool) -> None:
        self._decoder = decoder
        self._batches = iter(batches)
        self._torn = torn
        self._damages = Damages()
        self._block: tuple[int, str] = (1, "")
        self._text: Iterator[str] = iter(())
        self._reader = decoder.dialect.reader(())
        self._offset = 0

    def rows(self, on_reject: OnReject) -> Iterator[Line]:
        batch = next(self._batches, None)
        if batch is None:
            return
        self._offset = batch.first - 1
        self._text = chain.from_iterable(self._text_blocks(batch))
        self._reader = self._decoder.dialect.reader(self._text)
        # A batch below the longest row cannot hold a row above it.
        sizes_matter = not self._torn or len(batch.data) > ROW_BYTES
        yield from self._read(on_reject, ROW_BYTES // 4 if sizes_matter else 0)

    def _read(self, on_reject: OnReject, small: int) -> Iterator[Line]:
        width, damage, offset = self._decoder.width, self._damages, self._offset
        start, oversize = self._line() + 1, 0
        while True:
            try:
                reader = self._reader
                for cells in reader:
                    end = offset + reader.line_num
                    if (
                        len(cells) != width or oversize or damage.waiting or (small and sum(map(len, cells)) > small)
                    ) and (problem := self._problem(cells, end, oversize)):
                        self._tell(problem, oversize or start, end, on_reject)
                    else:
                        yield Line(start, cells, b"")
                    start, oversize = end + 1, 0
                return
            except csv.Error as error:
                first = oversize or start
                if str(error).startswith(_LIMIT_ERROR):
                    oversize = first
                    start = self._resume(first)
                    offset = self._offset
                else:
                    start, oversize = self._malformed(error, first, on_reject), 0

    def _malformed(self, error: csv.Error, first: int, on_reject: OnReject) -> int:
        """Reject a row whose quotes are wrong; returns the line the next row begins on."""
        reason = str(error).split(" - ")[0]
        if self._torn and reason == _OPEN_QUOTE:
            raise TornBatchError
        end = self._line()
        on_reject(Reject(first, BAD_CSV, reason, end if end > first else 0))
        self._damages.take(end)
        return self._line() + 1

    def _tell(self, problem: Reject, first: int, end: int, on_reject: OnReject) -> None:
        if problem.reason == EMPTY_LINE:
            self._decoder.blank_lines += 1
            return
        # A bad byte says nothing against the row's quotes; elsewhere many lines point to an open one.
        several = end > first and problem.reason != NOT_UTF8
        on_reject(problem._replace(line=first, last=end if several else 0))

    def _problem(self, cells: list[str], end: int, oversize: int) -> Reject | None:
        damage, width = self._damages.take(end), self._decoder.width
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
        return self._offset + int(self._reader.line_num)

    def _resume(self, first: int) -> int:
        """Go on after a cell that is too large: the rest of its row is read in shrunken form.

        The parser's state is lost at such an error. When the row began on an earlier line, the current line began
        inside a quoted cell, so an opening quote in front of it restores the state. Returns the current line's number.
        """
        current = self._line()
        number, text = self._block
        line = text.split("\n")[current - number] + "\n"
        shrink: Callable[[bytes], bytes] = self._decoder.dialect.shrink
        shrunken = shrink(line.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
        again = shrunken if current == first else '"' + shrunken
        self._offset = current - 1
        self._reader = self._decoder.dialect.reader(chain([again], self._text))
        return current

    def _text_blocks(self, first: Batch) -> Iterator[StringIO]:
        for batch in chain([first], self._batches):
            self._damages.add(batch.damaged, TOO_LARGE)
            try:
                text = batch.data.decode("utf-8")
            except UnicodeDecodeError:
                text = self._repair(batch)
            self._block = (batch.first, text)
            # With newline="\n" a StringIO yields lines cut at line feeds only, and leaves carriage returns alone.
            yield StringIO(text, newline="\n")

    def _repair(self, batch: Batch) -> str:
        """Decode a block that is not all UTF-8 and note the lines that are not."""
        for number, line in enumerate(batch.data.split(b"\n"), start=batch.first):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                self._damages.add([number], NOT_UTF8)
                self._decoder.guess = self._decoder.guess or guess_single_byte(line)
        return batch.data.decode("utf-8", "surrogateescape")


def _size(cells: list[str]) -> int:
    return sum(len(cell.encode("utf-8", "surrogateescape")) for cell in cells)
