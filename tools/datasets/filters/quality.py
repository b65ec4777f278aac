"""Leave out rows whose text looks bad: seven tests with the thresholds of AWS's default text filter (facts, section 1.3)."""

from __future__ import annotations

import re
from collections import Counter
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.filters.arguments import number, settings, switch
from novaforge.tools.datasets.filters.candidate import Candidate
from novaforge.tools.datasets.formats.base import RowFormat

if TYPE_CHECKING:
    from pydantic import JsonValue

_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'`]+", re.IGNORECASE)
_HOST = re.compile(r"(?:https?://)?([^/:?#\s]+)", re.IGNORECASE)
ADULT_HOSTS = frozenset(
    ["pornhub", "xvideos", "xnxx", "xhamster", "redtube", "youporn", "tube8", "spankbang", "brazzers", "chaturbate", "livejasmin", "bongacams", "stripchat", "beeg", "eporner", "youjizz", "porn", "hentai", "xtube", "motherless"]
)  # fmt: skip
"""Names in a host that mark it as adult; our own short list, since AWS's is not public."""
ADULT_DOMAINS = frozenset(("xxx", "porn", "adult", "sex"))
_WORDS = 10
_CHARS = 10
_LIMITS = {
    "max_url_ratio": (0.2, 1.0),
    "min_alphanumeric_ratio": (0.25, 1.0),
    "max_word_repetition": (0.5, 1.0),
    "max_character_repetition": (0.5, 1.0),
    "max_mojibake_badness": (1, 1e9),
    "max_mojibake_ratio": (0.05, 1.0),
    "min_chars": (50, 1e9),
    "min_line_chars": (10, 1e9),
}
"""Default and highest value of each setting; adult_urls is the ninth, true by default."""


class Quality(NamedTuple):
    """Judges the query and the answer together."""

    max_url_ratio: float
    min_alphanumeric_ratio: float
    max_word_repetition: float
    max_character_repetition: float
    max_mojibake_badness: float
    max_mojibake_ratio: float
    min_chars: float
    min_line_chars: float
    adult_urls: bool

    def removes(self, candidate: Candidate) -> str:
        """Return the test that a row fails, the cheapest first."""
        failed = self._fails(candidate.text)
        return f"quality: {failed}" if failed else ""

    def _fails(self, text: str) -> str:
        if len(text) < self.min_chars:
            return "min_chars"
        if len(text) < self.min_line_chars * len(text.splitlines() or [""]):
            return "min_line_chars"
        if failed := self._urls(text):
            return failed
        if sum(map(str.isalnum, text)) < self.min_alphanumeric_ratio * len(text):
            return "alphanumeric_ratio"
        return self._repeats(text) or ("mojibake" if self._mojibake(text) else "")

    def _urls(self, text: str) -> str:
        urls = _URL.findall(text) if "://" in text or "www." in text.lower() else []
        if sum(map(len, urls)) > self.max_url_ratio * len(text):
            return "url_ratio"
        return "adult_url" if self.adult_urls and any(map(adult, urls)) else ""

    def _repeats(self, text: str) -> str:
        if word_repetition(text) > self.max_word_repetition:
            return "word_repetition"
        return "character_repetition" if character_repetition(text) > self.max_character_repetition else ""

    def _mojibake(self, text: str) -> bool:
        if text.isascii():
            return False
        from ftfy.badness import BADNESS_RE

        found = [len(match.group()) for match in BADNESS_RE.finditer(text)]
        return len(found) > self.max_mojibake_badness or sum(found) > self.max_mojibake_ratio * len(text)


def adult(url: str) -> bool:
    """Tell a URL whose host is one of an adult site by our own short list."""
    host = _HOST.match(url)
    parts = host.group(1).lower().split(".") if host else []
    return bool(parts) and (parts[-1] in ADULT_DOMAINS or not ADULT_HOSTS.isdisjoint(parts))


def word_repetition(text: str) -> float:
    """Return the share of runs of ten words that occur more than once; 0 for shorter texts."""
    words = text.lower().split()
    runs = Counter(zip(*(words[start:] for start in range(_WORDS)), strict=False))
    total = sum(runs.values())
    return sum(count for count in runs.values() if count > 1) / total if total else 0.0


def character_repetition(text: str) -> float:
    """Return the share that the most frequent runs of ten characters have in all; as many kinds count as the root of their number."""
    runs = [text[at : at + _CHARS] for at in range(len(text) - _CHARS + 1)]
    kinds = len(set(runs))
    if kinds == len(runs):
        return 0.0
    counts = sorted(Counter(runs).values(), reverse=True)
    repeated = sum(count > 1 for count in counts)
    return sum(counts[: min(isqrt(kinds), repeated)]) / len(runs)


def quality(row_format: RowFormat, value: JsonValue) -> Quality | None:
    """Return the filter for true or its settings; raises InputError for unknown or impossible ones."""
    given = settings("quality", value, (*_LIMITS, "adult_urls"))
    if given is None:
        return None
    values = {
        name: number(f"quality.{name}", given.get(name, default), 0, most) for name, (default, most) in _LIMITS.items()
    }
    return Quality(**values, adult_urls=switch("quality.adult_urls", given.get("adult_urls", True)))
