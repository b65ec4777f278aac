"""Say in plain sentences what a comparison shows, and never more than it shows."""

from collections.abc import Sequence

from novaforge.tools.evaluation.results import Difference
from novaforge.tools.evaluation.significance import LEVEL
from novaforge.tools.evaluation.spread import quantile

MAIN = "exact_match"
LABEL = "label_accuracy"
SHORT_WORDS = 3


def verdicts(differences: Sequence[Difference]) -> list[str]:
    """Return a sentence per pair on exact match, and one on label accuracy where that concludes otherwise."""
    by_label = {(found.first, found.second): found for found in differences if found.metric == LABEL}
    said: list[str] = []
    for found in differences:
        if found.metric != MAIN:
            continue
        said.append(sentence(found))
        other = by_label.get((found.first, found.second))
        if other is not None and direction(other) != direction(found):
            said.append(f"By the label read from the answers instead: {sentence(other)}")
    return said


def direction(found: Difference) -> int:
    """Return 1 or -1 for a significant gain or loss, else 0."""
    return 0 if not found.significant else 1 if found.difference > 0 else -1


def sentence(found: Difference) -> str:
    """Return the verdict on one difference."""
    metric = found.metric.replace("_", " ")
    gain = f"{points(found.difference)} points of {metric}"
    interval = f"95 % interval {points(found.low)} to {points(found.high)}"
    if found.significant:
        which = "better" if found.difference > 0 else "worse"
        return f"{found.second} is {which} than {found.first}: {gain}, {interval}, {_test(found)}."
    why = "the interval contains 0" if found.low <= 0 <= found.high else _test(found)
    limit = f"a difference under about {100 * found.detectable:.1f} points would usually be missed with so many rows"
    return f"{found.second} vs {found.first}: {gain}, not significant: {why} ({interval}); {limit}."


def points(share: float) -> str:
    """Write a difference of shares in percentage points with its sign."""
    return f"{100 * share:+.1f}"


def _test(found: Difference) -> str:
    name = "McNemar" if found.test == "mcnemar" else "bootstrap"
    adjusted = " (Holm)" if found.p_holm != found.p else ""
    return f"{name} {p_text(found.p_holm)}{adjusted}"


def p_text(p: float) -> str:
    """Write a p-value to two digits, or as below 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def notes(pairs: int, rows: int, gold_words: Sequence[int], has_labels: bool) -> list[str]:
    """Return the remarks on how to read a comparison."""
    said = [f"Intervals: paired bootstrap over {rows} rows. A result that is not significant does not show equality."]
    if pairs > 1:
        said.append(f"p-values are Holm-adjusted for {pairs} pairs per metric; the level is {LEVEL:g}.")
    if has_labels or (gold_words and quantile(gold_words, 0.5) <= SHORT_WORDS):
        said.append(
            "BLEU and ROUGE say little here: the gold answers are labels or a few words, and BLEU needs four in a row."
        )
    return said
