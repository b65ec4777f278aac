"""Figures of a classification: confusion matrix, per-class precision and recall, macro F1."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from novaforge.guards.values import Frozen
from novaforge.tools.evaluation.labels import NONE
from novaforge.tools.evaluation.resample import SEED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
DIGITS = 6


class ClassFigures(Frozen):
    """One class; precision is None when it was never predicted, recall when no gold answer has it."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def confusion(golds: Sequence[int], predictions: Sequence[int], labels: int) -> list[list[int]]:
    """Count gold label (row) by prediction (column); the last column counts "no valid prediction".

    Rows whose gold answer is none of the labels are left out.
    """
    matrix = [[0] * (labels + 1) for _ in range(labels)]
    for gold, prediction in zip(golds, predictions, strict=True):
        if gold != NONE:
            matrix[gold][labels if prediction == NONE else prediction] += 1
    return matrix


def class_figures(matrix: Sequence[Sequence[int]]) -> list[ClassFigures]:
    """Return the figures of each class of a confusion matrix."""
    return [_one(matrix, place) for place in range(len(matrix))]


def _one(matrix: Sequence[Sequence[int]], place: int) -> ClassFigures:
    hits = matrix[place][place]
    support = sum(matrix[place])
    predicted = sum(row[place] for row in matrix)
    return ClassFigures(
        precision=_share(hits, predicted),
        recall=_share(hits, support),
        f1=_share(2 * hits, support + predicted),
        support=support,
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, DIGITS) if whole else None


def macro_f1(matrix: Sequence[Sequence[int]]) -> float | None:
    """Return the plain mean of F1 over the classes that occur in gold answers or predictions."""
    scores = [figures.f1 for figures in class_figures(matrix) if figures.f1 is not None]
    return sum(scores) / len(scores) if scores else None


def macro_f1_error(matrix: Sequence[Sequence[int]]) -> float | None:
    """Return the bootstrap standard error of macro F1; None below two rows.

    Macro F1 depends on the matrix only, so drawing rows again equals drawing cells from a multinomial.
    """
    import numpy as np

    cells = np.asarray(matrix, dtype=float)
    rows = int(cells.sum())
    if rows < 2:
        return None
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(rows, (cells / rows).ravel(), RESAMPLES).reshape(RESAMPLES, *cells.shape)
    return float(_macro_f1s(drawn).std(ddof=1))


def _macro_f1s(matrices: "NDArray[np.int64]") -> "NDArray[np.float64]":
    import numpy as np

    classes = matrices.shape[1]
    hits = matrices[:, range(classes), range(classes)]
    seen = matrices.sum(axis=2) + matrices[:, :, :classes].sum(axis=1)
    f1 = np.where(seen > 0, 2 * hits / np.maximum(seen, 1), np.nan)
    means: NDArray[np.float64] = np.nanmean(f1, axis=1)
    return means
