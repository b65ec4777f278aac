"""How the labels are distributed over the rows and over the files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.report import finding, label_word
from novaforge.tools.datasets.splitting.strata import MAX_LABEL_CHARS, MAX_LABELS, ROWS_PER_LABEL

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

RATIO = 10
"""The largest label has this many times the rows of the smallest."""
FEW_ROWS = 20
"""With fewer rows one error moves a label's recall by five points or more."""
_SHOWN = 5


class Balance:
    """Counts rows by label, while the answers look like labels, in the file and in those it is compared with."""

    name = "balance"

    def __init__(self, settings: CheckSettings) -> None:
        self._settings = settings
        self._counts: dict[str, Counter[str] | None] = {name: Counter() for name in ("", *settings.references)}

    def scan(self, rows: Sequence[RowView]) -> dict[str, int] | None:
        """Return rows by answer; None when the answers are no labels."""
        if not self._settings.labels or max([len(row.answer) for row in rows], default=0) > MAX_LABEL_CHARS:
            return None
        counts = Counter(row.answer for row in rows if row.answer)
        return dict(counts) if len(counts) <= MAX_LABELS else None

    def merge(self, file: str, result: dict[str, int] | None) -> None:
        """Take in the counts of a batch of a file."""
        counts = self._counts[file]
        if counts is None:
            return
        counts.update(result or {})
        if result is None or len(counts) > MAX_LABELS:
            self._counts[file] = None

    def findings(self, rows: int) -> "list[Finding]":
        """Return unequal labels, labels with few rows, and labels that are in one file only."""
        counts = self._labels("")
        if not counts:
            return []
        (most, large), *_, (least, small) = counts.most_common()
        found: list[Finding] = []
        if large >= RATIO * small:
            detail = f"{_shown([most])} has {large / counts.total():.1%} of the rows, {_shown([least])} {small / counts.total():.1%}"
            found.append(finding("DQ3-balance", detail, small))
        rare = {label: count for label, count in counts.items() if count < FEW_ROWS}
        # A file in which every label is rare is a small file, and that is told already.
        if rare and len(rare) < len(counts):
            found.append(finding("DQ3-rare", f"under {FEW_ROWS} rows each: {_shown(rare)}", sum(rare.values())))
        return [*found, *self._one_sided(counts)]

    def _one_sided(self, counts: Counter[str]) -> "list[Finding]":
        found: list[Finding] = []
        for uri in self._settings.references:
            other = self._counts[uri] or Counter()
            # Files whose labels have nothing in common hold another task.
            if not counts.keys() & other.keys():
                continue
            for only, lacking, where in ((counts, other, f"not in {uri}"), (other, counts, f"only in {uri}")):
                if missing := {label: rows for label, rows in only.items() if label not in lacking}:
                    found.append(finding("DQ3-one-file", f"{_shown(missing)} {where}", sum(missing.values())))
        return found

    def _labels(self, file: str) -> Counter[str] | None:
        counts = self._counts[file]
        useful = counts is not None and len(counts) >= 2 and counts.total() >= len(counts) * ROWS_PER_LABEL
        return counts if useful else None


def _shown(labels: Mapping[str, int] | Sequence[str]) -> str:
    names = [f'"{label_word(label)}"' for label in labels]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
