"""Decide which part each row goes to, from a seeded hash of its query, without holding rows in memory.

A row's hash depends on the seed and its query only, so the same rows with the same seed are split alike in any process
and for any method, and equal queries always go to the same part. Within a stratum the rows in order of their hash are cut
at the wanted ranks, which makes the counts exact.
"""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import IO

from novaforge.tools.datasets.splitting.apportion import apportion

_BUCKET_BITS = 12
_SHIFT = 64 - _BUCKET_BITS
_ABOVE_ALL = 1 << 64
_CHUNK_ROWS = 1 << 16


class Hasher:
    """A 64-bit hash of texts that depends on the seed."""

    def __init__(self, seed: int) -> None:
        key = hashlib.sha256(str(seed).encode()).digest()
        self._start = hashlib.blake2b(digest_size=8, key=key)

    def __call__(self, text: str) -> int:
        """Return a number below 2**64."""
        state = self._start.copy()
        state.update(text.encode("utf-8"))
        return int.from_bytes(state.digest(), "big")


class Index:
    """Hash and stratum of every row in order, kept in a file of twelve bytes a row."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hashes, self._strata = array("Q"), array("I")
        self._chunks: list[int] = []
        self.rows = 0

    def add(self, hashed: int, stratum: int) -> None:
        """Append one row."""
        self._hashes.append(hashed)
        self._strata.append(stratum)
        self.rows += 1
        if len(self._hashes) == _CHUNK_ROWS:
            self._flush()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (hash, stratum) in order; may be done again and again once all rows are added."""
        self._flush()
        self._file.seek(0)
        for rows in self._chunks:
            hashes, strata = array("Q"), array("I")
            hashes.frombytes(self._file.read(hashes.itemsize * rows))
            strata.frombytes(self._file.read(strata.itemsize * rows))
            yield from zip(hashes, strata, strict=True)

    def _flush(self) -> None:
        if not self._hashes:
            return
        self._chunks.append(len(self._hashes))
        self._file.write(self._hashes.tobytes())
        self._file.write(self._strata.tobytes())
        self._hashes, self._strata = array("Q"), array("I")


@dataclass(frozen=True)
class Assignment:
    """Cut points by stratum, and the few queries that stand in several strata and would have been torn apart."""

    cuts: dict[int, list[int]]
    together: dict[int, int]
    stratified: bool

    def part(self, hashed: int, stratum: int) -> int:
        """Return the place of a row's part."""
        if hashed in self.together:
            return self.together[hashed]
        return bisect_right(self.cuts[stratum if self.stratified else 0], hashed)


def assign(index: Index, totals: Sequence[int], *, stratified: bool) -> Assignment:
    """Return how rows are divided so that the parts have `totals` rows; equal queries stay together.

    Where equal queries meet a cut, parts differ from their totals by the size of that group.
    """
    rows = _View(index, stratified)
    buckets = _histogram(rows)
    strata = sorted(buckets)
    sizes = [sum(buckets[stratum]) for stratum in strata]
    cells = apportion(sizes, totals)
    ranks = {stratum: list(accumulate(row))[:-1] for stratum, row in zip(strata, cells, strict=True)}
    cuts = _cuts(rows, buckets, ranks)
    largest = strata[sizes.index(max(sizes))]
    return Assignment(cuts, _together(rows, cuts, largest) if len(strata) > 1 else {}, stratified)


class _View:
    """The index with its strata, or as one stratum."""

    def __init__(self, index: Index, stratified: bool) -> None:
        self._index = index
        self._stratified = stratified

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if self._stratified:
            return iter(self._index)
        return ((hashed, 0) for hashed, _ in self._index)


def _histogram(rows: _View) -> dict[int, list[int]]:
    buckets: dict[int, list[int]] = {}
    for hashed, stratum in rows:
        if stratum not in buckets:
            buckets[stratum] = [0] * (1 << _BUCKET_BITS)
        buckets[stratum][hashed >> _SHIFT] += 1
    return buckets


def _cuts(rows: _View, buckets: dict[int, list[int]], ranks: dict[int, list[int]]) -> dict[int, list[int]]:
    """Return for each stratum the hashes at the given ranks."""
    places = {stratum: [_locate(buckets[stratum], rank) for rank in wanted] for stratum, wanted in ranks.items()}
    members: dict[tuple[int, int], list[int]] = {
        (stratum, bucket): [] for stratum, found in places.items() for bucket, _ in found if bucket >= 0
    }
    for hashed, stratum in rows:
        key = (stratum, hashed >> _SHIFT)
        if key in members:
            members[key].append(hashed)
    for values in members.values():
        values.sort()
    return {
        stratum: [members[stratum, bucket][rest] if bucket >= 0 else _ABOVE_ALL for bucket, rest in found]
        for stratum, found in places.items()
    }


def _locate(counts: list[int], rank: int) -> tuple[int, int]:
    """Return the bucket that holds the row of a rank and the rank within it, or -1 above the last row."""
    for bucket, count in enumerate(counts):
        if rank < count:
            return bucket, rank
        rank -= count
    return -1, 0


def _together(rows: _View, cuts: dict[int, list[int]], largest: int) -> dict[int, int]:
    """Return the part of each query whose rows, in different strata, would fall in different parts.

    Such a query has at least one row that its stratum's cuts place elsewhere than the largest stratum's cuts do, and
    those rows are few: so only their hashes are kept in memory.
    """
    reference = cuts[largest]
    parts: dict[int, set[int]] = {}
    for hashed, stratum in rows:
        if stratum != largest and bisect_right(cuts[stratum], hashed) != bisect_right(reference, hashed):
            parts.setdefault(hashed, set())
    if parts:
        for hashed, stratum in rows:
            if hashed in parts:
                parts[hashed].add(bisect_right(cuts[stratum], hashed))
    return {hashed: bisect_right(reference, hashed) for hashed, found in parts.items() if len(found) > 1}
