"""Count what was found row by row, and tell it as one finding per rule."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from novaforge.tools.datasets.formats.rules import RULES, Rule
from novaforge.tools.datasets.rows import Hit, Reject

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

FIRST_LINES = 5


@dataclass
class Seen:
    """How often a rule was broken, where first, and how many physical lines the rows took."""

    count: int = 0
    span: int = 0
    lines: list[int] = field(default_factory=list[int])
    path: str | None = None
    places: list[str] = field(default_factory=list[str])
    """The lines as people read them: with the file's name where a source has several files."""

    def add(self, line: int, path: str | None, span: int = 1, file: str = "") -> None:
        """Count one row of `span` lines."""
        self.count += 1
        self.span += span
        if len(self.lines) < FIRST_LINES:
            self._note(line, path, file)

    def merge(self, other: "Seen", file: str = "") -> None:
        """Add what was counted further down, in a file of that name."""
        self.count += other.count
        self.span += other.span
        for line in other.lines[: FIRST_LINES - len(self.lines)]:
            self._note(line, other.path, file)

    def where(self) -> str:
        """Return the first lines in words."""
        shown = ", ".join(self.places)
        more = ", ..." if self.count > len(self.lines) else ""
        rows = "1 row" if self.count == 1 else f"{self.count} rows"
        rows += f" of {self.span} lines in all" if self.span > self.count else ""
        return f"{rows}, line{'s' if len(self.lines) > 1 else ''} {shown}{more}" if shown else rows

    @property
    def line(self) -> int | None:
        """The first line; None where only its place, with the file's name, says which line it is."""
        return self.lines[0] if self.lines and self.places[0] == str(self.lines[0]) else None

    def _note(self, line: int, path: str | None, file: str) -> None:
        self.lines.append(line)
        self.places.append(f"{file}:{line}" if file else str(line))
        self.path = self.path or path


class Tally:
    """Hits per rule; a row counts once per rule."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def add(self, line: int, hits: list[Hit]) -> bool:
        """Count the hits of one row; True when one of them blocks."""
        blocked = False
        for rule, path in {hit.rule: hit.path for hit in reversed(hits)}.items():
            self._seen.setdefault(rule, Seen()).add(line, path)
            blocked = blocked or RULES[rule].severity == "block"
        return blocked

    def merge(self, other: "Tally", file: str = "") -> None:
        """Add what was counted further down, in a file of that name."""
        for rule, seen in other._seen.items():
            self._seen.setdefault(rule, Seen()).merge(seen, file)

    def findings(self) -> "list[Finding]":
        """Return one finding per broken rule."""
        return [rule_finding(rule, seen) for rule, seen in self._seen.items()]


class Rejects:
    """Rejected rows by reason."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def add(self, reject: Reject, file: str = "") -> None:
        """Count one rejected row."""
        self._seen.setdefault(reject.reason, Seen()).add(reject.line, None, reject.lines, file)

    def merge(self, other: "Rejects", file: str = "") -> None:
        """Add what was counted further down, in a file of that name."""
        for reason, seen in other._seen.items():
            self._seen.setdefault(reason, Seen()).merge(seen, file)

    @property
    def rows(self) -> int:
        """How many rows were rejected."""
        return sum(seen.count for seen in self._seen.values())

    @property
    def reasons(self) -> dict[str, int]:
        """Rows by reason."""
        return {reason: seen.count for reason, seen in self._seen.items()}

    def where(self, reason: str) -> Seen:
        """Return count and first lines of one reason."""
        return self._seen.get(reason, Seen())

    def describe(self) -> str:
        """Return reasons with counts and first lines in words."""
        return "; ".join(f"{reason} ({seen.where()})" for reason, seen in self._seen.items())


def rule_finding(rule_id: str, seen: Seen | None = None, detail: str = "") -> "Finding":
    """Return the finding for a broken rule, with count, first line and path where rows broke it."""
    # Workers count and never report: they do without the models, which take longer to import than to start Python.
    from novaforge.guards.findings import Finding

    rule = RULES[rule_id]
    if seen is None:
        return Finding(rule=rule_id, severity=rule.severity, message=_sentence(rule, detail), fix=rule.fix)
    return Finding(
        rule=rule_id,
        severity=rule.severity,
        message=_sentence(rule, detail or seen.where()),
        fix=rule.fix,
        line=seen.line,
        path=seen.path,
        count=seen.count,
    )


def _sentence(rule: Rule, detail: str) -> str:
    said = f"{rule.message} ({detail})" if detail else rule.message
    return f"{said}; {rule.note}" if rule.note else said


def shares(parts: Counter[str], rows: int) -> str:
    """Return in which share of the rows each part occurs, for parts that are in some rows only."""
    return ", ".join(f"{name} in {count} of {rows}" for name, count in sorted(parts.items()) if 0 < count < rows)
