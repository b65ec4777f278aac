"""Corpus BLEU from per-row counts, so that it can be had for any subset of rows and for bootstrap samples."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from novaforge.tools.evaluation.resample import resampled_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ORDERS = 4
RESAMPLES = 1000

Counts = tuple[int, ...]
"""Answer length, gold length, then matching 1- to 4-grams."""


def row_counts(golds: Sequence[str], outputs: Sequence[str]) -> list[Counts]:
    """Count one row at a time with sacrebleu's default 13a tokenizer."""
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(effective_order=True)
    scores = (metric.sentence_score(output, [gold]) for gold, output in zip(golds, outputs, strict=True))
    return [(int(score.sys_len), int(score.ref_len), *map(int, score.counts)) for score in scores]


def corpus_bleu(rows: Sequence[Counts]) -> float:
    """Return corpus BLEU on the scale 0 to 100."""
    return float(_bleu(_table(rows).sum(axis=0)[None, :])[0])


def bleu_error(rows: Sequence[Counts]) -> float | None:
    """Return the bootstrap standard error of corpus BLEU; None below two rows."""
    if len(rows) < 2:
        return None
    sums = resampled_means(_table(rows), RESAMPLES) * len(rows)
    return float(_bleu(sums).std(ddof=1))


def _table(rows: Sequence[Counts]) -> "Floats":
    """Counts with four more columns: how many 1- to 4-grams each answer has, its length less n - 1."""
    import numpy as np

    counts = np.asarray(rows, dtype=float)
    return np.hstack([counts, np.maximum(counts[:, :1] - np.arange(ORDERS), 0)])


def _bleu(sums: "Floats") -> "Floats":
    """BLEU with exponential smoothing (sacrebleu's default) for rows of summed counts."""
    import numpy as np

    lengths, golds = sums[:, 0], sums[:, 1]
    matches, totals = sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS :]
    usable = (totals > 0).all(axis=1) & (matches > 0).any(axis=1)
    smoothed = np.where(matches == 0, 0.5 ** np.cumsum(matches == 0, axis=1), matches)
    precision = smoothed / np.where(totals > 0, totals, 1)
    brevity = np.exp(np.minimum(0, 1 - golds / np.where(lengths > 0, lengths, 1)))
    return np.where(usable, 100 * brevity * np.exp(np.log(precision).mean(axis=1)), 0.0)
