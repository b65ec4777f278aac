"""The process that reads one workbook: from its standard input to JSON lines on its standard output.

The library behind it gives up by ending the process: a workbook of a few kilobytes with a cell in the last corner asks for
hundreds of gigabytes. Here that costs one file, not the server.
"""

import resource
import sys
from contextlib import suppress
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

import orjson

from novaforge.tools.datasets.rows import ROW_BYTES

MOST_MEMORY = 2 * 1024**3
MOST_SECONDS = 600
DONE = b"done\n"
"""The last line; without it the process broke off."""


def main() -> None:
    """Write the names of all sheets, then each row of the first one as a list of texts, then DONE."""
    for kind, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CPU, MOST_SECONDS),
        # A memory image on the disk would hold the rows.
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
    from python_calamine import CalamineWorkbook  # below the limits

    book = CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
    write = sys.stdout.buffer.write
    write(orjson.dumps(book.sheet_names) + b"\n")
    for row in book.get_sheet_by_index(0).iter_rows():
        line = orjson.dumps([cell_text(cell) for cell in row])
        # One byte too many is enough to be rejected.
        write(line[: ROW_BYTES + 1] + b"\n")
    write(DONE)


def cell_text(cell: Any) -> str:
    """Return a cell as text: whole numbers without decimals, dates and times as ISO 8601, truth as TRUE or FALSE."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date | datetime | time) else str(cell)


if __name__ == "__main__":
    main()
