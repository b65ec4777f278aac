"""Lengths, labels and digests of rows, kept in memory that does not grow with the text."""

from collections import Counter
from math import ceil

from novaforge.tools.datasets.splitting.strata import MAX_LABEL_CHARS, MAX_LABELS, ROWS_PER_LABEL

TOKEN_BASIS = "UTF-8 bytes / 4, within about 30 %; Nova's tokenizer is not public, the chat template is not counted"


class Lengths:
    """Lengths in characters as a histogram of exact values."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._chars = 0
        self._bytes = 0

    def add(self, *texts: str, size: int = 0) -> None:
        """Count one row by the sum of its texts; `size` is theirs in bytes, where somebody knows it."""
        chars = sum(map(len, texts))
        self._counts[chars] += 1
        self._chars += chars
        self._bytes += size or sum(map(_bytes_of, texts))

    def merge(self, other: "Lengths") -> None:
        """Add what was counted further down."""
        self._counts.update(other._counts)
        self._chars += other._chars
        self._bytes += other._bytes

    def percentile(self, percent: int) -> int:
        """Return the smallest length that at least so many percent of the rows do not pass; 0 without rows."""
        wanted = ceil(sum(self._counts.values()) * percent / 100)
        seen = 0
        for length in sorted(self._counts):
            seen += self._counts[length]
            if seen >= wanted:
                return length
        return 0

    def tokens(self, chars: int) -> int:
        """Return the estimated tokens of so many characters of this text; TOKEN_BASIS says how."""
        return ceil(chars * self._bytes / self._chars / 4) if self._chars else 0

    def summary(self) -> dict[str, int | str]:
        """Return characters and estimated tokens at p50, p95, p99 and the maximum, with the basis of the estimate."""
        found: dict[str, int | str] = {}
        for name, percent in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100)):
            chars = self.percentile(percent)
            found |= {f"chars_{name}": chars, f"tokens_{name}": self.tokens(chars)}
        return found | {"tokens_basis": TOKEN_BASIS}


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Labels:
    """Rows by answer while the answers look like labels."""

    def __init__(self) -> None:
        self._counts: dict[str, int] | None = {}

    def add(self, answer: str, rows: int = 1) -> None:
        """Count rows of one answer."""
        counts = self._counts
        if counts is None:
            return
        if answer in counts:
            counts[answer] += rows
        elif len(counts) >= MAX_LABELS or len(answer) > MAX_LABEL_CHARS:
            self._counts = None
        else:
            counts[answer] = rows

    def merge(self, other: "Labels") -> None:
        """Add what was counted further down."""
        if other._counts is None:
            self._counts = None
        else:
            for answer, rows in other._counts.items():
                self.add(answer, rows)

    @property
    def counts(self) -> dict[str, int]:
        """Rows by label, most frequent first; empty when the answers are no labels."""
        found = Counter(self._counts or {})
        return dict(found.most_common()) if len(found) >= 2 and found.total() >= len(found) * ROWS_PER_LABEL else {}
