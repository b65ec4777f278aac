"""Find out what stands between the cells of a table, from its first rows."""

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from novaforge.tools.datasets.reading.csv_rows import COMMA, Dialect

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
_ROWS = 200
_SAMPLE = 256 * 1024
_AGREEMENT = 0.9
"""Share of the first rows that have to have as many cells as the header before it is split at anything but commas."""


_USUAL = [COMMA, Dialect("\t"), Dialect(";"), Dialect("|"), Dialect("\t", quoted=False), Dialect("|", quoted=False)]
_TABS = [Dialect("\t"), Dialect("\t", quoted=False), *_USUAL]


def find_dialect(head: bytes, suffix: str) -> Dialect:
    """Return how the rows of a table are written: the first way that fits them; commas, or what the name says, if none does.

    Quotes are taken for text only in files split at tabs or pipes whose first rows do not fit otherwise.
    """
    sample = head[:_SAMPLE].decode("utf-8", "replace")
    ways = _TABS if suffix in (".tsv", ".tab") else _USUAL
    return next((way for way in ways if _fit(sample, way) >= _AGREEMENT), ways[0])


def _fit(sample: str, dialect: Dialect) -> float:
    """Return the share of the first rows with as many cells as the header; 0 when the header is a single cell."""
    rows = list(islice(_widths(sample, dialect), _ROWS + 1))
    if 1 < len(rows) <= _ROWS and rows[-1] != rows[0]:
        rows.pop()  # the sample may end within this row
    if not rows or rows[0] < 2:
        return 0.0
    return sum(width == rows[0] for width in rows) / len(rows)


def _widths(sample: str, dialect: Dialect) -> Iterator[int]:
    """Yield the number of cells of each row, 0 for a malformed one."""
    reader = dialect.reader(StringIO(sample, newline="\n"))
    while True:
        try:
            for cells in reader:
                if cells:
                    yield len(cells)
            return
        except csv.Error:
            yield 0


def is_table(head: bytes) -> bool:
    """Tell a table from prose by its first rows, for files whose name does not say it."""
    sample = head[:_SAMPLE].decode("utf-8", "replace")
    try:
        names = next(csv.reader([sample.split("\n", 1)[0]], delimiter=_likely(sample)), [])
    except csv.Error:
        return False
    if len(set(names)) < len(names) or not all(0 < len(name.strip()) <= 40 for name in names):
        return False
    return sample.count("\n") > 1 and any(_fit(sample, way) >= _AGREEMENT for way in _USUAL)


def _likely(sample: str) -> str:
    line = sample.split("\n", 1)[0]
    return max(DELIMITERS, key=line.count)
