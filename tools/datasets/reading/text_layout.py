"""Plain text and Markdown as rows of one text each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.encoding import guess_single_byte
from novaforge.tools.datasets.reading.lines import cut, forget
from novaforge.tools.datasets.reading.opened import OpenedFile
from novaforge.tools.datasets.rows import NOT_UTF8, ROW_BYTES, TOO_LARGE, Line, OnReject, Reject

PIECE_BYTES = 32 * 1024
"""A file up to this size is one row; a larger one is cut at blank lines into rows of at most this size.

Our own choice: about 8,000 tokens. A paragraph that is longer is cut at line ends, a longer line stays whole.
"""


def pieces(data: bytes, *, final: bool) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each piece; unless `final`, none that could go on behind these bytes."""
    start = 0
    while start < len(data):
        end = len(data) if len(data) - start <= PIECE_BYTES else _piece_end(data, start)
        if not final and end in (0, len(data)):
            return
        yield start, end or len(data)
        start = end or len(data)


def _piece_end(data: bytes, start: int) -> int:
    """Return where a piece ends: behind the last blank line in reach, else the last line, else the line itself; 0 if open."""
    reach = start + PIECE_BYTES
    blank = max(data.rfind(b"\n\n", start, reach) + 2, data.rfind(b"\n\r\n", start, reach) + 3)
    if blank > start + 2:
        return blank
    return data.rfind(b"\n", start, reach) + 1 or data.find(b"\n", reach) + 1


def _whole_pieces(data: bytes) -> int:
    return max((end for _, end in pieces(data, final=False)), default=0)


@dataclass
class TextDecoder:
    """The pieces of batches, each a row with the one key text; every character of the file is in one of them."""

    blank_lines: int = 0
    guess: str = ""

    def rows(self, batch: Batch, on_reject: OnReject) -> Iterator[Line]:
        """Yield the pieces of a batch; tell `on_reject` about those that cannot be decoded or are too long."""
        number = batch.first
        for start, end in pieces(batch.data, final=True):
            piece = batch.data[start:end]
            after = number + piece.count(b"\n")
            if len(piece) > ROW_BYTES or any(number <= line <= after for line in batch.damaged):
                on_reject(Reject(number, TOO_LARGE))
            elif not piece.strip():
                self.blank_lines += piece.count(b"\n")
            else:
                yield from self._row(number, piece, on_reject)
            number = after

    def sequence(self, batches: Iterable[Batch], on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows of all batches."""
        for batch in batches:
            yield from self.rows(batch, on_reject)

    def _row(self, number: int, piece: bytes, on_reject: OnReject) -> Iterator[Line]:
        try:
            yield Line(number, {"text": piece.decode("utf-8")}, b"")
        except UnicodeDecodeError as error:
            self.guess = self.guess or guess_single_byte(piece)
            line = number + piece.count(b"\n", 0, error.start)
            on_reject(Reject(number, NOT_UTF8, f"line {line}"))


class TextLayout:
    """Text files of any kind of markup."""

    format = "text"
    is_text = True
    columns: list[str] | None = None
    delimiter = ""

    def __init__(self) -> None:
        self.decoder = TextDecoder()

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield whole pieces."""
        return cut(opened.blocks, opened.uri, index, 1, _whole_pieces, forget)

    def notes(self) -> list[Finding]:
        """Return how files became rows."""
        size = f"{PIECE_BYTES // 1024} kB"
        message = f"a file up to {size} is one row, a larger one is cut at blank lines into rows up to that"
        return [Finding(rule="source-text", severity="info", message=message)]
