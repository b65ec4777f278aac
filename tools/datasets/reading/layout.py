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

    @property
    def format(self) -> str:
        """Its name: csv, jsonl, json, parquet, arrow, excel, text, cloudwatch or huggingface."""
        ...

    @property
    def is_text(self) -> bool:
        """Whether the files have an encoding."""
        ...

    @property
    def columns(self) -> list[str] | None:
        """The header's names; None for rows that are objects."""
        ...

    @property
    def delimiter(self) -> str:
        """What stands between cells; empty where nothing does."""
        ...

    @property
    def decoder(self) -> SequenceDecoder:
        """What turns the batches into rows."""
        ...

    def batches(self, index: int, opened: Any, /) -> Iterator[Batch]:
        """Yield the batches of the file with this place in the source; raises InputError when it differs."""
        ...

    def notes(self) -> list[Finding]:
        """Return what was found out or assumed, once all files were read."""
        ...
