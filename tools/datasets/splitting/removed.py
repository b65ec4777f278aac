"""Rows that turn out to be unwanted once all of them are known, in memory that does not grow with their number."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from novaforge.tools.datasets.analysis.spool import Spool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RANGE_BITS = 18
"""Rows are noted by ranges of 2**18, so that a pass in order holds the notes of one range at a time."""

KEPT = 0


class Removed:
    """Which rows go, why, and the row each one is like; the first reason given for a row counts."""

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._ranges: dict[int, Spool] = {}
        self.reasons: list[str] = [""]

    def reason(self, text: str) -> int:
        """Return the number of a reason."""
        self.reasons.append(text)
        return len(self.reasons) - 1

    def add(self, rows: "NDArray[np.uint64]", reason: int, likes: "NDArray[np.uint64]") -> None:
        """Note rows by their number from 0, and the place of the row each of them is like."""
        import numpy as np

        records = np.empty((rows.size, 3), np.uint64)
        records[:, 0], records[:, 1], records[:, 2] = rows, reason, likes
        ranges = rows >> np.uint64(RANGE_BITS)
        for number in np.unique(ranges):
            part = self._ranges.setdefault(int(number), Spool(3, self._folder))
            part.add(records[ranges == number].tobytes())

    def of_range(self, number: int) -> "tuple[NDArray[np.uint16], NDArray[np.uint64]]":
        """Return for each row of a range the number of its reason (0: the row stays) and the row it is like."""
        import numpy as np

        reasons = np.zeros(1 << RANGE_BITS, np.uint16)
        likes = np.zeros(1 << RANGE_BITS, np.uint64)
        part = self._ranges.get(number)
        for records in part.chunks() if part is not None else ():
            # Where a chunk names a row twice, unique() keeps the first of them.
            places, at = np.unique(
                (records[:, 0] & np.uint64((1 << RANGE_BITS) - 1)).astype(np.int64), return_index=True
            )
            new = reasons[places] == KEPT
            reasons[places[new]] = records[at[new], 1]
            likes[places[new]] = records[at[new], 2]
        return reasons, likes


def later_copies(digests: Spool) -> "Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64]]]":
    """Yield (rows, places of the first row of equal content) for later copies; records are two words of digest, row and place."""
    import numpy as np

    for records in digests.buckets(0):
        order = np.lexsort((records[:, 2], records[:, 1], records[:, 0]))
        ordered = records[order]
        same = np.zeros(len(ordered), bool)
        same[1:] = (ordered[1:, :2] == ordered[:-1, :2]).all(axis=1)
        if not same.any():
            continue
        # The first of each run of equal digests stands where `same` is false.
        starts = np.maximum.accumulate(np.where(same, 0, np.arange(len(ordered))))
        yield ordered[same, 2], ordered[starts[same], 3]
