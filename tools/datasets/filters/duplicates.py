"""Leave out rows that repeat an earlier one, exactly or nearly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.analysis.digest import digests
from novaforge.tools.datasets.analysis.groups import repeats
from novaforge.tools.datasets.analysis.minhash import PER_WORD, SEED, Alike, signatures
from novaforge.tools.datasets.analysis.shingles import shingles
from novaforge.tools.datasets.analysis.spool import Spool, bucketed
from novaforge.tools.datasets.filters.arguments import number, settings, switch, whole_number, wrong
from novaforge.tools.datasets.filters.candidate import Candidate
from novaforge.tools.datasets.formats.base import RowFormat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import JsonValue

THRESHOLD = 0.8
VALUES = 256
NGRAM = 24
"""Threshold, values of a signature, width of a piece (24) and seed (42) are those of AWS's own filter (facts, section 1.3)."""
RECALL = 0.999
_BLOCK = 256
_NONE = (1 << 32) - 1


class ExactDuplicates(NamedTuple):
    """Later rows of equal texts and media, by a 64-bit digest."""

    row_format: RowFormat
    name: str = "exact_duplicates"
    words: int = 1

    def signatures(self, candidates: Sequence[Candidate]) -> bytes:
        """Return the digest of each row."""
        import numpy as np

        texts = ("\x1f".join((each.prompt, each.answer, *self._texts(each))) for each in candidates)
        return np.array(digests(texts), np.uint64).tobytes()

    def duplicates(self, signatures: Spool) -> NDArray[np.int64]:
        """Return the later rows of each digest with the first one."""
        import numpy as np

        pairs: list[NDArray[np.int64]] = []
        for records in bucketed(_numbered(signatures), signatures.count, 0, signatures.folder):
            later, first, _ = repeats(records[:, 0], records[:, 1])
            pairs.append(np.stack((later, first), axis=1).astype(np.int64))
        return _ordered(pairs)

    def _texts(self, candidate: Candidate) -> tuple[str, ...]:
        return (*self.row_format.texts(candidate.row), *candidate.media)


class NearDuplicates(NamedTuple):
    """Later rows whose query and answer are nearly those of an earlier one, by MinHash; rows with media are left alone.

    A row shorter than one piece is never left out.
    """

    threshold: float = THRESHOLD
    num_perm: int = VALUES
    ngram: int = NGRAM
    seed: int = SEED
    name: str = "near_duplicates"

    @property
    def words(self) -> int:
        """Words of a signature: a mark of rows that are compared, then the values."""
        return 1 + self.num_perm // PER_WORD

    def signatures(self, candidates: Sequence[Candidate]) -> bytes:
        """Return the signature of each row."""
        return b"".join(self._block(candidates[start : start + _BLOCK]) for start in range(0, len(candidates), _BLOCK))

    def duplicates(self, signatures: Spool) -> NDArray[np.int64]:
        """Return rows that are near an earlier one, with the earliest that was found."""
        import numpy as np

        compared = [chunk[:, 0] == 0 for chunk in signatures.chunks()]
        # Rows that are not compared are taken for another source, which is not looked at.
        sources = np.concatenate(compared).astype(np.uint8) if compared else np.zeros(0, np.uint8)
        earliest = np.full(signatures.count, _NONE, np.uint32)
        done = np.zeros((1, signatures.count), np.bool_)
        for _, rows, others in Alike(signatures, 1, self.threshold, RECALL).pairs(sources, done):
            earliest[rows] = others
            done[0, rows] = True
        found = np.flatnonzero(earliest != _NONE)
        return np.stack((found, earliest[found].astype(np.int64)), axis=1)

    def _block(self, candidates: Sequence[Candidate]) -> bytes:
        import numpy as np

        pieces = shingles(["" if each.media else each.text.lower() for each in candidates], self.ngram, blanks=True)
        records = np.zeros((len(candidates), self.words), np.uint64)
        records[:, 0] = np.diff(pieces.starts) > 0
        records[:, 1:] = signatures(pieces, self.num_perm, self.seed)
        return records.tobytes()


def exact_duplicates(row_format: RowFormat, value: JsonValue) -> ExactDuplicates | None:
    """Return the filter for true."""
    return ExactDuplicates(row_format) if switch("exact_duplicates", value) else None


def near_duplicates(row_format: RowFormat, value: JsonValue) -> NearDuplicates | None:
    """Return the filter for true or its settings; raises InputError for values that cannot work."""
    given = settings("near_duplicates", value, ("threshold", "num_perm", "ngram", "seed"))
    if given is None:
        return None
    threshold = number("near_duplicates.threshold", given.get("threshold", THRESHOLD), 0.5, 1)
    values = whole_number("near_duplicates.num_perm", given.get("num_perm", VALUES), "values")
    if values % 16 or values > 1024:
        raise wrong("near_duplicates.num_perm", values, "a multiple of 16 up to 1024")
    width = int(number("near_duplicates.ngram", _whole("ngram", given.get("ngram", NGRAM)), 1, 200))
    seed = int(number("near_duplicates.seed", _whole("seed", given.get("seed", SEED)), 0, 2**32 - 1))
    return NearDuplicates(threshold, values, width, seed)


def _whole(name: str, value: JsonValue) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(f"near_duplicates.{name}", value, "a whole number")
    return value


def _numbered(signatures: Spool) -> Iterator[NDArray[np.uint64]]:
    import numpy as np

    start = 0
    for chunk in signatures.chunks():
        yield np.stack((chunk[:, 0], np.arange(start, start + len(chunk), dtype=np.uint64)), axis=1)
        start += len(chunk)


def _ordered(pairs: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    import numpy as np

    found = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
    return found[np.argsort(found[:, 0])]
