"""Hashes of all pieces of a fixed width of many texts at once."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.analysis.folded import LOWER, SKIPPED, folded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 18
"""Bytes of a piece, blanks and punctuation not counted: about 22 characters of English, near the 24 of AWS's own fuzzy deduplication (facts, section 1.3)."""
_BASE = 0x9E3779B1
_WORD = 1 << 32
_TEMPLATE_ROWS = 8
_TEMPLATE_SHARE = 0.2
"""A piece that this share of the queries has, and this many of them, belongs to a template."""


class Shingles(NamedTuple):
    """The hashes of all texts in a row, and where each text's begin; one more place tells the end."""

    hashes: "NDArray[np.uint32]"
    starts: "NDArray[np.int64]"


def shingles(texts: Sequence[str], width: int = WIDTH, *, blanks: bool = False) -> Shingles:
    """Return the hashes of all pieces of each text; a text shorter than the width has none.

    Letter case (of ASCII) does not count. Without `blanks` texts are folded first and neither blanks nor
    punctuation count: a text whose lines are broken elsewhere stays the same. With blanks the width is in characters, without
    them in bytes of UTF-8.
    """
    if not blanks:
        return shingles_of_bytes(folded([text.encode("utf-8", "surrogatepass") for text in texts]), width)
    return _hashed(*_characters(texts), width)


def shingles_of_bytes(texts: Sequence[bytes], width: int = WIDTH) -> Shingles:
    """Return the hashes of all pieces of each folded text, blanks and punctuation not counted."""
    return _hashed(*_seen(texts), width)


def _hashed(units: "NDArray[np.uint32]", lengths: "NDArray[np.int64]", width: int) -> Shingles:
    import numpy as np

    counts = np.maximum(lengths - width + 1, 0)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    if units.size < width:
        return Shingles(np.zeros(0, np.uint32), starts)
    hashes = _mixed(_rolling(units, width))
    within = np.ones(hashes.size, np.bool_)
    across = np.cumsum(lengths)[:, None] - np.arange(1, width)
    within[across[(across >= 0) & (across < hashes.size)]] = False
    return Shingles(hashes[within], starts)


def _characters(texts: Sequence[str]) -> "tuple[NDArray[np.uint32], NDArray[np.int64]]":
    """Return the characters of all texts, and how many each has."""
    import numpy as np

    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    # Setting this bit makes ASCII letters lower case; that it joins other characters too does no harm.
    return points | np.uint32(32), np.fromiter(map(len, texts), np.int64, len(texts))


def _seen(texts: Sequence[bytes]) -> "tuple[NDArray[np.uint32], NDArray[np.int64]]":
    """Return the bytes of what counts of all texts, and how many each has.

    Bytes, because Python leaves out some of them five times as fast as numpy does with characters.
    """
    import numpy as np

    seen = [text.translate(LOWER, SKIPPED) for text in texts]
    data = np.frombuffer(b"".join(seen), np.uint8)
    return data.astype(np.uint32), np.fromiter(map(len, seen), np.int64, len(seen))


def template_of(texts: Iterable[str], width: int = WIDTH) -> tuple[int, ...]:
    """Return the hashes of the pieces that many of the texts share, in order; equal texts count once."""
    import numpy as np

    distinct = sorted(set(texts))
    found = shingles(distinct, width)
    rows = np.repeat(np.arange(len(distinct), dtype=np.uint64), np.diff(found.starts))
    # Once a text; as single numbers, which are sorted twenty times as fast as pairs.
    pairs = np.unique(found.hashes.astype(np.uint64) << np.uint64(32) | rows)
    values, counts = np.unique(pairs >> np.uint64(32), return_counts=True)
    return tuple(map(int, values[counts >= max(_TEMPLATE_ROWS, _TEMPLATE_SHARE * len(distinct))]))


class Template:
    """Leaves out the pieces of a template; quick because most pieces are not among them."""

    def __init__(self, hashes: Sequence[int]) -> None:
        import numpy as np

        self._hashes = np.array(hashes, np.uint32)
        self._maybe = np.zeros(1 << 16, np.bool_)
        self._maybe[self._hashes >> np.uint32(16)] = True

    def without(self, found: Shingles) -> Shingles:
        """Return the pieces that are not in the template."""
        import numpy as np

        if not self._hashes.size:
            return found
        maybe = np.flatnonzero(self._maybe[found.hashes >> np.uint32(16)])
        keep = np.ones(found.hashes.size, np.bool_)
        keep[maybe] = ~np.isin(found.hashes[maybe], self._hashes)
        before: NDArray[np.int64] = np.concatenate((np.zeros(1, np.int64), np.cumsum(keep, dtype=np.int64)))
        return Shingles(found.hashes[keep], before[found.starts])


def _rolling(points: "NDArray[np.uint32]", width: int) -> "NDArray[np.uint32]":
    """Return the polynomial hash of every window, put together from windows whose widths are powers of two."""
    import numpy as np

    power, size = points, 1
    done: NDArray[np.uint32] | None = None
    done_size = 0
    while True:
        if width & size:
            done = power if done is None else _joined(done, done_size, power, size)
            done_size += size
        if size * 2 > width:
            break
        power, size = _joined(power, size, power, size), size * 2
    assert done is not None
    return done[: points.size - width + 1].astype(np.uint32, copy=False)


def _joined(
    left: "NDArray[np.uint32]", left_size: int, right: "NDArray[np.uint32]", right_size: int
) -> "NDArray[np.uint32]":
    import numpy as np

    count = min(left.size, right.size - left_size)
    return left[:count] * np.uint32(pow(_BASE, right_size, _WORD)) + right[left_size : left_size + count]


def _mixed(hashes: "NDArray[np.uint32]") -> "NDArray[np.uint32]":
    """Return hashes whose bits all depend on all characters."""
    import numpy as np

    hashes = hashes ^ (hashes >> np.uint32(16))
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    return hashes
