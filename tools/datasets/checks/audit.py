"""What the counts of a file say: findings about single rows and about the file as a whole."""

from collections.abc import Callable, Sequence
from contextlib import closing

from novaforge.guards.findings import Finding
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.analysis.check import Check
from novaforge.tools.datasets.checks.counts import Counts
from novaforge.tools.datasets.checks.tally import rule_finding, shares
from novaforge.tools.datasets.engine.audit_work import AuditResult
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.counts import count_findings
from novaforge.tools.datasets.media.check import MediaCheck
from novaforge.tools.datasets.rows import (
    BAD_JSON,
    BIG_NUMBER,
    DUPLICATE_KEY,
    NOT_AN_OBJECT,
    NOT_UTF8,
    TOO_DEEP,
    TOO_LARGE,
)

_UNREADABLE = (BAD_JSON, NOT_AN_OBJECT, NOT_UTF8, TOO_LARGE, DUPLICATE_KEY, BIG_NUMBER, TOO_DEEP)
_MEDIA = ("image", "video", "document")


class Audit:
    """One pass over the rows of a file: rules, counts, and what the further checks found."""

    def __init__(self, row_format: RowFormat, checks: Sequence[Check], media: MediaCheck | None = None) -> None:
        self._format = row_format
        self._checks = checks
        self._media = media
        self._counts = Counts()

    def take(self, result: AuditResult, file: str) -> None:
        """Add what was seen in one batch of a file of that name."""
        self._counts.merge(result.counts, file)
        for check, scanned in zip(self._checks, result.scans, strict=True):
            check.merge("", scanned)
        if self._media is not None:
            self._media.merge(file, result.media)

    @property
    def rows(self) -> int:
        """Rows that were read."""
        return self._counts.rows

    @property
    def labels(self) -> dict[str, int]:
        """Rows by label, most frequent first; empty when the answers are no labels."""
        return self._counts.labels.counts

    @property
    def lengths(self) -> dict[str, int | str]:
        """Characters and estimated tokens of whole rows."""
        return self._counts.lengths.summary()

    @property
    def reasoning_share(self) -> float:
        """The share of rows with reasoning, between 0 and 1."""
        return self._counts.parts["reasoningContent"] / self.rows if self.rows else 0.0

    def row_findings(self) -> list[Finding]:
        """Return what single rows break, unreadable lines included."""
        rejects = self._counts.rejects
        unreadable = [
            rule_finding("DA1-row", rejects.where(reason), f"{reason}: {rejects.where(reason).where()}")
            for reason in _UNREADABLE
            if reason in rejects.reasons
        ]
        return unreadable + self._counts.tally.findings()

    def file_findings(self, tick: Callable[[str], None] = lambda doing: None) -> list[Finding]:
        """Return what the rows as a whole break; `tick` is told what is being looked for."""
        if not self.rows:
            return [rule_finding("DA1-empty")]
        found = [*self._count_findings(), *self._media_findings()]
        optional = self._counts.parts.copy()
        del optional["reasoningContent"]
        if detail := shares(optional, self.rows):
            found.append(rule_finding("DA10-optional", None, detail))
        for check in self._checks:
            tick(f"looking for {check.name}")
            found += check.findings(self.rows)
        return found

    def reasoning_findings(self) -> list[Finding]:
        """Return a finding when only some rows hold reasoning."""
        share = self.reasoning_share
        return [rule_finding("RE3", None, f"{share:.0%} of the rows")] if 0 < share < 1 else []

    def inspect_media(self, ctx: ToolContext) -> list[Finding]:
        """Read the media files the rows refer to and return what is wrong with them; nothing when nobody asked."""
        if self._media is None:
            return []
        with closing(self._media):
            return self._media.inspect(ctx)

    def _count_findings(self) -> list[Finding]:
        wanted = self._format
        return count_findings(
            wanted, wanted.model, wanted.platform or None, wanted.method, self.rows, self._counts.parts
        )

    def _media_findings(self) -> list[Finding]:
        media = [kind for kind in _MEDIA if self._counts.parts[kind]]
        found = [rule_finding("DA8-set", None, ", ".join(media))] if len(media) > 1 else []
        return [*found, rule_finding("DA8-files")] if media and self._media is None else found
