"""What is counted in the rows of a file, batch by batch in any process, and put together in order."""

from collections import Counter

from novaforge.tools.datasets.checks.stats import Labels, Lengths
from novaforge.tools.datasets.checks.tally import Rejects, Tally
from novaforge.tools.datasets.rows import Hit


class Counts:
    """Rows, broken rules, optional parts, labels and lengths of some rows, and the lines that were none."""

    def __init__(self) -> None:
        self.rows = 0
        self.tally = Tally()
        self.parts: Counter[str] = Counter()
        self.labels = Labels()
        self.lengths = Lengths()
        self.rejects = Rejects()

    def add(
        self, line: int, hits: list[Hit], parts: set[str], answer: str, texts: tuple[str, ...], size: int = 0
    ) -> None:
        """Count one row; `texts` are all it holds, and `size` is theirs in bytes where it is known, else 0."""
        self.rows += 1
        if hits:
            self.tally.add(line, hits)
        if parts:
            self.parts.update(parts)
        self.labels.add(answer)
        self.lengths.add(*texts, size=size)

    def merge(self, other: "Counts", file: str = "") -> None:
        """Add what was counted further down, in a file of that name."""
        self.rows += other.rows
        self.tally.merge(other.tally, file)
        self.parts.update(other.parts)
        self.labels.merge(other.labels)
        self.lengths.merge(other.lengths)
        self.rejects.merge(other.rejects, file)
