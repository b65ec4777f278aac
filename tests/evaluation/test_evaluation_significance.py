"""Paired tests and intervals."""

from math import comb, isclose, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.evaluation.significance import binomial_two_sided, compare_paired, detectable, holm, mcnemar
from novaforge.tools.evaluation.spread import mean, mean_error, quantile

BITS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)


def test_mcnemar_equals_the_binomial_sum_by_hand() -> None:
    # One row lost, nine gained: 2 (C(10,0) + C(10,1)) / 2^10.
    assert binomial_two_sided(9, 1) == 22 / 1024
    assert mcnemar([1] + [0] * 9 + [1] * 5, [0] + [1] * 9 + [1] * 5) == 22 / 1024
    assert binomial_two_sided(5, 5) == 1
    assert binomial_two_sided(0, 0) == 1


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_symmetric_and_equals_the_textbook_sum(gained: int, lost: int) -> None:
    count, fewer = gained + lost, min(gained, lost)
    textbook = min(1.0, 2 * sum(comb(count, taken) for taken in range(fewer + 1)) / 2**count)
    assert binomial_two_sided(gained, lost) == binomial_two_sided(lost, gained)
    assert isclose(binomial_two_sided(gained, lost), textbook)


def test_mcnemar_copes_with_thousands_of_rows_that_differ() -> None:
    assert binomial_two_sided(5000, 0) == 0
    assert 0.04 < binomial_two_sided(5100, 4900) < 0.05


def test_holm_keeps_the_order_and_never_lets_a_smaller_p_pass_a_larger_one() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@settings(deadline=None, max_examples=30)
@given(BITS)
def test_the_interval_contains_the_point_estimate_and_swapping_sides_mirrors_the_difference(
    pairs: list[tuple[int, int]],
) -> None:
    before: list[float] = [first for first, _ in pairs]
    after: list[float] = [second for _, second in pairs]
    (found,) = compare_paired({"exact_match": before}, {"exact_match": after}, ["exact_match"])
    (mirrored,) = compare_paired({"exact_match": after}, {"exact_match": before}, ["exact_match"])
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert 0 <= found.p <= 1
    assert mirrored.difference == pytest.approx(-found.difference)
    assert mirrored.p == found.p


def test_the_interval_has_the_width_theory_gives() -> None:
    before: list[float] = [0.0] * 400
    after = [1.0 if place % 4 == 0 else 0.0 for place in range(400)]
    (found,) = compare_paired({"m": before}, {"m": after}, [])
    half = 1.96 * sqrt(0.25 * 0.75 / 400)
    assert found.low == pytest.approx(0.25 - half, abs=0.006)
    assert found.high == pytest.approx(0.25 + half, abs=0.006)
    assert found.test == "bootstrap" and found.p < 0.001 and found.significant


def test_identical_answers_are_no_difference_at_all() -> None:
    (found,) = compare_paired({"m": [0.0, 1.0, 1.0]}, {"m": [0.0, 1.0, 1.0]}, ["m"])
    assert (found.difference, found.low, found.high, found.p, found.significant) == (0, 0, 0, 1, False)


def test_an_interval_without_0_is_not_significant_while_the_exact_test_says_otherwise() -> None:
    # Five rows gained, none lost: the bootstrap leaves out 0, the exact p-value is 0.0625.
    (found,) = compare_paired({"m": [0.0] * 20}, {"m": [1.0] * 5 + [0.0] * 15}, ["m"])
    assert found.low > 0 and found.p == 0.0625 and not found.significant


def test_the_detectable_difference_follows_the_disagreement_and_has_a_floor() -> None:
    differences = [1.0, -1.0] * 100
    assert detectable(differences) == pytest.approx(2.8016 * sqrt(200 / 199 / 200), rel=1e-3)
    assert detectable([0.0] * 300) == 6 / 300
    assert detectable([0.0] * 3) == 1


def test_means_errors_and_quantiles_by_hand() -> None:
    assert mean([1, 2, 3, 4]) == 2.5
    assert mean_error([1, 2, 3, 4]) == pytest.approx(sqrt(5 / 3 / 4))
    assert mean_error([1]) is None
    assert [quantile([5, 1, 4, 2, 3], share) for share in (0, 0.5, 0.95, 1)] == [1, 3, 5, 5]
