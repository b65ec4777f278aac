"""Rows are divided in whole numbers that add up both ways and stray less than one row from their share."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.splitting.apportion import apportion, largest_remainder


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=15), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_strata_and_parts_add_up_and_every_cell_is_its_share_rounded(sizes: list[int], weights: list[int]) -> None:
    rows = sum(sizes)
    totals = largest_remainder(rows, [Fraction(weight, sum(weights)) for weight in weights])
    cells = apportion(sizes, totals)
    assert [sum(row) for row in cells] == sizes
    assert [sum(column) for column in zip(*cells, strict=True)] == totals
    for size, row in zip(sizes, cells, strict=True):
        for total, cell in zip(totals, row, strict=True):
            assert abs(cell - Fraction(size * total, rows)) < 1


def test_a_table_that_greedy_rounding_gets_wrong_still_adds_up() -> None:
    sizes, totals = [1] * 9, [3, 3, 3]
    assert [sum(column) for column in zip(*apportion(sizes, totals), strict=True)] == totals


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_largest_remainders_add_up(rows: int, weights: list[int]) -> None:
    ratios = [Fraction(weight, sum(weights)) for weight in weights]
    found = largest_remainder(rows, ratios)
    assert sum(found) == rows and all(abs(part - rows * ratio) < 1 for part, ratio in zip(found, ratios, strict=True))
