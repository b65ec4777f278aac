"""Cut text into batches of whole rows, in constant memory and without looking at single rows."""

from collections.abc import Callable, Iterable, Iterator

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.rows import ROW_BYTES

RowEnd = Callable[[bytes], int]
"""Returns how many of these bytes are whole rows, 0 when the first row does not end in them."""

Shrink = Callable[[bytes], bytes]
"""Returns what has to be kept of a line that is too long for a row."""

LONGEST_CUT = 4 * ROW_BYTES
"""With more than this and no row end in sight the cut is made at a line end; the decoder tells whether that was one."""


def line_end(data: bytes) -> int:
    """Cut after the last line feed."""
    return data.rfind(b"\n") + 1


def forget(line: bytes) -> bytes:
    """Keep one byte of an over-long line: only its number is needed, but the line has to stay there."""
    return b"x"


def cut(
    blocks: Iterable[bytes], uri: str, file: int, first: int, row_end: RowEnd, shrink: Shrink, longest: int = ROW_BYTES
) -> Iterator[Batch]:
    """Yield batches of whole rows, the last one up to the end of the text whatever it ends with; a line of more than
    `longest` bytes is shrunk.

    Raises InputError for a line that is no line of a table: over four times the longest row even without its text.
    """
    carry = b""
    damaged: list[int] = []
    for block in blocks:
        data = carry + block if carry else block
        end = row_end(data)
        if not end and len(data) > LONGEST_CUT:
            end = line_end(data)
        if end:
            yield Batch(file, first, data[:end], tuple(damaged))
            first += data.count(b"\n", 0, end)
            damaged = []
        carry = data[end:]
        if len(carry) > longest:
            carry = _bounded(carry, uri, first, shrink, damaged, longest)
    if carry:
        yield Batch(file, first, carry, tuple(damaged))


def _bounded(carry: bytes, uri: str, first: int, shrink: Shrink, damaged: list[int], longest: int) -> bytes:
    """Shrink the last line when it alone is longer than a row may be."""
    begin = carry.rfind(b"\n") + 1
    if len(carry) - begin <= longest:
        return carry
    number = first + carry.count(b"\n", 0, begin)
    if not damaged or damaged[-1] != number:
        damaged.append(number)
    rest = shrink(carry[begin:])
    if len(rest) > LONGEST_CUT:
        message = f"Line {number} of {uri} does not end; this is no table with one row per line."
        raise InputError(message, field="source", value=uri, fix="give a file with one row per line")
    return carry[:begin] + rest
