"""The further checks by name."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from novaforge.tools.datasets.analysis.balance import Balance
from novaforge.tools.datasets.analysis.check import Check, CheckSettings, RowView
from novaforge.tools.datasets.analysis.copies import Copies
from novaforge.tools.datasets.analysis.languages import LanguageMix
from novaforge.tools.datasets.analysis.lengths import TokenLengths
from novaforge.tools.datasets.analysis.near import NearCopies
from novaforge.tools.datasets.analysis.sensitive import Sensitive
from novaforge.tools.datasets.analysis.shingles import template_of
from novaforge.tools.datasets.analysis.shortcuts import Shortcuts

_CHECKS: dict[str, Callable[[CheckSettings], Check]] = {
    "copies": Copies,
    "near copies": NearCopies,
    "shortcuts": Shortcuts,
    "balance": Balance,
    "secrets": Sensitive,
    "languages": LanguageMix,
    "lengths": TokenLengths,
}

NAMES = tuple(_CHECKS)
"""Every further check, in the order in which they report."""


def make_checks(settings: CheckSettings, names: Sequence[str] = NAMES) -> list[Check]:
    """Return the checks; alike in every process that makes them from equal settings."""
    return [_CHECKS[name](settings) for name in names]


def prepare(settings: CheckSettings, head: Sequence[RowView]) -> CheckSettings:
    """Return the settings with what the first rows tell; called once, where the checks are merged."""
    return replace(settings, template=template_of(row.prompt for row in head))
