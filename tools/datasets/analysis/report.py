"""Findings of the further checks: rows and the rows they collide with, by their first lines."""

import re
from typing import TYPE_CHECKING

from novaforge.guards.text import one_line
from novaforge.tools.datasets.analysis.check import FILE_SHIFT, CheckSettings
from novaforge.tools.datasets.analysis.groups import Matches
from novaforge.tools.datasets.checks.tally import FIRST_LINES
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.splitting.strata import MAX_LABEL_CHARS

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding


_LABEL_CHARS = 40
HIDDEN = "hidden:secret_or_personal"
"""Stands for a label that looks like a secret or like personal data."""
_NO_WORD = re.compile(r"[^\w.:/+-]+")


def label_word(label: str) -> str:
    """Return a label as one word: it comes from the file, and must not read like a sentence of ours, nor tell a secret."""
    if shown(label) == HIDDEN:
        return HIDDEN
    return _NO_WORD.sub("_", one_line(label, MAX_LABEL_CHARS))[:_LABEL_CHARS]


def shown(label: str) -> str:
    """Return a label, or HIDDEN for one that looks like a secret or like personal data."""
    # Loaded where a label is told, since the detectors take a while.
    from novaforge.tools.datasets.analysis.sensitive import kinds_in

    return HIDDEN if kinds_in(label) else label


class Pairs:
    """Rows that collide with an earlier row or a row of another file: how many, and the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[tuple[int, int]] = []

    def add(self, found: Matches) -> None:
        """Take in more rows."""
        self.count += found.rows
        self.first = sorted([*self.first, *found.first])[:FIRST_LINES]

    def where(self, settings: CheckSettings, other: str = "") -> str:
        """Return the count and the first lines with their counterparts, which are lines of the source `other`."""
        shown = ", ".join(f"{settings.place('', line)} (as {settings.place(other, twin)})" for line, twin in self.first)
        rows = "1 row" if self.count == 1 else f"{self.count} rows"
        return (
            f"{rows}: line{'s' if len(self.first) > 1 else ''} {shown}{', ...' if self.count > len(self.first) else ''}"
        )


def finding(rule_id: str, detail: str, count: int = 1, line: int | None = None, fix: str = "") -> "Finding":
    """Return the finding of a rule; the line is that of its file."""
    # Workers look and never report: they do without the models, which take longer to import than to start Python.
    from novaforge.guards.findings import Finding

    rule = RULES[rule_id]
    return Finding(
        rule=rule_id,
        severity=rule.severity,
        message=f"{rule.message} ({detail})" if detail else rule.message,
        fix=fix or rule.fix,
        line=None if line is None else line & ((1 << FILE_SHIFT) - 1),
        count=count,
    )
