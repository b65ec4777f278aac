"""The length of rows in tokens, estimated from their bytes."""

from collections import Counter
from collections.abc import Sequence
from math import ceil, exp, log
from typing import TYPE_CHECKING

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.report import finding
from novaforge.tools.datasets.checks.tally import FIRST_LINES

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

BYTES_PER_TOKEN = 4
BASIS = "estimated as UTF-8 bytes / 4, within about 30 % for English and code, up to a factor of 2 for other scripts; Nova's tokenizer is not public"
LONG_SHARE = 0.01
"""Above this share of rows over max_length the person has to agree (rule SL3)."""
LENGTH_STEP = 1024
_GROWTH = log(1.02)
_BINS = 1200
"""Bins of two percent each reach beyond a gigabyte."""


class TokenLengths:
    """A histogram of the estimated tokens of whole rows, in bins of two percent."""

    name = "lengths"

    def __init__(self, settings: CheckSettings) -> None:
        self._settings = settings
        self._bins = [0] * _BINS
        self._longest = 0
        self._over = 0
        self._lines: list[int] = []

    def scan(self, rows: Sequence[RowView]) -> tuple[dict[int, int], int, int, list[int]]:
        """Return rows by bin, the longest row, how many are over the limit, and the first lines of those."""
        limit = self._settings.max_length
        tokens = [tokens_of(row) for row in rows]
        bins: dict[int, int] = {}
        for length, count in Counter(tokens).items():
            place = bin_of(length)
            bins[place] = bins.get(place, 0) + count
        over = [row.line for row, length in zip(rows, tokens, strict=True) if length > limit] if limit else []
        return bins, max(tokens, default=0), len(over), over[:FIRST_LINES]

    def merge(self, file: str, result: tuple[dict[int, int], int, int, list[int]]) -> None:
        """Take in a batch of the file being checked."""
        if file:
            return
        bins, longest, over, lines = result
        for place, rows in bins.items():
            self._bins[place] += rows
        self._longest = max(self._longest, longest)
        self._over += over
        self._lines = [*self._lines, *lines][:FIRST_LINES]

    def percentile(self, percent: int) -> int:
        """Return the tokens that at least so many percent of the rows do not pass, within two percent."""
        wanted, seen = ceil(sum(self._bins) * percent / 100), 0
        for place, rows in enumerate(self._bins):
            seen += rows
            if seen >= wanted:
                return min(self._longest, ceil(exp((place + 1) * _GROWTH)) - 1)
        return self._longest

    def findings(self, rows: int) -> "list[Finding]":
        """Return the lengths, and what they mean for max_length."""
        if not any(self._bins):
            return []
        figures = ", ".join(f"p{percent} {self.percentile(percent)}" for percent in (50, 95, 99))
        found = [finding("SL-lengths", f"{figures}, longest {self._longest}; {BASIS}", rows)]
        return [*found, *self._too_long(rows), *self._too_generous()]

    def _too_long(self, rows: int) -> "list[Finding]":
        if not self._over:
            return []
        where = self._settings.places(self._lines, self._over)
        rule = "SL3" if self._over > LONG_SHARE * rows else "SL3-few"
        detail = f"{self._over / rows:.1%} are over {self._settings.max_length} tokens, {where}; {next_length(self._longest)} would hold all"
        return [finding(rule, detail, self._over, self._lines[0])]

    def _too_generous(self) -> "list[Finding]":
        length, used = self._settings.max_length, self.percentile(95)
        if length is None or used * 1.1 >= length / 2:
            return []
        # Below the 99th percentile rule SL3 would ask to raise it again.
        most = self._longest if self._longest < length / 2 else self.percentile(99)
        enough = next_length(max(ceil(used * 1.3), most))
        if enough >= length:
            return []
        detail = f"95 % of the rows have at most about {used} tokens, max_length is {length}; {enough} would do"
        return [finding("SL2", detail, fix=f'"max_length": {enough}')]


def tokens_of(row: RowView) -> int:
    """Return the estimated tokens of all texts of a row."""
    between = max(0, len(row.texts) - 1)
    return -(-(len(row.encoded) - between) // BYTES_PER_TOKEN)


def bin_of(tokens: int) -> int:
    """Return the bin of a length; the bins grow by two percent."""
    return min(_BINS - 1, int(log(tokens) / _GROWTH)) if tokens > 1 else 0


def next_length(tokens: int) -> int:
    """Return the next multiple of 1,024, which every platform takes as max_length."""
    return ceil(max(1, tokens) / LENGTH_STEP) * LENGTH_STEP
