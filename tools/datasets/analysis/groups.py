"""Rows with equal keys, in numpy."""

from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.checks.tally import FIRST_LINES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCE_SHIFT = 56
"""The number of a row's source stands above this bit of its place: 0 is the file being checked."""


class Matches(NamedTuple):
    """How many rows have a counterpart, and the first of them with theirs."""

    count: int
    first: list[tuple[int, int]]


def of_source(records: "NDArray[np.uint64]", place: int, number: int) -> "NDArray[np.uint64]":
    """Return the records of one source, their place without the source's number."""
    import numpy as np

    found = records[(records[:, place] >> np.uint64(SOURCE_SHIFT)) == number].copy()
    found[:, place] &= np.uint64((1 << SOURCE_SHIFT) - 1)
    return found


def repeats(keys: "NDArray[np.uint64]", places: "NDArray[np.uint64]") -> Matches:
    """Match each row with the first row of equal key."""
    import numpy as np

    order = np.lexsort((places, keys))
    keys, places = keys[order], places[order]
    later = np.flatnonzero(keys[1:] == keys[:-1]) + 1
    first = np.searchsorted(keys, keys[later], side="left")
    return _matches(places[later], places[first])


def shared(
    keys: "NDArray[np.uint64]",
    places: "NDArray[np.uint64]",
    other: "NDArray[np.uint64]",
    other_places: "NDArray[np.uint64]",
) -> Matches:
    """Match each row with the first row of another source that has an equal key."""
    import numpy as np

    order = np.lexsort((other_places, other))
    other, other_places = other[order], other_places[order]
    if not other.size:
        return Matches(0, [])
    at = np.minimum(np.searchsorted(other, keys, side="left"), other.size - 1)
    hit = other[at] == keys
    return _matches(places[hit], other_places[at[hit]])


def conflicts(
    keys: "NDArray[np.uint64]", values: "NDArray[np.uint64]", places: "NDArray[np.uint64]"
) -> tuple[Matches, int]:
    """Match rows with the first row of equal key where their value differs; returns how many keys have several values too."""
    import numpy as np

    order = np.lexsort((places, keys))
    keys, values, places = keys[order], values[order], places[order]
    first = np.searchsorted(keys, keys, side="left")
    differs = values != values[first]
    return _matches(places[differs], places[first[differs]]), int(np.unique(keys[differs]).size)


def _matches(places: "NDArray[np.uint64]", counterparts: "NDArray[np.uint64]") -> Matches:
    import numpy as np

    count = int(places.size)
    few = np.argpartition(places, FIRST_LINES)[:FIRST_LINES] if count > FIRST_LINES else np.arange(count)
    return Matches(count, [(int(places[at]), int(counterparts[at])) for at in few])
