"""What every tool returns: a typed model, a short text for people, and images beside it."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, PrivateAttr

from novaforge.guards.findings import Finding
from novaforge.guards.values import Frozen


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
    """A finding on the wire."""

    rule: str
    severity: str
    message: str
    fix: str = ""
    line: int | None = None
    path: str | None = None
    count: int = 1


def show_findings(findings: Sequence[Finding | FindingView]) -> str:
    """Return findings as lines of text, worst first."""
    order = {"block": 0, "confirm": 1, "not_checked": 2, "warn": 3, "info": 4}
    ranked = sorted(findings, key=lambda finding: order.get(finding.severity, 9))
    return "\n".join(_show(finding) for finding in ranked)


def _show(finding: Finding | FindingView) -> str:
    where = f" (line {finding.line})" if finding.line else ""
    fix = f" -> {finding.fix}" if finding.fix else ""
    return f"[{finding.severity}] {finding.rule}: {finding.message}{where}{fix}"
