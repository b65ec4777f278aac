"""A sample of rows that is the same in every run and every process."""

_ODD = 0x9E3779B97F4A7C15
_BITS = 64


def chosen(line: int, share: float) -> bool:
    """Tell whether the row of a line belongs to a sample of a share of all rows."""
    return share >= 1 or (line * _ODD) % (1 << _BITS) < share * (1 << _BITS)
