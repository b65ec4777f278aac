"""What a filter looks at, and what it is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from novaforge.tools.datasets.analysis.spool import Spool
from novaforge.tools.datasets.rows import JsonRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Candidate(NamedTuple):
    """A finished row about to be written, whether it breaks a blocking rule, and the URIs of its media."""

    row: JsonRow
    prompt: str
    answer: str
    blocked: bool
    media: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The query and the answer as one text."""
        return f"{self.prompt}\n{self.answer}" if self.prompt and self.answer else self.prompt or self.answer


@runtime_checkable
class Stateless(Protocol):
    """Judges a row by itself; picklable."""

    def removes(self, candidate: Candidate) -> str:
        """Return the name under which the row is left out; empty to keep it."""
        ...


@runtime_checkable
class Stateful(Protocol):
    """Judges a row by the rows before it, from a signature of fixed size for each; picklable."""

    @property
    def name(self) -> str:
        """The filter's name."""
        ...

    @property
    def words(self) -> int:
        """How many 64-bit words a row's signature has."""
        ...

    def signatures(self, candidates: Sequence[Candidate]) -> bytes:
        """Return the signatures of some rows, one after the other."""
        ...

    def duplicates(self, signatures: Spool) -> "NDArray[np.int64]":
        """Return (row, earlier row it repeats) as numbers in the spool, ordered by row; one line for each row to leave out."""
        ...
