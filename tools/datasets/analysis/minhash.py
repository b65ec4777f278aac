"""MinHash signatures of texts, and the pairs of rows whose signatures are alike."""

from collections.abc import Iterator
from math import ceil, log
from typing import TYPE_CHECKING

from novaforge.tools.datasets.analysis.groups import SOURCE_SHIFT, Words, repeats, shared
from novaforge.tools.datasets.analysis.shingles import Shingles
from novaforge.tools.datasets.analysis.spool import Spool, bucketed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 42
PER_WORD = 4
"""Values of a signature in one 64-bit word: 16 bits of each are kept. One word is one band."""
_SLICE = 4096
_ROW = (1 << SOURCE_SHIFT) - 1


def signatures(found: Shingles, values: int, seed: int = SEED) -> "NDArray[np.uint64]":
    """Return one signature a row, `values` / 4 words each; rows without pieces have a signature that means nothing."""
    import numpy as np
    from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue] - a compiled module without stubs

    made = RMinHash.digest_matrix_from_flat_token_hashes(
        found.hashes.astype(np.uint64), found.starts.astype(np.uint64), values, seed
    )
    rows = np.array(made.to_rows(), np.uint32).reshape(-1, values)
    return np.ascontiguousarray(rows.astype(np.uint16)).view(np.uint64)


def bands_for(threshold: float, words: int, recall: float) -> int:
    """Return how many bands of four values let so large a share of the pairs at the threshold become candidates."""
    chance = threshold**PER_WORD
    return words if chance >= 1 or chance <= 0 else min(words, max(1, ceil(log(1 - recall) / log(1 - chance))))


class Alike:
    """Finds pairs of rows in a spool of records that end with a signature."""

    def __init__(self, spool: Spool, first_word: int, threshold: float, recall: float) -> None:
        self._spool = spool
        self._first = first_word
        self._least = threshold
        self._bands = bands_for(threshold, spool.width - first_word, recall)

    def pairs(self, sources: "NDArray[np.uint8]") -> "Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]":
        """Yield, some at a time, rows of source 0 with a row alike: its source, their numbers, and its numbers.

        `sources` has the number of each record's source. A row comes as often as it is found; its counterpart in source 0
        is earlier.
        """
        for word in range(self._first, self._first + self._bands):
            for records in bucketed(self._band(word, sources), self._spool.count, 0, self._spool.folder):
                yield from self._candidates(records, int(sources.max(initial=0)))

    def _band(self, word: int, sources: "NDArray[np.uint8]") -> Iterator[Words]:
        import numpy as np

        start = 0
        for chunk in self._spool.chunks():
            numbers = np.arange(start, start + len(chunk), dtype=np.uint64)
            source = sources[start : start + len(chunk)].astype(np.uint64) << np.uint64(SOURCE_SHIFT)
            yield np.stack((chunk[:, word], numbers | source), axis=1)
            start += len(chunk)

    def _candidates(self, records: Words, sources: int) -> "Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]":
        import numpy as np

        source = records[:, 1] >> np.uint64(SOURCE_SHIFT)
        keys, numbers = records[:, 0], records[:, 1] & np.uint64(_ROW)
        own = source == 0
        later, first, previous = repeats(keys[own], numbers[own])
        other = previous != first
        yield from self._verified(0, np.concatenate((later, later[other])), np.concatenate((first, previous[other])))
        for number in range(1, sources + 1):
            there = source == number
            yield from self._verified(number, *shared(keys[own], numbers[own], keys[there], numbers[there]))

    def _verified(
        self, source: int, rows: Words, others: Words
    ) -> "Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]":
        """Yield the pairs whose whole signatures agree enough; equal texts, by the digest before the signature, are none."""
        import numpy as np

        for start in range(0, len(rows), _SLICE):
            left, right = rows[start : start + _SLICE].astype(np.int64), others[start : start + _SLICE].astype(np.int64)
            one, two = self._spool.take(left), self._spool.take(right)
            values = one[:, self._first :].view(np.uint16) == two[:, self._first :].view(np.uint16)
            alike = values.mean(axis=1) >= self._least
            yield source, left[alike], right[alike]
