"""A sample of rows that is the same in every run and every process."""

from collections.abc import Sequence

from novaforge.tools.datasets.analysis.check import RowView

_ODD = 0x9E3779B97F4A7C15
_BITS = 64
_MASK = (1 << _BITS) - 1


def chosen(rows: Sequence[RowView], share: float) -> Sequence[RowView]:
    """Return the rows whose lines belong to a sample of a share of all rows."""
    if share >= 1:
        return rows
    limit = int(share * (1 << _BITS))
    return [row for row in rows if row.line * _ODD & _MASK < limit]
