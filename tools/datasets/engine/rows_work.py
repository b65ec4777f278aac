"""The work of a transform on one batch: records become finished rows, divided among the parts of a split."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from novaforge.tools.datasets.checks.stats import Labels
from novaforge.tools.datasets.checks.tally import Tally
from novaforge.tools.datasets.filters.candidate import Stateful
from novaforge.tools.datasets.filters.plan import Candidate, FilterPlan
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.content import content_digest
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.media.items import media_items
from novaforge.tools.datasets.reading.batch import Batch, Decoder
from novaforge.tools.datasets.rows import FILTERED, Finished, Line, MediaRef, Reject
from novaforge.tools.datasets.shapes.base import Converter, Seen, TextOf
from novaforge.tools.datasets.splitting.hashing import Hasher
from novaforge.tools.datasets.splitting.strata import MAX_LABEL_CHARS, MAX_LABELS

EXACT = "exact_duplicates"
_NO_FILTERS = FilterPlan()


class NeedsIndexError(Exception):
    """A row has media to be copied, so rows cannot be written before all copies were made: do it again with an index."""


class IndexPart(NamedTuple):
    """What the finishing phase has to know of each row of a batch, as arrays: hash of its group (big-endian), bytes, line.

    `strata` are places in `labels`, which is None once the answers are no labels; `digests` are there when asked for,
    `signatures` are those of each filter that compares rows.
    """

    hashes: bytes
    lengths: bytes
    lines: bytes
    strata: bytes
    labels: list[str] | None
    digests: bytes
    signatures: list[bytes]
    media: list[tuple[int, tuple[MediaRef, ...]]]


class RowsResult(NamedTuple):
    """A finished batch: bytes, rows and labels of each part, what was left out and why, what was seen on the way."""

    read: int
    parts: list[bytes]
    counts: list[int]
    labels: list[Labels]
    tally: Tally
    rejects: list[Reject]
    blank_lines: int
    guess: str
    seen: Seen
    indexed: IndexPart | None


@dataclass(frozen=True)
class RowWork:
    """What to do with each batch of a transform; `cuts` divide rows at once, `spool` asks for an index instead."""

    decoder: Decoder
    converter: Converter
    row_format: RowFormat
    seed: int
    cuts: tuple[bytes, ...] = ()
    """Upper ends of the parts but the last, as big-endian hashes."""
    group_by: str | None = None
    stratify_by: str | None = None
    filters: FilterPlan = _NO_FILTERS
    spool: bool = False
    digests: bool = False
    """Whether later copies of a row are to be found."""

    @property
    def comparing(self) -> tuple[Stateful, ...]:
        """Filters that compare rows, but for exact copies, which are found by digests of the whole row."""
        return tuple(each for each in self.filters.stateful if each.name != EXACT)

    def start(self) -> "RowRunner":
        """Get ready in this process."""
        return RowRunner(self)


class RowRunner:
    """A transform's work in one process."""

    def __init__(self, work: RowWork) -> None:
        self._work = work
        self._decoder: Any = work.decoder
        self._converter = work.converter
        self._filters = work.filters
        # Finished.row may be left out when nothing but the rules looks at rows.
        self._lean = not set(work.filters.names) - {"invalid_rows"}
        self._group = work.converter.group_of(work.group_by) if work.group_by is not None else None
        label = work.converter.label_of(work.stratify_by) if work.stratify_by is not None else None
        self._label = label
        self._hash = Hasher(work.seed)

    def run(self, batch: Batch) -> RowsResult:
        """Return the rows of a batch; raises TornBatchError."""
        rejects: list[Reject] = []
        return self.run_lines(batch.file, self._decoder.rows(batch, rejects.append), rejects)

    def run_lines(self, file: int, lines: Iterable[Line], rejects: list[Reject]) -> RowsResult:
        """Return the rows of lines read already."""
        decoder, converter = self._decoder, self._converter
        decoder.blank_lines, decoder.guess = 0, ""
        converter.begin(file)
        converter.counts.clear()
        kept = _Indexed(self._work, self._label) if self._work.spool else _Divided(self._work.cuts)
        tally = Tally()
        read = self._rows(lines, rejects, tally, kept)
        # Rows read ahead were rejected before those that are converted here.
        rejects.sort(key=attrgetter("line"))
        parts, counts, labels = kept.parts()
        return RowsResult(
            read, parts, counts, labels, tally, rejects, decoder.blank_lines,
            decoder.guess, converter.seen(), kept.index(),
        )  # fmt: skip

    def _rows(self, lines: Iterable[Line], rejects: list[Reject], tally: Tally, kept: "_Divided | _Indexed") -> int:
        finish, group, hashed = self._finisher(), self._group, self._hash.digest
        expand, filtered = self._converter.expand, self._filters.stateless
        count = 0
        for line in chain.from_iterable(map(expand, lines)) if expand is not None else lines:
            count += 1
            row = finish(line)
            if type(row) is Reject:
                rejects.append(row)
                continue
            assert isinstance(row, Finished)
            if filtered and (name := self._filtered(row)):
                rejects.append(Reject(line.number, f"{FILTERED}{name}"))
                continue
            if row.hits:
                tally.add(line.number, row.hits)
            key = (group(line, row) if group is not None else "") or row.group or row.prompt
            kept.add(hashed(key), line, row)
        return count

    def _finisher(self) -> Callable[[Line], Finished | Reject]:
        """Return the fast way to build rows where there is one, with the long way behind it."""
        slow = self._converter.finish
        fast = self._converter.fast() if self._lean else None
        if fast is None:
            return slow
        return lambda line: fast(line) or slow(line)

    def _filtered(self, row: Finished) -> str:
        blocked = any(RULES[hit.rule].severity == "block" for hit in row.hits)
        return self._filters.removes(Candidate(row.row, row.prompt, row.answer, blocked))


