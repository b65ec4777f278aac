"""Seeded bootstrap over rows: one draw serves every column, so that columns stay paired."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRAWS = 20_000_000
"""Row draws per comparison, which bounds the time; 10,000 resamples up to 2,000 rows, never fewer than 2,000."""

LEAST, MOST = 2_000, 10_000
SEED = 0
"""Every bootstrap starts here, so that a report computed again is the same."""


def resamples_for(rows: int) -> int:
    """Return how many bootstrap resamples a table of so many rows gets."""
    return max(LEAST, min(MOST, DRAWS // max(rows, 1)))


def resampled_means(table: "Floats", resamples: int) -> "Floats":
    """Return the column means of tables drawn with replacement from the rows; shape (resamples, columns)."""
    import numpy as np

    rows = len(table)
    rng = np.random.default_rng(SEED)
    means = np.empty((resamples, table.shape[1]))
    # Each block holds about 200,000 drawn rows: vectorised, yet small in memory.
    block = max(1, 200_000 // rows)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        picked = rng.integers(0, rows, (stop - start, rows))
        means[start:stop] = table[picked].mean(axis=1)
    return means


def as_table(columns: Any) -> "Floats":
    """Return columns of equal length as a table with one row per evaluated row."""
    import numpy as np

    return np.asarray(columns, dtype=float).T
