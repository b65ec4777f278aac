"""The metrics an evaluation job reports."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.server.sandbox.worker.metrics import NAMES, row_metrics, summary


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("HQ", "HQ", {"exact_match": 1, "quasi_exact_match": 1, "f1_score": 1}),
        (" HQ\n", "HQ", {"exact_match": 1}),
        ("The hq.", "HQ", {"exact_match": 0, "quasi_exact_match": 1, "f1_score": 0, "f1_score_quasi": 1}),
        ("a b c", "b c d d", {"f1_score": 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4), "rouge1": 4 / 7}),
        ("", "HQ", {"exact_match": 0, "f1_score": 0, "rougeL": 0, "bleu": 0}),
    ],
)
def test_known_answers_have_known_scores(prediction: str, gold: str, expected: dict[str, float]) -> None:
    found = row_metrics(prediction, gold)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@given(st.text(max_size=40), st.text(max_size=40))
def test_every_metric_of_any_two_texts_is_within_its_bounds(prediction: str, gold: str) -> None:
    found = row_metrics(prediction, gold)
    assert set(found) == set(NAMES)
    assert all(0 <= value <= (100.001 if name == "bleu" else 1) for name, value in found.items())


def test_the_error_of_a_mean_is_the_standard_error() -> None:
    rows = [row_metrics(text, "x") for text in ("x", "x", "x", "y")]
    found = summary(rows, ["x", "x", "x", "y"], ["x"] * 4)
    assert found["exact_match"] == 0.75
    assert found["exact_match_stderr"] == pytest.approx(math.sqrt(0.25 / 4))


def test_one_row_has_no_error() -> None:
    assert summary([row_metrics("x", "x")], ["x"], ["x"])["f1_score_stderr"] == 0
