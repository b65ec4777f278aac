"""Batches made by readers of formats that have no lines: one JSON object per line, numbered by row."""

from collections.abc import Iterable, Iterator

from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.jsonl_rows import made_reject
from novaforge.tools.datasets.rows import ROW_BYTES, TOO_LARGE, media_inside


def made_batches(file: int, lines: Iterable[bytes], size: int, first: int = 1) -> Iterator[Batch]:
    """Yield lines as batches of about `size` bytes; each line is one row, the first of them number `first`;
    one that is longer than a row may be is a reject, as in JSON Lines.

    Line feeds in a line become carriage returns: between the parts of a JSON value both are blanks, in a text neither
    is allowed, so that what is valid stays valid and what is not does not become so.
    """
    held: list[bytes] = []
    total = 0
    for line in lines:
        line = line if len(line) <= ROW_BYTES or media_inside(line) else made_reject(TOO_LARGE)
        held.append(line.replace(b"\n", b"\r") if b"\n" in line else line)
        total += len(line)
        if total >= size:
            yield _batch(file, first, held)
            first += len(held)
            held, total = [], 0
    if held:
        yield _batch(file, first, held)


def _batch(file: int, first: int, lines: list[bytes]) -> Batch:
    return Batch(file, first, b"\n".join(lines) + b"\n")