class _Divided:
    """Rows that go to their part at once."""

    def __init__(self, cuts: tuple[bytes, ...]) -> None:
        self._cuts = cuts
        self._parts: list[list[bytes]] = [[] for _ in range(len(cuts) + 1)]
        self._labels = [Labels() for _ in self._parts]

    def add(self, hashed: bytes, line: Line, row: Finished) -> None:
        """Take one row; raises NeedsIndexError for one with media to be copied."""
        if row.media:
            raise NeedsIndexError
        part = bisect_right(self._cuts, hashed)
        self._parts[part].append(row.data)
        self._labels[part].add(row.answer)

    def parts(self) -> tuple[list[bytes], list[int], list[Labels]]:
        """Return bytes, rows and labels of each part."""
        return [b"".join(part) for part in self._parts], [len(part) for part in self._parts], self._labels

    def index(self) -> IndexPart | None:
        """Return nothing: the rows are where they belong."""
        return None


class _Indexed:
    """Rows in one piece, with an index."""

    def __init__(self, work: RowWork, label: TextOf | None) -> None:
        self._work = work
        self._label = label
        self._rows: list[bytes] = []
        self._hashes: list[bytes] = []
        self._digests: list[bytes] = []
        self._candidates: list[Candidate] = []
        self._lines, self._strata = array("Q"), array("I")
        self._labels: dict[str, int] | None = {}
        self._media: list[tuple[int, tuple[MediaRef, ...]]] = []

    def add(self, hashed: bytes, line: Line, row: Finished) -> None:
        """Take one row."""
        if row.media:
            self._media.append((len(self._rows), row.media))
        self._rows.append(row.data)
        self._hashes.append(hashed)
        self._lines.append(line.number)
        self._strata.append(self._stratum(line, row))
        if self._work.digests:
            self._digests.append(content_digest(row.row, self._work.row_format.name))
        if self._work.comparing:
            media = tuple(item.uri for item in media_items(row.row))
            self._candidates.append(Candidate(row.row, row.prompt, row.answer, False, media))

    def parts(self) -> tuple[list[bytes], list[int], list[Labels]]:
        """Return all rows as one part."""
        return [b"".join(self._rows)], [len(self._rows)], []

    def index(self) -> IndexPart | None:
        """Return what there is to know about the rows."""
        labels = list(self._labels) if self._labels is not None else None
        lengths = array("I", map(len, self._rows))
        return IndexPart(
            b"".join(self._hashes), lengths.tobytes(), self._lines.tobytes(), self._strata.tobytes(), labels,
            b"".join(self._digests), [each.signatures(self._candidates) for each in self._work.comparing], self._media,
        )  # fmt: skip

    def _stratum(self, line: Line, row: Finished) -> int:
        labels = self._labels
        if labels is None:
            return 0
        label = self._label(line, row) if self._label is not None else row.answer
        if self._label is None and (len(label) > MAX_LABEL_CHARS or len(labels) > MAX_LABELS):
            self._labels = None
            return 0
        return labels.setdefault(label, len(labels))
