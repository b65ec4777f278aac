"""The metrics of a gen_qa evaluation, per row and as mean with standard error."""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence

import sacrebleu
from rouge_score import rouge_scorer

NAMES = ("rouge1", "rouge2", "rougeL", "exact_match", "quasi_exact_match", "f1_score", "f1_score_quasi", "bleu")

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ROUGE = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])


def row_metrics(prediction: str, gold: str) -> dict[str, float]:
    """Return every metric of one row, each from 0 to 1 (bleu from 0 to 100, as sacrebleu counts)."""
    rouge = _ROUGE.score(gold, prediction)
    plain, quasi = (prediction.strip(), gold.strip()), (_normal(prediction), _normal(gold))
    return {
        **{name: float(score.fmeasure) for name, score in rouge.items()},
        "exact_match": float(plain[0] == plain[1]),
        "quasi_exact_match": float(quasi[0] == quasi[1]),
        "f1_score": _f1(*plain),
        "f1_score_quasi": _f1(*quasi),
        "bleu": float(sacrebleu.sentence_bleu(prediction, [gold]).score),
    }


def summary(rows: Sequence[dict[str, float]], predictions: Sequence[str], golds: Sequence[str]) -> dict[str, float]:
    """Return mean and <name>_stderr of every metric; bleu's value is the corpus one, its error that of the rows."""
    found: dict[str, float] = {}
    for name in NAMES:
        values = [row[name] for row in rows]
        found[name] = sum(values) / len(values)
        found[f"{name}_stderr"] = _stderr(values)
    found["bleu"] = float(sacrebleu.corpus_bleu(list(predictions), [list(golds)]).score)
    return found


def _stderr(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def _normal(text: str) -> str:
    # The order of SQuAD's script: lower case, punctuation, articles, white space.
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _f1(prediction: str, gold: str) -> float:
    left, right = prediction.split(), gold.split()
    common = sum((Counter(left) & Counter(right)).values())
    if not common:
        return float(not left and not right)
    precision, recall = common / len(left), common / len(right)
    return 2 * precision * recall / (precision + recall)
