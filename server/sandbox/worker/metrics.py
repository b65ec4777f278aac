"""The metrics of a gen_qa evaluation: get_evaluation's own definitions, so that both report the same figures."""

from collections.abc import Sequence

from novaforge.tools.evaluation.bleu import bleu_error, corpus_bleu, row_counts
from novaforge.tools.evaluation.overlap import EXACT, ROUGE, rouge_scorer, text_scores
from novaforge.tools.evaluation.spread import mean, mean_error

NAMES = (*ROUGE, *EXACT, "bleu")

_SCORER = rouge_scorer(ROUGE)


def row_metrics(prediction: str, gold: str) -> dict[str, float]:
    """Return every metric of one row, each from 0 to 1 (bleu from 0 to 100)."""
    rouge = _SCORER.score(gold, prediction)
    return {
        **{name: float(rouge[name].fmeasure) for name in ROUGE},
        **dict(zip(EXACT, text_scores(gold, prediction), strict=True)),
        "bleu": corpus_bleu(row_counts([gold], [prediction])),
    }


def summary(rows: Sequence[dict[str, float]], predictions: Sequence[str], golds: Sequence[str]) -> dict[str, float]:
    """Return mean and <name>_stderr of every metric, 0 for one row; bleu is the corpus one with its bootstrap error."""
    found: dict[str, float] = {}
    for name in NAMES[:-1]:
        values = [row[name] for row in rows]
        found[name], found[f"{name}_stderr"] = mean(values), mean_error(values) or 0.0
    counts = row_counts(golds, predictions)
    found["bleu"], found["bleu_stderr"] = corpus_bleu(counts), bleu_error(counts) or 0.0
    return found
