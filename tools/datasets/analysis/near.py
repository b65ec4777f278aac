"""Near copies: queries that differ from another one in a few words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.digest import digests_of_bytes
from novaforge.tools.datasets.analysis.folded import END, folded_together, split, words_of
from novaforge.tools.datasets.analysis.groups import SOURCE_SHIFT, Matches, Words
from novaforge.tools.datasets.analysis.minhash import PER_WORD, Alike, signatures
from novaforge.tools.datasets.analysis.report import Pairs, finding
from novaforge.tools.datasets.analysis.shingles import Template, windows
from novaforge.tools.datasets.analysis.spool import Spool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from novaforge.guards.findings import Finding

THRESHOLD = 0.8
"""Jaccard similarity of the pieces of 18 bytes; four scattered letters changed in 900 make about 0.8."""
CUT = 0.75
"""What the estimate has to be: with 0.8 every second pair at the threshold would be missed, so six in seven are found."""
VALUES = 64
"""Values of a signature; the estimate of the similarity is within about 0.09 nineteen times out of twenty."""
RECALL = 0.99
LEAST_PIECES = 24
"""A text with fewer pieces than this, beyond a template, is compared as a whole: its words in small letters, without punctuation."""
LEAST_BYTES = 16
"""Shorter texts, such as greetings, are left to the exact check."""
PLACE, DIGEST, SIGNATURE = range(3)
_BLOCK = 256
_NEAR_SHARE = 0.01
_SHORT_SHARE = 0.5
BASIS = (
    f"similarity of pieces of 18 bytes at least about {THRESHOLD}, estimated by MinHash; case, accents, blanks, punctuation, "
    "invisible characters and look-alike letters do not count"
)


class Scanned(NamedTuple):
    """Records of place, digest and signature of the queries long enough, and how many are too short."""

    records: bytes
    short: int


class NearCopies:
    """Finds queries that are nearly the same, in the file and between files."""

    name = "near copies"

    def __init__(self, settings: CheckSettings) -> None:
        self._settings = settings
        self._template = Template(settings.template)
        self._spool = Spool(SIGNATURE + VALUES // PER_WORD, settings.folder)
        self._short = 0

    def scan(self, rows: Sequence[RowView]) -> Scanned:
        """Return the signatures of a batch."""
        # Blocks of this size stay in the processor's cache.
        blocks = [self._block(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        return Scanned(b"".join(block.records for block in blocks), sum(block.short for block in blocks))

    def merge(self, file: str, result: Scanned) -> None:
        """Keep the signatures of a batch in a file."""
        import numpy as np

        data = result.records
        if file:
            records = np.frombuffer(data, np.uint64).reshape(-1, self._spool.width).copy()
            records[:, PLACE] |= np.uint64((self._settings.references.index(file) + 1) << SOURCE_SHIFT)
            data = records.tobytes()
        else:
            self._short += result.short
        self._spool.add(data)

    def findings(self, rows: int) -> "list[Finding]":
        """Return near duplicates in the file, near overlaps with others, and whether most queries were too short."""
        inside, *overlaps = self._pairs()
        found: list[Finding] = []
        if inside.count:
            rule = "DA11-near-duplicates" if inside.count > rows * _NEAR_SHARE else "DA11-some-near-duplicates"
            found.append(finding(rule, f"{inside.where(self._settings)}; {BASIS}", inside.count, inside.first[0][0]))
        for uri, pairs in zip(self._settings.references, overlaps, strict=True):
            if pairs.count:
                detail = f"with {uri}, {pairs.where(self._settings, uri)}; {BASIS}"
                found.append(finding("DA11-near-overlap", detail, pairs.count, pairs.first[0][0]))
        if self._short > rows * _SHORT_SHARE:
            found.append(finding("DA11-short", f"{self._short} of {rows} rows", self._short))
        return found

    def _block(self, rows: Sequence[RowView]) -> Scanned:
        import numpy as np

        texts = [b"" if row.media else row.asked or row.query or row.encoded for row in rows]
        plain = folded_together(END.join([*texts, b""]))
        pieces, counts = self._template.pieces(windows(plain))
        enough = counts >= LEAST_PIECES
        records = np.zeros((len(rows), self._spool.width), np.uint64)
        records[:, PLACE] = [row.line for row in rows]
        records[:, DIGEST] = digests_of_bytes(texts)
        records[:, SIGNATURE:] = signatures(pieces, VALUES)
        if enough.all():
            return Scanned(records.tobytes(), 0)
        short, parts = np.flatnonzero(~enough), split(plain)
        whole = [words_of(parts[place]) for place in short]
        records[short, SIGNATURE:] = _whole(whole)
        enough[short] = [len(each) >= LEAST_BYTES for each in whole]
        return Scanned(records[enough].tobytes(), len(short))

    def _pairs(self) -> list[Pairs]:
        """Return what is alike within the file, then with each reference."""
        import numpy as np

        pairs = [Pairs() for _ in range(1 + len(self._settings.references))]
        sources = self._sources()
        done = np.zeros((len(pairs), len(sources)), np.bool_)
        for source, rows, others in Alike(self._spool, SIGNATURE, THRESHOLD, RECALL, CUT).pairs(sources, done):
            left, right = self._spool.take(rows), self._spool.take(others)
            # Equal texts are told by the exact check; what resembles them is found by way of the first of them.
            differs = left[:, DIGEST] != right[:, DIGEST]
            done[source, rows] = True
            pairs[source].add(_matches(left[differs], right[differs]))
        return pairs

    def _sources(self) -> "NDArray[np.uint8]":
        import numpy as np

        chunks = [(chunk[:, PLACE] >> np.uint64(SOURCE_SHIFT)).astype(np.uint8) for chunk in self._spool.chunks()]
        return np.concatenate(chunks) if chunks else np.zeros(0, np.uint8)


def _whole(texts: Sequence[bytes]) -> Words:
    """Return signatures of which no part is equal unless the texts are: a product with an odd number can be taken back."""
    import numpy as np

    odd = np.arange(1, 2 * (VALUES // PER_WORD), 2).astype(np.uint64)
    made: Words = np.array(digests_of_bytes(texts), np.uint64)[:, None] * odd
    return made


def _matches(left: Words, right: Words) -> Matches:
    """Return pairs of records as pairs of lines."""
    line = (1 << SOURCE_SHIFT) - 1
    pairs = zip(left[:, PLACE].tolist(), right[:, PLACE].tolist(), strict=True)
    return Matches(len(left), [(one & line, two & line) for one, two in pairs])
