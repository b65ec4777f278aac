"""Pieces of a source that any process can read alone."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from novaforge.tools.datasets.rows import Line, OnReject

BLOCK_BYTES = 896 * 1024
"""How much of a big file one batch holds; below the longest row, so that most rows need no check of their size."""

_SMALLEST = 64 * 1024
_PER_FILE = 16


class Batch(NamedTuple):
    """Whole rows of one file: the file's place in the source, the number of the first row's line, and the bytes.

    `damaged` names the lines whose content was too long to keep; their rows are rejected.
    """

    file: int
    first: int
    data: bytes
    damaged: tuple[int, ...] = ()


class TornBatchError(Exception):
    """A batch ends inside a row; the rows from its beginning on have to be read in sequence.

    Whatever the batch gave before the error, rows and rejects, is given again by the reading in sequence.
    """


class Decoder(Protocol):
    """Turns batches into rows; picklable, so that another process can do it.

    `blank_lines` and `guess` (an encoding the undecodable rows may have) add up over the batches a decoder has read.
    """

    blank_lines: int
    guess: str

    def rows(self, batch: Batch, on_reject: OnReject) -> Iterator[Line]:
        """Yield the readable rows of a batch; tell `on_reject` about the others. Raises TornBatchError."""
        ...


def block_bytes(total: int) -> int:
    """Return how much of a file of `total` bytes goes into one batch: less for a small one, so that all cores get some."""
    return max(_SMALLEST, min(BLOCK_BYTES, total // _PER_FILE))
