"""Scores of one answer against one gold answer, defined as lighteval defines them; all lie in [0, 1]."""

import re
import string
from typing import Any

EXACT: tuple[str, ...] = ("exact_match", "quasi_exact_match", "f1_score", "f1_score_quasi")
ROUGE: tuple[str, ...] = ("rouge1", "rouge2", "rougeL")

_WORD_BREAK = re.compile(r"[ -]")
_ARTICLE = re.compile(r"\b(?:an?|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def quasi(text: str) -> str:
    """Return the HELM normal form: lower case, no ASCII punctuation, no articles, numbers as floats, single spaces."""
    words = (_ARTICLE.sub(" ", _number(word.lower().translate(_NO_PUNCTUATION))) for word in _WORD_BREAK.split(text))
    return " ".join(" ".join(words).split())


def _number(word: str) -> str:
    """Write a number one way, so that 1 equals 1.0."""
    try:
        return str(float(word))
    except ValueError:
        return word


def exact_match(gold: str, output: str) -> float:
    """Return 1 when both are equal after stripping outer white space and the answer is not empty."""
    return float(bool(output) and gold.strip() == output.strip())


def f1_score(gold: str, output: str) -> float:
    """Return the harmonic mean of precision and recall over the two sets of words."""
    wanted, given = set(gold.split()), set(output.split())
    shared = len(wanted & given)
    return 2 * shared / (len(wanted) + len(given)) if shared else 0.0


def text_scores(gold: str, output: str) -> tuple[float, ...]:
    """Return the scores named in EXACT, in that order."""
    gold_form, form = quasi(gold), quasi(output)
    quasi_match = float(bool(output) and gold_form == form)
    return exact_match(gold, output), quasi_match, f1_score(gold, output), f1_score(gold_form, form)


def rouge_scorer(names: tuple[str, ...]) -> Any:
    """Return a rouge-score scorer with lighteval's settings: default tokenizer, no stemming."""
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(names), use_stemmer=False)


def lcs_cells(gold: str, output: str) -> int:
    """Return about how many cells ROUGE-L's table has."""
    return len(gold.split()) * len(output.split())
