"""Confusion matrix, precision, recall and macro F1, against values worked out by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.evaluation.classes import class_figures, confusion, macro_f1, macro_f1_error

MATRIX = [[4, 1, 0], [2, 2, 1]]
"""Two labels; the last column is "no valid prediction"."""


def test_the_matrix_counts_missing_predictions_in_its_last_column_and_leaves_out_foreign_gold_answers() -> None:
    assert confusion([0, 0, 1, 1, -1], [0, 1, 1, -1, 0], 2) == [[1, 1, 0], [0, 1, 1]]


def test_per_class_figures() -> None:
    first, second = class_figures(MATRIX)
    assert (first.precision, first.recall, first.f1) == pytest.approx((4 / 6, 4 / 5, 8 / 11), abs=1e-6)
    assert (second.precision, second.recall, second.f1) == pytest.approx((2 / 3, 2 / 5, 4 / 8), abs=1e-6)
    assert (first.support, second.support) == (5, 5)
    assert macro_f1(MATRIX) == pytest.approx((8 / 11 + 1 / 2) / 2, abs=1e-6)


def test_a_class_nobody_has_or_predicts_has_no_figures_and_does_not_count() -> None:
    matrix = [[3, 0, 0], [0, 0, 0]]
    assert class_figures(matrix)[1].model_dump() == {"precision": None, "recall": None, "f1": None, "support": 0}
    assert macro_f1(matrix) == 1


@settings(deadline=None)
@given(
    st.integers(2, 4).flatmap(
        lambda k: st.lists(st.lists(st.integers(0, 9), min_size=k + 1, max_size=k + 1), min_size=k, max_size=k)
    )
)
def test_figures_lie_between_0_and_1(matrix: list[list[int]]) -> None:
    for figures in class_figures(matrix):
        assert all(value is None or 0 <= value <= 1 for value in (figures.precision, figures.recall, figures.f1))
    score = macro_f1(matrix)
    assert score is None or 0 <= score <= 1


def test_the_error_of_macro_f1_shrinks_with_the_rows_as_the_root() -> None:
    small, large = macro_f1_error(MATRIX), macro_f1_error([[100 * cell for cell in row] for row in MATRIX])
    assert small is not None and large is not None
    assert small / large == pytest.approx(10, rel=0.2)
    assert macro_f1_error([[1, 0, 0], [0, 0, 0]]) is None
