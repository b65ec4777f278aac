"""Cut rows at exact ranks of their hashes, stratum by stratum, reading an index in chunks.

Within a stratum the rows in order of their hash are cut at the wanted ranks, which makes the counts exact. Rows of equal hash
always go to the same part, in whichever stratum they are.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from novaforge.tools.datasets.splitting.apportion import apportion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Chunks: TypeAlias = Callable[[], Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]]
    """Begins anew to yield (hashes, strata) of all rows in order."""

_LEVEL_BITS = 12
_FEW = 1 << 20
"""Hashes that are sorted in memory; where more share their first bits, the next bits are counted first."""
_ABOVE_ALL = (1 << 64) - 1


class Ranks:
    """Which part each row goes to; a row goes to the first part whose cut its hash does not pass."""

    def __init__(self, cuts: "NDArray[np.uint64]", beyond: "NDArray[np.bool_]") -> None:
        import numpy as np

        self._cuts = cuts
        self._beyond = beyond
        self._torn = np.empty(0, np.uint64)
        self._torn_parts = np.empty(0, np.int64)

    def parts(self, hashes: "NDArray[np.uint64]", strata: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the part of each row."""
        import numpy as np

        found = self.unjoined(hashes, strata)
        if self._torn.size:
            at = np.minimum(np.searchsorted(self._torn, hashes), self._torn.size - 1)
            hit = self._torn[at] == hashes
            found[hit] = self._torn_parts[at[hit]]
        return found

    def unjoined(self, hashes: "NDArray[np.uint64]", strata: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the part of each row by the cuts of its stratum alone."""
        import numpy as np

        found = np.zeros(hashes.size, np.int64)
        for cut in range(self._cuts.shape[1]):
            found += (hashes >= self._cuts[strata, cut]) & ~self._beyond[strata, cut]
        return found

    def join(self, chunks: "Chunks", largest: int) -> None:
        """Put rows of equal hash in different strata on the side that the largest stratum's cuts give them.

        Only rows that their own cuts place elsewhere can be torn apart, and those are few.
        """
        import numpy as np

        candidates = [np.empty(0, np.uint64)]
        for hashes, strata in chunks():
            moved = self.unjoined(hashes, strata) != self.unjoined(hashes, np.full_like(strata, largest))
            candidates.append(hashes[moved])
        names = np.unique(np.concatenate(candidates))
        if not names.size:
            return
        low, high = np.full(names.size, self._cuts.shape[1], np.int64), np.zeros(names.size, np.int64)
        for hashes, strata in chunks():
            at = np.minimum(np.searchsorted(names, hashes), names.size - 1)
            hit = names[at] == hashes
            parts = self.unjoined(hashes[hit], strata[hit])
            np.minimum.at(low, at[hit], parts)
            np.maximum.at(high, at[hit], parts)
        self._torn = names[low != high]
        self._torn_parts = self.unjoined(self._torn, np.full(self._torn.size, largest, np.int64))


def ranks(chunks: "Chunks", strata: int, totals: Sequence[int]) -> Ranks:
    """Return how rows are divided so that the parts have `totals` rows, each stratum in proportion.

    Where rows of equal hash meet a cut, parts differ from their totals by the size of that group.
    """
    import numpy as np

    sizes = np.zeros(strata, np.int64)
    for _, numbers in chunks():
        sizes += np.bincount(numbers, minlength=strata)
    present = [stratum for stratum in range(strata) if sizes[stratum]]
    cells = apportion([int(sizes[stratum]) for stratum in present], totals)
    cuts = np.full((strata, max(1, len(totals) - 1)), _ABOVE_ALL, np.uint64)
    beyond = np.ones(cuts.shape, bool)
    wanted = {
        (stratum, cut): rank
        for stratum, row in zip(present, cells, strict=True)
        for cut, rank in enumerate(list(accumulate(row))[:-1])
        if rank < sizes[stratum]
    }
    for (stratum, cut), value in _values(chunks, wanted).items():
        cuts[stratum, cut], beyond[stratum, cut] = value, False
    found = Ranks(cuts, beyond)
    if len(present) > 1:
        found.join(chunks, max(present, key=lambda stratum: int(sizes[stratum])))
    return found


def _values(chunks: "Chunks", wanted: dict[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    """Return the hashes at ranks: (stratum, cut) to rank within the stratum; by their first bits, then by more of them."""
    import numpy as np

    prefixes = {key: (0, rank) for key, rank in wanted.items()}
    bits, most = 0, _FEW + 1
    while prefixes and most > _FEW and bits + _LEVEL_BITS < 64:
        counts = {place: np.zeros(1 << _LEVEL_BITS, np.int64) for place in _places(prefixes)}
        shift = np.uint64(64 - bits - _LEVEL_BITS)
        for place, hashes in _members(chunks, set(counts), bits):
            digits = ((hashes >> shift) & np.uint64((1 << _LEVEL_BITS) - 1)).astype(np.int64)
            counts[place] += np.bincount(digits, minlength=1 << _LEVEL_BITS)
        most, refined = 0, {}
        for key, (prefix, rank) in prefixes.items():
            before = np.cumsum(counts[key[0], prefix])
            digit = int(np.searchsorted(before, rank, side="right"))
            inside = int(counts[key[0], prefix][digit])
            refined[key] = ((prefix << _LEVEL_BITS) | digit, rank - int(before[digit]) + inside)
            most = max(most, inside)
        prefixes, bits = refined, bits + _LEVEL_BITS
    members: dict[tuple[int, int], list[NDArray[np.uint64]]] = {place: [] for place in _places(prefixes)}
    for place, hashes in _members(chunks, set(members), bits):
        members[place].append(hashes)
    ordered = {place: np.sort(np.concatenate(parts)) for place, parts in members.items()}
    return {key: int(ordered[key[0], prefix][rank]) for key, (prefix, rank) in prefixes.items()}


def _places(prefixes: dict[tuple[int, int], tuple[int, int]]) -> set[tuple[int, int]]:
    return {(stratum, prefix) for (stratum, _), (prefix, _) in prefixes.items()}


def _members(
    chunks: "Chunks", places: set[tuple[int, int]], bits: int
) -> "Iterator[tuple[tuple[int, int], NDArray[np.uint64]]]":
    """Yield the hashes of the rows of a stratum that begin with certain bits."""
    import numpy as np

    prefixes: dict[int, list[int]] = {}
    for stratum, prefix in places:
        prefixes.setdefault(stratum, []).append(prefix)
    for hashes, strata in chunks():
        order = np.argsort(strata, kind="stable")
        bounds = np.searchsorted(strata[order], np.arange(int(strata.max(initial=-1)) + 2))
        for stratum, begins in prefixes.items():
            if stratum + 1 >= len(bounds):
                continue
            mine = hashes[order[bounds[stratum] : bounds[stratum + 1]]]
            first_bits = mine >> np.uint64(64 - bits) if bits else np.zeros_like(mine)
            for prefix in begins:
                chosen = mine[first_bits == prefix]
                if chosen.size:
                    yield (stratum, prefix), chosen
