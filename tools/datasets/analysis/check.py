"""What a check beyond the format is: it looks at rows in any process, and says in the end what it found."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from novaforge.guards.findings import Finding


class RowView(NamedTuple):
    """One valid row as the checks see it: its line, the query, the wanted answer, and every text the model reads or learns."""

    line: int
    prompt: str
    answer: str
    texts: tuple[str, ...]


class Check(Protocol):
    """One further check of a file.

    Made alike in every process from picklable settings. `scan` sees the rows of one batch and keeps nothing; its result
    is picklable and small. `merge` takes the results in the order of the file. Memory must not grow with the rows.
    """

    name: str

    def scan(self, rows: Sequence[RowView]) -> Any:
        """Look at the rows of one batch."""
        ...

    def merge(self, file: str, result: Any) -> None:
        """Take the result of one batch of a file; `file` is empty for the file being checked, else one it is compared with."""
        ...

    def findings(self, rows: int) -> list[Finding]:
        """Return what was found in all rows."""
        ...
