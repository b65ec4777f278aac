"""Count what was found row by row, and tell it as one finding per rule."""

from collections import Counter
from dataclasses import dataclass, field

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.rows import Hit, Reject

FIRST_LINES = 5


@dataclass
class Seen:
    """How often a rule was broken, where first, and how many physical lines the rows took."""

    count: int = 0
    span: int = 0
    lines: list[int] = field(default_factory=list[int])
    path: str | None = None

    def add(self, line: int, path: str | None, span: int = 1) -> None:
        """Count one row of `span` lines."""
        self.count += 1
        self.span += span
        if len(self.lines) < FIRST_LINES:
            self.lines.append(line)
            self.path = self.path or path

    def where(self) -> str:
        """Return the first lines in words."""
        shown = ", ".join(map(str, self.lines))
        more = ", ..." if self.count > len(self.lines) else ""
        rows = "1 row" if self.count == 1 else f"{self.count} rows"
        rows += f" of {self.span} lines in all" if self.span > self.count else ""
        return f"{rows}, line{'s' if len(self.lines) > 1 else ''} {shown}{more}" if shown else rows


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

    def findings(self) -> list[Finding]:
        """Return one finding per broken rule."""
        return [rule_finding(rule, seen) for rule, seen in self._seen.items()]


class Rejects:
    """Rejected rows by reason."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def add(self, reject: Reject) -> None:
        """Count one rejected row."""
        self._seen.setdefault(reject.reason, Seen()).add(reject.line, None, reject.lines)

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


def rule_finding(rule_id: str, seen: Seen | None = None, detail: str = "") -> Finding:
    """Return the finding for a broken rule, with count, first line and path where rows broke it."""
    rule = RULES[rule_id]
    if seen is None:
        return Finding(rule=rule_id, severity=rule.severity, message=_sentence(rule.message, detail), fix=rule.fix)
    return Finding(
        rule=rule_id,
        severity=rule.severity,
        message=_sentence(rule.message, detail or seen.where()),
        fix=rule.fix,
        line=seen.lines[0] if seen.lines else None,
        path=seen.path,
        count=seen.count,
    )


def _sentence(message: str, detail: str) -> str:
    return f"{message} ({detail})" if detail else message


def shares(parts: Counter[str], rows: int) -> str:
    """Return in which share of the rows each part occurs, for parts that are in some rows only."""
    return ", ".join(f"{name} in {count} of {rows}" for name, count in sorted(parts.items()) if 0 < count < rows)
