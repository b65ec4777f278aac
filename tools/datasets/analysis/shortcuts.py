"""Shortcut features: traits of the format that predict a label almost alone."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import ceil, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.report import finding, label_word
from novaforge.tools.datasets.analysis.sample import chosen
from novaforge.tools.datasets.analysis.traits import telling, traits_of
from novaforge.tools.datasets.splitting.strata import MAX_LABEL_CHARS, MAX_LABELS, ROWS_PER_LABEL

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

SAMPLE = 4_000
"""Rows that are enough: a trait of one row in a hundred then has 40, and SUPPORT is 30."""
PRECISION = 0.85
"""What the precision is at least, with the certainty below."""
RECALL = 0.1
CUT = 0.5
"""The trait has to halve the errors of always naming the label, so that a frequent label does not make traits of its own."""
SUPPORT = 30
CERTAINTY = 0.001
"""Chance that a file without any shortcut gets a finding, over all traits that were tried."""
_SHOWN = 4
_ARTICLE = re.compile(r"^(the|an?) ")
_STEP = log(1.1)


class LabelCounts(NamedTuple):
    """Rows of one label, rows by trait, and rows by the logarithm of their length."""

    rows: int
    traits: Counter[str]
    lengths: Counter[int]


class Shortcut(NamedTuple):
    """A trait and the label it predicts."""

    trait: str
    label: str
    precision: float
    recall: float
    rows: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


class Shortcuts:
    """Counts the traits of queries by label, on a sample of a large file."""

    name = "shortcuts"

    def __init__(self, settings: CheckSettings) -> None:
        self._settings = settings
        self._share = settings.share(SAMPLE)
        self._labels: dict[str, LabelCounts] | None = {}
        self._sampled = 0

    def scan(self, rows: Sequence[RowView]) -> dict[str, LabelCounts] | None:
        """Return the traits of a batch by label; None when an answer is too long for a label."""
        if not self._settings.labels or max([len(row.answer) for row in rows], default=0) > MAX_LABEL_CHARS:
            return None
        found: dict[str, LabelCounts] = {}
        for row in chosen(rows, self._share):
            if row.answer and row.prompt:
                counts = found.get(row.answer) or LabelCounts(0, Counter(), Counter())
                counts.traits.update(traits_of(row.prompt))
                counts.lengths[int(log(len(row.prompt)) / _STEP)] += 1
                found[row.answer] = counts._replace(rows=counts.rows + 1)
        return found if len(found) <= MAX_LABELS else None

    def merge(self, file: str, result: dict[str, LabelCounts] | None) -> None:
        """Take in the counts of a batch of the file being checked, until there are more than enough."""
        if file or self._labels is None or self._sampled >= 4 * SAMPLE:
            return
        if result is None:
            self._labels = None
            return
        for label, counts in result.items():
            known = self._labels.setdefault(label, LabelCounts(0, Counter(), Counter()))
            known.traits.update(counts.traits)
            known.lengths.update(counts.lengths)
            self._labels[label] = known._replace(rows=known.rows + counts.rows)
            self._sampled += counts.rows
        if len(self._labels) > MAX_LABELS:
            self._labels = None

    def findings(self, rows: int) -> "list[Finding]":
        """Return one finding for each label that some trait gives away, with the best traits."""
        labels = self._labels or {}
        if not 2 <= len(labels) <= self._sampled / ROWS_PER_LABEL:
            return []
        found = shortcuts(labels)
        by_label = [[each for each in found if each.label == label] for label in labels]
        return [self._finding(each, rows) for each in by_label if each]

    def _finding(self, found: list[Shortcut], rows: int) -> "Finding":
        best, *others = sorted(found, key=lambda each: (-round(each.f1, 2), telling(each.trait), -each.f1))
        label = label_word(best.label)
        also = "; ".join(f"{each.trait}: {_figures(each)}" for each in others[:_SHOWN])
        more = f", and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        sample = "" if self._sampled >= rows else f"; on a sample of {self._sampled} rows"
        detail = f'{best.trait} means "{label}" with {_figures(best)}, {best.rows} rows'
        return finding("DQ2-shortcut", f"{detail}{f'; also {also}{more}' if also else ''}{sample}", best.rows)


def shortcuts(labels: dict[str, LabelCounts]) -> list[Shortcut]:
    """Return the traits that give a label away, held to a certainty over everything that was tried."""
    total = sum(counts.rows for counts in labels.values())
    tried = [
        (trait, by_label)
        for trait, by_label in _candidates(labels)
        if sum(by_label) >= SUPPORT and len(by_label) == len(labels)
    ]
    z = NormalDist().inv_cdf(1 - CERTAINTY / max(1, len(tried) * len(labels)))
    found: list[Shortcut] = []
    for trait, by_label in tried:
        rows = sum(by_label)
        for (label, counts), hits in zip(labels.items(), by_label, strict=True):
            # The lower end of the interval is never above the share itself.
            if hits < PRECISION * rows:
                continue
            least = lower_bound(hits, rows, z)
            base = counts.rows / total
            if least >= PRECISION and 1 - least <= CUT * (1 - base) and hits >= RECALL * counts.rows:
                found.append(Shortcut(trait, label, hits / rows, hits / counts.rows, rows))
    return found


def lower_bound(hits: int, rows: int, z: float) -> float:
    """Return the lower end of Wilson's interval for a share."""
    share = hits / rows
    middle = share + z * z / (2 * rows)
    spread = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return (middle - spread) / (1 + z * z / rows)


def _candidates(labels: dict[str, LabelCounts]) -> Iterator[tuple[str, list[int]]]:
    """Yield each trait, and its absence, with the rows of each label that have it."""
    sizes = [counts.rows for counts in labels.values()]
    for trait in sorted({trait for counts in labels.values() for trait in counts.traits}):
        having = [counts.traits[trait] for counts in labels.values()]
        named = f"the mark {trait}" if len(trait) == 1 else trait
        yield f"having {named}", having
        yield f"having no {_ARTICLE.sub('', named)}", [size - hits for size, hits in zip(sizes, having, strict=True)]
    for edge in sorted({step for counts in labels.values() for step in counts.lengths})[1:]:
        shorter = [_below(counts.lengths.items(), edge) for counts in labels.values()]
        chars = ceil((1.1) ** edge)
        yield f"having under {chars} characters", shorter
        yield f"having {chars} characters or more", [size - hits for size, hits in zip(sizes, shorter, strict=True)]


def _below(lengths: Iterable[tuple[int, int]], edge: int) -> int:
    return sum(rows for step, rows in lengths if step < edge)


def _figures(each: Shortcut) -> str:
    return f"precision {each.precision:.1%} and recall {each.recall:.1%}"
