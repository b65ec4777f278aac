"""MinHash signatures of texts, and the pairs of rows whose signatures are alike."""

from collections.abc import Iterator
from math import ceil, log
from struct import Struct
from typing import TYPE_CHECKING

from novaforge.tools.datasets.analysis.groups import SOURCE_SHIFT, Words, recurring, repeats, shared
from novaforge.tools.datasets.analysis.shingles import Shingles
from novaforge.tools.datasets.analysis.spool import Spool, bucketed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 42
PER_WORD = 4
"""Values of a signature in one 64-bit word: 16 bits of each are kept. One word is one band."""
_SLICE = 512
"""Pairs that are read together: each touches two places of the file, and the system maps 64 kB around each."""
_ROW = (1 << SOURCE_SHIFT) - 1


def signatures(found: Shingles, values: int, seed: int = SEED) -> "NDArray[np.uint64]":
    """Return one signature a row, `values` / 4 words each; rows without pieces have a signature that means nothing."""
    import numpy as np
    from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue] - a compiled module without stubs

    made = RMinHash.digest_matrix_from_flat_token_hashes(
        found.hashes.astype(np.uint64), found.starts.astype(np.uint64), values, seed
    )
    # Packed row by row, which takes a third of the time of making an array of lists.
    pack = Struct(f"{values}I").pack
    rows = np.frombuffer(b"".join([pack(*row) for row in made.to_rows()]), np.uint32).reshape(-1, values)
    return np.ascontiguousarray(rows.astype(np.uint16)).view(np.uint64)


def bands_for(threshold: float, words: int, recall: float) -> int:
    """Return how many bands of four values let so large a share of the pairs at the threshold become candidates."""
    chance = threshold**PER_WORD
    return words if chance >= 1 or chance <= 0 else min(words, max(1, ceil(log(1 - recall) / log(1 - chance))))


class Alike:
    """Finds pairs of rows in a spool of records that end with a signature."""

    def __init__(self, spool: Spool, first_word: int, threshold: float, recall: float, cut: float = 0) -> None:
        """Look for pairs at the threshold, of which `recall` are to be compared; a pair passes at `cut`, else at the threshold."""
        self._spool = spool
        self._first = first_word
        self._least = cut or threshold
        self._bands = bands_for(threshold, spool.width - first_word, recall)

    def pairs(
        self, sources: "NDArray[np.uint8]", done: "NDArray[np.bool_]"
    ) -> "Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]":
        """Yield, some at a time, rows of source 0 with a row alike: its source, their numbers, and its numbers.

        `sources` has the number of each record's source. A counterpart in source 0 is earlier than its row. The caller
        marks in `done` (source by row) what it has seen enough of; such rows are not compared again.
        """
        for word in range(self._first, self._first + self._bands):
            for records in bucketed(self._band(word, sources), self._spool.count, 0, self._spool.folder):
                for source, rows, others in _candidates(recurring(records, 0), len(done)):
                    open_ = ~done[source, rows]
                    yield from self._verified(source, rows[open_], others[open_])

    def _band(self, word: int, sources: "NDArray[np.uint8]") -> Iterator[Words]:
        import numpy as np

        start = 0
        for chunk in self._spool.chunks():
            numbers = np.arange(start, start + len(chunk), dtype=np.uint64)
            source = sources[start : start + len(chunk)].astype(np.uint64) << np.uint64(SOURCE_SHIFT)
            yield np.stack((chunk[:, word], numbers | source), axis=1)
            start += len(chunk)

    def _verified(
        self, source: int, rows: "NDArray[np.int64]", others: "NDArray[np.int64]"
    ) -> "Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]":
        """Yield the pairs whose whole signatures agree enough."""
        import numpy as np

        for start in range(0, len(rows), _SLICE):
            left, right = rows[start : start + _SLICE], others[start : start + _SLICE]
            one, two = self._spool.take(left), self._spool.take(right)
            values = one[:, self._first :].view(np.uint16) == two[:, self._first :].view(np.uint16)
            alike = values.mean(axis=1) >= self._least
            yield source, left[alike], right[alike]


def _candidates(records: Words, sources: int) -> "Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]":
    """Yield rows of source 0 with a row of equal key: the first one, the one before, the first of each other source."""
    import numpy as np

    source = records[:, 1] >> np.uint64(SOURCE_SHIFT)
    keys, numbers = records[:, 0], records[:, 1] & np.uint64(_ROW)
    own = source == 0
    later, first, previous = (each.astype(np.int64) for each in repeats(keys[own], numbers[own]))
    yield 0, later, first
    other = previous != first
    yield 0, later[other], previous[other]
    for number in range(1, sources):
        there = source == number
        rows, counterparts = shared(keys[own], numbers[own], keys[there], numbers[there])
        yield number, rows.astype(np.int64), counterparts.astype(np.int64)
