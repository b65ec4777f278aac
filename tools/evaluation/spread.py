"""Means with their standard errors, and quantiles, without third-party code."""

from collections.abc import Sequence
from math import ceil, fsum, sqrt


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return fsum(values) / len(values)


def mean_error(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean, s / sqrt(n) with n - 1 degrees of freedom; None below two values."""
    count = len(values)
    if count < 2:
        return None
    centre = mean(values)
    return sqrt(fsum((value - centre) ** 2 for value in values) / (count - 1) / count)


def quantile(values: Sequence[int], share: float) -> int:
    """Return the smallest value that at least this share of the values does not exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
