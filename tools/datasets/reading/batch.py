"""Pieces of a source that any process can read alone."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from novaforge.tools.datasets.rows import Line, OnReject


class Batch(NamedTuple):
    """Whole rows of one file: the file's place in the source, the number of the first row's line, and the bytes."""

    file: int
    first: int
    data: bytes


class TornBatchError(Exception):
    """A batch ends inside a row; the rows from its beginning on have to be read in sequence."""


class Decoder(Protocol):
    """Turns batches into rows; picklable, so that another process can do it."""

    def rows(self, batch: Batch, on_reject: OnReject) -> Iterator[Line]:
        """Yield the readable rows of a batch; tell `on_reject` about the others. Raises TornBatchError."""
        ...
