"""What a kind of file is to a source: how its text becomes batches, and how batches become rows."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.reading.batch import Batch, Decoder
from novaforge.tools.datasets.rows import Line, OnReject


class SequenceDecoder(Decoder, Protocol):
    """A decoder that can also read batches in sequence, where rows may straddle them."""

    def sequence(self, batches: Iterable[Batch], on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows of consecutive batches of one file."""
        ...


class Layout(Protocol):
    """The layout all files of a source share."""

    format: str
    is_text: bool
    columns: list[str] | None
    delimiter: str
    decoder: SequenceDecoder

    def batches(self, index: int, opened: Any, /) -> Iterator[Batch]:
        """Yield the batches of the file with this place in the source; raises InputError when it differs."""
        ...

    def notes(self) -> list[Finding]:
        """Return what was found out or assumed, once all files were read."""
        ...
