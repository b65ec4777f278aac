"""Hashes of all pieces of a fixed width of many texts at once."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.analysis.folded import END, GONE, LOWER, SKIPPED, folded_together

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 18
"""Bytes of a piece, blanks and punctuation not counted: about 22 characters of English, near the 24 of AWS's own fuzzy deduplication (facts, section 1.3)."""
_BASE = 0x9E3779B1
_MIXER = 0x85EBCA6B
_WORD_BYTES = 4
_TEMPLATE_ROWS = 8
_TEMPLATE_SHARE = 0.2
"""A piece that this share of the queries has, and this many of them, belongs to a template."""


class Shingles(NamedTuple):
    """The hashes of all texts in a row, and where each text's begin; one more place tells the end."""

    hashes: "NDArray[np.uint32]"
    starts: "NDArray[np.int64]"


class Windows(NamedTuple):
    """Hashes of as many units as a piece has, from every unit on; where each text begins, and where the unit after it is.

    Those from the last units of a text on reach over its end and are no pieces.
    """

    hashes: "NDArray[np.uint32]"
    starts: "NDArray[np.int64]"
    ends: "NDArray[np.int64]"
    width: int

    @property
    def counts(self) -> "NDArray[np.int64]":
        """How many pieces each text has."""
        import numpy as np

        found: NDArray[np.int64] = np.maximum(self.ends - self.starts - self.width + 1, 0)
        return found

    def pieces(self) -> Shingles:
        """Return the pieces alone."""
        import numpy as np

        within = np.ones(self.hashes.size, np.bool_)
        within[self._over()] = False
        return Shingles(self.hashes[within], np.concatenate((np.zeros(1, np.int64), np.cumsum(self.counts))))

    def padded(self) -> Shingles:
        """Return the pieces of each text, its first once more for each window that is none: quicker, and the same set."""
        import numpy as np

        self.hashes[self._over()] = self.hashes[self.starts][:, None]
        return Shingles(self.hashes, np.append(self.starts, self.hashes.size))

    def _over(self) -> "NDArray[np.int64]":
        """Return the places of the windows that are no pieces, text by text."""
        import numpy as np

        over: NDArray[np.int64] = np.maximum(self.ends[:, None] - np.arange(self.width), self.starts[:, None])
        return over


def shingles(texts: Sequence[str], width: int = WIDTH, *, blanks: bool = False) -> Shingles:
    """Return the hashes of all pieces of each text; a text shorter than the width has none.

    Letter case (of ASCII) does not count. Without `blanks` texts are folded first and neither blanks nor
    punctuation count: a text whose lines are broken elsewhere stays the same. With blanks the width is in characters, without
    them in bytes of UTF-8.
    """
    if blanks:
        return _characters(texts, width).pieces()
    data = [text.encode("utf-8", "surrogatepass") for text in texts]
    return windows(folded_together(END.join([*data, b""])), width).pieces()


def windows(data: bytes, width: int = WIDTH) -> Windows:
    """Return the hashes of texts that were folded together; blanks and punctuation do not count."""
    import numpy as np

    # All texts in one go, and as bytes: numpy leaves out single characters five times as slowly.
    seen = data.translate(LOWER, SKIPPED + GONE)
    ends = np.flatnonzero(np.frombuffer(seen, np.uint8) == END[0])
    if width < _WORD_BYTES or len(seen) < _WORD_BYTES:
        return _windows(np.frombuffer(seen, np.uint8).astype(np.uint32), 1, ends, width)
    words = np.ndarray((len(seen) - _WORD_BYTES + 1,), "<u4", seen, strides=(1,))
    return _windows(words.astype(np.uint32), _WORD_BYTES, ends, width)


def _characters(texts: Sequence[str], width: int) -> Windows:
    """Return the hashes of texts with their blanks."""
    import numpy as np

    points = np.frombuffer("\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    # Setting this bit makes ASCII letters lower case; that it joins other characters too does no harm.
    return _windows(points | np.uint32(32), 1, np.cumsum(lengths + 1) - 1, width)


def _windows(units: "NDArray[np.uint32]", size: int, ends: "NDArray[np.int64]", width: int) -> Windows:
    """Return the windows over units of which each covers `size` places; changes the units."""
    import numpy as np

    starts = np.append(np.zeros(1, np.int64), ends[:-1] + 1)[: ends.size]
    hashes = np.zeros(units.size + size - 1, np.uint32)
    if hashes.size >= width:
        # Mixed before they are put together, and once more after: so the order of units counts in every bit.
        units *= np.uint32(_BASE)
        units ^= units >> np.uint32(15)
        hashes[: hashes.size - width + 1] = _rolled(units, size, width)
    return Windows(hashes, starts, ends, width)


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

    def pieces(self, found: Windows) -> "tuple[Shingles, NDArray[np.int64]]":
        """Return each text's pieces that are not in the template, some perhaps more than once, and how many they are."""
        import numpy as np

        if not self._hashes.size:
            return found.padded(), found.counts
        rest = self.without(found.pieces())
        return rest, np.diff(rest.starts)

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


def _rolled(hashes: "NDArray[np.uint32]", size: int, width: int) -> "NDArray[np.uint32]":
    """Return the hash of every window, put together from two that cover half of it, or more where that is no power of two."""
    import numpy as np

    while size < width:
        more = min(size, width - size)
        joined = hashes[:-more] * np.uint32(_BASE)
        joined += hashes[more:]
        hashes, size = joined, size + more
    hashes ^= hashes >> np.uint32(16)
    hashes *= np.uint32(_MIXER)
    return hashes
