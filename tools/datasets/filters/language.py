"""Leave out rows in other languages than the wanted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.analysis.language import UNKNOWN, known_languages, language_of, too_short
from novaforge.tools.datasets.filters.arguments import number, settings, wrong
from novaforge.tools.datasets.filters.candidate import Candidate
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.shapes.columns import nearest

if TYPE_CHECKING:
    from pydantic import JsonValue

MIN_SCORE = 0.2
"""The small model is unsure of text with much code: at 0.5 it gives up on a quarter of such English rows, at 0.2 on 1 %."""


class Languages(NamedTuple):
    """Judges the query, or the answer of a row without one; a row whose language cannot be told is left out too.

    Of a few words any language is found, so that a short row that is left out is listed as too short, under no language.
    """

    keep: frozenset[str]
    min_score: float

    def removes(self, candidate: Candidate) -> str:
        """Return the filter's name with why."""
        text = candidate.prompt or candidate.answer
        language, score = language_of(text)
        if language in self.keep and score >= self.min_score:
            return ""
        if language != UNKNOWN and too_short(text):
            return "languages: too short to tell"
        return "languages: unsure" if language == UNKNOWN or score < self.min_score else f"languages: {language}"


def languages(row_format: RowFormat, value: JsonValue) -> Languages | None:
    """Return the filter for a list of language codes, or an object with keep and min_score."""
    if isinstance(value, list):
        value = {"keep": value}
    if not isinstance(value, dict) and value is not False:
        raise wrong("languages", value, 'a list of codes such as ["en"]')
    given = settings("languages", value, ("keep", "min_score"))
    if given is None:
        return None
    return Languages(_codes(given.get("keep")), number("languages.min_score", given.get("min_score", MIN_SCORE), 0, 1))


def _codes(value: JsonValue) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise wrong("languages", value, 'a list of codes such as ["en"]')
    known = known_languages()
    for code in value:
        if not isinstance(code, str) or code not in known:
            near = nearest(str(code), known)
            raise wrong("languages", code, f"ISO codes such as {', '.join(near) if near else 'en, de, zh'}")
    return frozenset(code for code in value if isinstance(code, str))
