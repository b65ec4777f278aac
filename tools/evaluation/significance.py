"""Is the difference between two evaluations of the same rows more than chance?"""

from collections.abc import Sequence
from typing import Literal

from novaforge.guards.values import Frozen
from novaforge.tools.evaluation.resample import as_table, resampled_means, resamples_for
from novaforge.tools.evaluation.spread import mean, mean_error

LEVEL = 0.05
DIGITS = 6

Z_LEVEL_AND_POWER = 1.959964 + 0.841621
"""Normal quantiles for a two-sided level of 5 % and a power of 80 %."""


class Paired(Frozen):
    """The difference second minus first of one metric over the same rows, with a 95 % interval.

    p comes from the test named; p_holm is adjusted for the number of pairs compared; detectable is the difference
    that so many rows find in four of five cases.
    """

    metric: str
    difference: float
    low: float
    high: float
    test: Literal["mcnemar", "bootstrap"]
    p: float
    p_holm: float
    detectable: float

    @property
    def significant(self) -> bool:
        """True when the interval leaves out 0 and the adjusted p-value is below 0.05."""
        return self.p_holm < LEVEL and not self.low <= 0 <= self.high


def mcnemar(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the exact two-sided McNemar p-value of two series of 0 and 1: a binomial test on the rows that differ."""
    gained = sum(1 for before, after in zip(first, second, strict=True) if after > before)
    lost = sum(1 for before, after in zip(first, second, strict=True) if after < before)
    return binomial_two_sided(gained, lost)


def binomial_two_sided(gained: int, lost: int) -> float:
    """Return the probability of a split at least this uneven when both sides are equally likely."""
    count, fewer = gained + lost, min(gained, lost)
    if 2 * fewer >= count:
        return 1.0
    term = tail = 1
    for taken in range(fewer):
        term = term * (count - taken) // (taken + 1)
        tail += term
    # Integers throughout: Python divides them exactly rounded, however large.
    return min(1.0, (2 * tail) / (1 << count))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the Holm-adjusted p-values, in the order given."""
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = worst
    return adjusted


def compare_paired(
    first: dict[str, Sequence[float]], second: dict[str, Sequence[float]], binary: Sequence[str]
) -> list[Paired]:
    """Compare the metrics both sides have, row by row; p_holm is not adjusted yet."""
    names = [name for name in first if name in second]
    table = as_table([_minus(second[name], first[name]) for name in names])
    means = resampled_means(table, resamples_for(len(table)))
    return [
        _paired(name, table[:, place].tolist(), means[:, place].tolist(), name in binary)
        for place, name in enumerate(names)
    ]


def _minus(second: Sequence[float], first: Sequence[float]) -> list[float]:
    return [after - before for before, after in zip(first, second, strict=True)]


def _paired(metric: str, differences: list[float], resampled: list[float], binary: bool) -> Paired:
    point = mean(differences)
    ordered = sorted(resampled)
    edge = int(len(ordered) * LEVEL / 2)
    p = mcnemar([0.0] * len(differences), differences) if binary else _bootstrap_p(ordered)
    return Paired(
        metric=metric,
        difference=round(point, DIGITS),
        low=round(min(point, ordered[edge]), DIGITS),
        high=round(max(point, ordered[-1 - edge]), DIGITS),
        test="mcnemar" if binary else "bootstrap",
        p=p,
        p_holm=p,
        detectable=round(detectable(differences), DIGITS),
    )


def _bootstrap_p(ordered: list[float]) -> float:
    """Return twice the smaller share of resampled differences on either side of 0; never 0, since draws are finite."""
    below = sum(1 for value in ordered if value <= 0)
    above = sum(1 for value in ordered if value >= 0)
    return min(1.0, 2 * (min(below, above) + 1) / (len(ordered) + 1))


def detectable(differences: Sequence[float]) -> float:
    """Return the smallest difference found with 80 % power at the 5 % level, given how much the rows disagree.

    Never below 6 / n: fewer than six rows that differ cannot be significant in an exact test.
    """
    return max(Z_LEVEL_AND_POWER * (mean_error(differences) or 0.0), min(1.0, 6 / len(differences)))
