"""Which languages the queries are in."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.language import UNKNOWN, told_language
from novaforge.tools.datasets.analysis.report import finding
from novaforge.tools.datasets.analysis.sample import chosen
from novaforge.tools.datasets.checks.tally import FIRST_LINES

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

SAMPLE = 500
"""Rows that are enough to tell a share within about four points."""
CHARS = 200
"""The beginning of a query that is looked at; with 400, 0.4 % of English ones with much code are mistaken and not 0.6 %."""
LEAST_SHARE = 0.02
"""Single rows are mistaken for another language now and then: 0.6 % of English ones with much code."""
_SHOWN = 6


class LanguageMix:
    """Counts the languages of a sample of queries."""

    name = "languages"

    def __init__(self, settings: CheckSettings) -> None:
        self._settings = settings
        self._share = settings.share(SAMPLE)
        self._counts: Counter[str] = Counter()
        self._lines: list[int] = []

    def scan(self, rows: Sequence[RowView]) -> list[tuple[int, str]]:
        """Return the beginnings of the sampled queries of a batch with their lines."""
        return [(row.line, _beginning(row)) for row in chosen(rows, self._share)]

    def merge(self, file: str, result: list[tuple[int, str]]) -> None:
        """Count the languages of the file being checked.

        They are told here and not where rows are scanned: a process takes longer to load the model than to use it on a sample.
        """
        if file or self._counts.total() >= 4 * SAMPLE:
            return
        languages = [told_language(text) for _, text in result]
        self._counts.update(languages)
        other = [line for (line, _), language in zip(result, languages, strict=True) if self._unwanted(language)]
        self._lines = [*self._lines, *other][:FIRST_LINES]

    def findings(self, rows: int) -> "list[Finding]":
        """Return the mix where there is one, and how many rows are in other languages than the wanted ones."""
        total = self._counts.total()
        told = total - self._counts[UNKNOWN]
        if not told:
            return []
        sample = "" if total >= rows else f"; on a sample of {total} rows"
        # A language counts when it has a share of its own: mistakes are spread over many languages.
        present = [language for language, count in self._counts.items() if count >= LEAST_SHARE * told]
        if self._settings.languages:
            if not any(map(self._unwanted, present)):
                return []
            unwanted = sum(count for language, count in self._counts.items() if self._unwanted(language))
            where = self._settings.places(self._lines, unwanted)
            return [finding("DQ5-other-languages", f"{where}: {self._mix(told)}{sample}", unwanted, self._lines[0])]
        if len([language for language in present if language != UNKNOWN]) < 2:
            return []
        return [finding("DQ5-languages", f"{self._mix(told)}{sample}", total)]

    def _unwanted(self, language: str) -> bool:
        return language not in (*self._settings.languages, UNKNOWN)

    def _mix(self, told: int) -> str:
        named = [(language, count) for language, count in self._counts.most_common() if language != UNKNOWN]
        return ", ".join(f"{language} {count / told:.1%}" for language, count in named[:_SHOWN])


def _beginning(row: RowView) -> str:
    return (row.prompt or " ".join(row.texts))[:CHARS]
