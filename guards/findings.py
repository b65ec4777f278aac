"""Findings and facts: what was checked, what was seen, and what could not be checked."""

from typing import Literal

from pydantic import Field, JsonValue

from novaforge.guards.values import Frozen

Severity = Literal["block", "confirm", "warn", "info", "not_checked"]
"""block: cannot start; confirm: the person accepts it by name; not_checked: the facts could not be read."""


class Finding(Frozen):
    """One result of one rule."""

    rule: str
    severity: Severity
    message: str
    fix: str = ""
    line: int | None = None
    path: str | None = None
    count: int = 1


class Fact(Frozen):
    """Something read from the outside for a decision, or the reason why it could not be read."""

    name: str
    known: bool
    value: JsonValue = None
    reason: str = Field(default="", description="why it was not checked")
    source: str = ""


def known(name: str, value: JsonValue, source: str = "") -> Fact:
    """Return a fact that was read."""
    return Fact(name=name, known=True, value=value, source=source)


def not_checked(name: str, reason: str, source: str = "") -> Fact:
    """Return a fact that could not be read, with the reason."""
    return Fact(name=name, known=False, reason=reason, source=source)


def blocking(findings: "tuple[Finding, ...] | list[Finding]") -> list[Finding]:
    """Return the findings that stop a plan."""
    return [finding for finding in findings if finding.severity == "block"]
