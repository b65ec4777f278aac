"""A rule is a pure function with an id, the methods it speaks of, and where it comes from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from novaforge.guards.findings import Finding, Severity
from novaforge.guards.rules.facts import NotKnownError, TrainingFacts

SFT = frozenset({"SFT_LORA"})
RFT = frozenset({"RFT_LORA"})
TRAINING = SFT | RFT
EVALUATION = frozenset({"EVALUATION"})
ALL = TRAINING | EVALUATION

CHECKED_ON = date(2026, 11, 20)
"""When the sources of the rules were last compared with them."""


class Remark(NamedTuple):
    """What a rule says about one plan."""

    severity: Severity
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule; `source` holds keys of SOURCES."""

    id: str
    check: Callable[[TrainingFacts], Iterable[Remark]]
    methods: frozenset[str]
    source: str
    checked_on: date = CHECKED_ON


def block(message: str, fix: str = "") -> Remark:
    """Say that the plan cannot start."""
    return Remark("block", message, fix)


def confirm(message: str, fix: str = "") -> Remark:
    """Say that a person must accept this by approving."""
    return Remark("confirm", message, fix)


def warn(message: str, fix: str = "") -> Remark:
    """Say that this is worth a second look."""
    return Remark("warn", message, fix)


def info(message: str, fix: str = "") -> Remark:
    """Say something that is good to know."""
    return Remark("info", message, fix)


def apply_rules(rules: Sequence[Rule], facts: TrainingFacts) -> list[Finding]:
    """Return the findings of every rule that speaks of the method.

    A rule whose facts are unknown yields severity not_checked; rules that lack the same fact share one finding.
    """
    found: list[Finding] = []
    missing: dict[str, list[str]] = {}
    for rule in rules:
        if facts.method not in rule.methods:
            continue
        try:
            for remark in rule.check(facts):
                found.append(Finding(rule=rule.id, severity=remark.severity, message=remark.message, fix=remark.fix))
        except NotKnownError as unknown:
            missing.setdefault(str(unknown), []).append(rule.id)
    return [*found, *(_not_checked(reason, ids) for reason, ids in missing.items())]


def _not_checked(reason: str, ids: list[str]) -> Finding:
    return Finding(rule=" ".join(ids), severity="not_checked", message=f"Not checked: {reason}.", count=len(ids))
