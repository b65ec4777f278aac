"""The first rows of a source, looked at before the work on all rows can be described."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from novaforge.tools.datasets.checks.tally import Rejects
from novaforge.tools.datasets.reading.batch import Batch, TornBatchError
from novaforge.tools.datasets.reading.source import Source
from novaforge.tools.datasets.rows import Line
from novaforge.tools.datasets.shapes.recognise import HEAD_ROWS

_HEAD_BYTES = 4_000_000
_HOPELESS_BYTES = 64_000_000
"""A source that begins with so much of nothing readable is not read further."""


class Head(NamedTuple):
    """The first readable rows, what could not be read before them, and all batches of the source, theirs included."""

    lines: list[Line]
    rejects: Rejects
    batches: Iterator[Batch]


def head_of(source: Source) -> Head:
    """Read as many batches as the first rows take, at most a few megabytes; whoever does the work reads them again."""
    lines: list[Line] = []
    rejects = Rejects()
    taken: list[Batch] = []
    size = 0
    batches = source.batches()
    for batch in batches:
        taken.append(batch)
        size += len(batch.data)
        lines += _first(source, batch, HEAD_ROWS - len(lines), rejects)
        if len(lines) >= HEAD_ROWS or size > (_HEAD_BYTES if lines else _HOPELESS_BYTES):
            break
    if not lines:
        # A tear before the first row: only reading in sequence tells what there is.
        rejects = Rejects()
        for line in source.sequential(iter(taken), rejects.add):
            lines.append(line)
            break
    source.decoder.blank_lines, source.decoder.guess = 0, source.decoder.guess if not lines else ""
    return Head(lines, rejects, chain(taken, batches))


def _first(source: Source, batch: Batch, wanted: int, rejects: Rejects) -> list[Line]:
    found: list[Line] = []
    try:
        for line in source.decoder.rows(batch, rejects.add):
            found.append(line)
            if len(found) >= wanted:
                break
    except TornBatchError:
        # What came before the tear is whole; the work reads the rest in sequence.
        return found
    return found
