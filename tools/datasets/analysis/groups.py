"""Rows with equal keys, in numpy."""

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from novaforge.tools.datasets.checks.tally import FIRST_LINES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Words: TypeAlias = "NDArray[np.uint64]"

SOURCE_SHIFT = 56
"""The number of a row's source stands above this bit of its place: 0 is the file being checked."""


class Matches(NamedTuple):
    """How many rows have a counterpart, and the first of them with theirs."""

    rows: int
    first: list[tuple[int, int]]


def of_source(records: Words, place: int, number: int) -> Words:
    """Return the records of one source, their place without the source's number."""
    import numpy as np

    found: Words = records[(records[:, place] >> np.uint64(SOURCE_SHIFT)) == number].copy()
    found[:, place] &= np.uint64((1 << SOURCE_SHIFT) - 1)
    return found


def repeats(keys: Words, places: Words) -> tuple[Words, Words, Words]:
    """Return rows whose key an earlier row has: their place, that of the first row with the key, and of the last before."""
    import numpy as np

    several = _has(keys, _doubled(keys))
    keys, places = keys[several], places[several]
    order = np.lexsort((places, keys))
    keys, places = keys[order], places[order]
    later = np.flatnonzero(keys[1:] == keys[:-1]) + 1
    first = np.searchsorted(keys, keys[later], side="left")
    return places[later], places[first], places[later - 1]


def shared(keys: Words, places: Words, other: Words, other_places: Words) -> tuple[Words, Words]:
    """Return rows whose key another source has: their place, and that of its first row with the key."""
    import numpy as np

    hit = _has(keys, np.unique(other))
    keys, places = keys[hit], places[hit]
    there = _has(other, np.unique(keys))
    other, other_places = other[there], other_places[there]
    order = np.lexsort((other_places, other))
    first = np.searchsorted(other[order], keys, side="left")
    return places, other_places[order][first]


def conflicts(keys: Words, values: Words, places: Words) -> tuple[Words, Words, int]:
    """Return rows whose value differs from that of the first row of equal key, that row's place, and how many keys have some."""
    import numpy as np

    several = _has(keys, _doubled(keys))
    keys, values, places = keys[several], values[several], places[several]
    order = np.lexsort((places, keys))
    keys, values, places = keys[order], values[order], places[order]
    first = np.searchsorted(keys, keys, side="left")
    differs = values != values[first]
    return places[differs], places[first[differs]], int(np.unique(keys[differs]).size)


def _doubled(keys: Words) -> Words:
    """Return the keys of more than one row, in order; few, in most files, so that the slow steps see few rows."""
    import numpy as np

    ordered = np.sort(keys)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _has(keys: Words, wanted: Words) -> "NDArray[np.bool_]":
    """Tell which rows have one of the wanted keys, which are in order."""
    import numpy as np

    if not wanted.size:
        return np.zeros(keys.size, np.bool_)
    at = np.minimum(np.searchsorted(wanted, keys), wanted.size - 1)
    found: NDArray[np.bool_] = wanted[at] == keys
    return found


def recurring(records: Words, key: int) -> Words:
    """Return the records whose key another one has; in most files none, which is told quickly."""
    import numpy as np

    keys = np.ascontiguousarray(records[:, key])
    doubled = _doubled(keys)
    return records[_has(keys, doubled)] if doubled.size else records[:0]


def matches(places: Words, counterparts: Words) -> Matches:
    """Return how many rows there are and the first ones."""
    import numpy as np

    count = int(places.size)
    few = np.argpartition(places, FIRST_LINES)[:FIRST_LINES] if count > FIRST_LINES else np.arange(count)
    return Matches(count, [(int(places[at]), int(counterparts[at])) for at in few])
