"""The worst answers of an evaluation: text from outside, cleaned and capped, for fields named untrusted only."""

from collections.abc import Sequence

from novaforge.guards.text import clean
from novaforge.guards.values import JsonObject
from novaforge.tools.evaluation.labels import NONE
from novaforge.tools.evaluation.rows import Row

MOST_SAMPLES = 20
TEXT_CHARS = 500


def worst_samples(
    rows: Sequence[Row],
    scores: dict[str, tuple[float, ...]],
    labels: Sequence[str],
    gold_labels: Sequence[int],
    predictions: Sequence[int],
) -> tuple[JsonObject, ...]:
    """Return up to 20 failing rows, worst first: no valid label, wrong label, then the least word overlap."""
    ranked: list[tuple[float, float, float, int]] = []
    for place in range(len(rows)):
        right = _right(labels, gold_labels, predictions, place, scores["exact_match"][place])
        valid = float(not labels or predictions[place] != NONE)
        if right < 1:
            ranked.append((right, valid, scores["f1_score_quasi"][place], place))
    picked = [place for *_, place in sorted(ranked)[:MOST_SAMPLES]]
    return tuple(_sample(rows[place], scores, labels, predictions, place) for place in picked)


def _right(
    labels: Sequence[str], gold_labels: Sequence[int], predictions: Sequence[int], place: int, match: float
) -> float:
    """A row is right when its label is; without labels, or when the gold answer is none of them, when it matches."""
    if labels and gold_labels[place] != NONE:
        return float(gold_labels[place] == predictions[place])
    return match


def _sample(
    row: Row, scores: dict[str, tuple[float, ...]], labels: Sequence[str], predictions: Sequence[int], place: int
) -> JsonObject:
    sample: JsonObject = {
        "row": place + 1,
        "id": row.row_id,
        "prompt": clean(row.prompt, TEXT_CHARS),
        "gold": clean(row.gold, TEXT_CHARS),
        "output": clean(row.output, TEXT_CHARS),
        "f1": round(scores["f1_score_quasi"][place], 4),
    }
    if labels:
        sample["prediction"] = labels[predictions[place]] if predictions[place] != NONE else None
    return sample
