"""What every tool returns: a typed model, a short text for people, and images beside it."""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, PrivateAttr

from novaforge.guards.findings import Finding
from novaforge.guards.values import Frozen

_LINES = re.compile(r"\blines? \S*\d")


class ToolResult(BaseModel):
    """Base of tool results; subclasses override `text` and may attach PNG images."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    next_step: str = ""
    sandbox: bool = False
    _images: list[bytes] = PrivateAttr(default_factory=list[bytes])

    @property
    def images(self) -> list[bytes]:
        """PNG images shown beside the result."""
        return self._images

    def attach(self, png: bytes) -> None:
        """Add a PNG image."""
        self._images.append(png)

    def text(self) -> str:
        """Return a few lines for a person."""
        return self.next_step


class FindingView(Frozen):
    """A finding on the wire; where it lies in a file is part of the message."""

    rule: str
    severity: str
    message: str
    fix: str = ""


class RowFinding(FindingView):
    """A finding about a file's rows: the first line and JSON path it was seen at, and how often."""

    line: int | None = None
    path: str | None = None
    count: int = 1


def finding_views(findings: Iterable[Finding]) -> list[FindingView]:
    """Return findings for the wire."""
    return [
        FindingView(
            rule=finding.rule, severity=finding.severity, message=finding.message + _where(finding), fix=finding.fix
        )
        for finding in findings
    ]


def row_findings(findings: Iterable[Finding]) -> list[RowFinding]:
    """Return findings about rows for the wire."""
    return [RowFinding.model_validate(finding.model_dump()) for finding in findings]


def show_findings(findings: Iterable[FindingView]) -> str:
    """Return findings as lines of text, worst first."""
    order = {"block": 0, "confirm": 1, "not_checked": 2, "warn": 3, "info": 4}
    ranked = sorted(findings, key=lambda finding: order.get(finding.severity, 9))
    return "\n".join(_show(finding) for finding in ranked)


def _show(finding: FindingView) -> str:
    where = _where(finding) if isinstance(finding, RowFinding) else ""
    fix = f" -> {finding.fix}" if finding.fix else ""
    return f"[{finding.severity}] {finding.rule}: {finding.message}{where}{fix}"


def _where(finding: Finding | RowFinding) -> str:
    """Return where it was seen first, unless the message lists the lines already."""
    told = not finding.line or _LINES.search(finding.message)
    return "" if told else f" (line {finding.line})"
