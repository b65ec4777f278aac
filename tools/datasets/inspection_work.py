"""The work of an inspection on one batch: fill, lengths and labels of each column, and what a conversion would leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from novaforge.tools.datasets.checks.stats import Labels, Lengths
from novaforge.tools.datasets.checks.tally import Rejects
from novaforge.tools.datasets.rows import Finished, Line, Reject

if TYPE_CHECKING:
    from novaforge.tools.datasets.reading.batch import Batch, Decoder
    from novaforge.tools.datasets.shapes.base import Converter

MAX_COLUMNS = 100
FURTHER = "(further keys)"
"""Keys without end are no columns; they are counted together, under a name no key has in the result."""


class ColumnCounts:
    """Fill, lengths and labels of one column."""

    def __init__(self) -> None:
        self.filled = 0
        self.lengths = Lengths()
        self.labels = Labels()

    def add(self, text: str) -> None:
        """Count one cell."""
        if text and not text.isspace():
            self.filled += 1
            self.lengths.add(text)
            self.labels.add(text)

    def merge(self, other: ColumnCounts) -> None:
        """Add what was counted further down."""
        self.filled += other.filled
        self.lengths.merge(other.lengths)
        self.labels.merge(other.labels)


@dataclass
class Counts:
    """What was counted in rows; `left_out` are readable rows that the suggested conversion would not write."""

    rows: int = 0
    columns: dict[str, ColumnCounts] = field(default_factory=dict[str, ColumnCounts])
    lengths: Lengths = field(default_factory=Lengths)
    labels: Labels = field(default_factory=Labels)
    rejects: Rejects = field(default_factory=Rejects)
    left_out: Rejects = field(default_factory=Rejects)
    guess: str = ""
    media: bool = False
    """Whether a converted row refers to files that have to be copied."""

    def merge(self, other: Counts, file: str = "") -> None:
        """Add what was counted further down, in a file of that name."""
        self.rows += other.rows
        for name, column in other.columns.items():
            self.column(name).merge(column)
        self.lengths.merge(other.lengths)
        self.labels.merge(other.labels)
        self.rejects.merge(other.rejects, file)
        self.left_out.merge(other.left_out, file)
        self.guess = self.guess or other.guess
        self.media = self.media or other.media

    def column(self, name: str) -> ColumnCounts:
        """Return the counts of a column, or those of all further keys."""
        found = self.columns.get(name)
        if found is None:
            name = name if len(self.columns) < MAX_COLUMNS + 3 else FURTHER
            found = self.columns.setdefault(name, ColumnCounts())
        return found


@dataclass(frozen=True)
class InspectWork:
    """What to count: the columns listed one by one, the mapped ones, and rows as the converter makes them, if any."""

    decoder: Decoder
    header: tuple[str, ...] | None
    listed: tuple[str, ...]
    used: tuple[str, ...]
    answer: str
    """The column of the response, or an empty text."""
    converter: Converter | None

    def start(self) -> InspectRunner:
        """Get ready in this process."""
        return InspectRunner(self)


class InspectRunner:
    """An inspection's work in one process."""

    def __init__(self, work: InspectWork) -> None:
        self._work = work
        self._decoder: Any = work.decoder
        self._listed = set(work.listed)

    def run(self, batch: Batch) -> Counts:
        """Return what is in a batch; raises TornBatchError."""
        rejects: list[Reject] = []
        return self.run_lines(batch.file, self._decoder.rows(batch, rejects.append), rejects)

    def run_lines(self, file: int, lines: Iterable[Line], rejects: list[Reject]) -> Counts:
        """Return what is in rows read already."""
        counts = Counts(columns={name: ColumnCounts() for name in self._work.listed})
        self._decoder.guess = ""
        convert = self._work.converter
        if convert is not None:
            convert.begin(file)
        for line in lines:
            counts.rows += 1
            cells = dict(self._cells(line))
            for name, text in cells.items():
                counts.column(name if name in self._listed else FURTHER).add(text)
            if convert is None:
                self._measure(cells, counts)
            else:
                self._convert(convert, line, counts)
        for reject in rejects:
            counts.rejects.add(reject)
        counts.guess = self._decoder.guess
        return counts

    def _cells(self, line: Line) -> Iterator[tuple[str, str]]:
        record: Any = line.record
        pairs = zip(self._work.header or (), record, strict=False) if isinstance(record, list) else record.items()
        for name, value in pairs:
            yield name, value if isinstance(value, str) else "" if value is None else _as_json(value)

    def _measure(self, cells: dict[str, str], counts: Counts) -> None:
        used = self._work.used or cells.keys()
        counts.lengths.add(*(cells.get(column, "") for column in used))
        if self._work.answer:
            counts.labels.add(cells.get(self._work.answer, ""))

    def _convert(self, convert: Converter, line: Line, counts: Counts) -> None:
        expand = convert.expand
        for one in chain(expand(line)) if expand is not None else (line,):
            row = convert.finish(one)
            if isinstance(row, Finished):
                counts.lengths.add(row.prompt, row.answer)
                counts.labels.add(row.answer)
                counts.media = counts.media or bool(row.media)
            else:
                counts.left_out.add(row)


def _as_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Deeper than the writer goes, or of a kind that JSON has not.
        return str(value)
