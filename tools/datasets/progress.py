"""Tell the client how far a pass over a file is."""

import time

from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading.source import Source

_EVERY_ROWS = 4096
_EVERY_S = 2.0


class Heartbeat:
    """Reports bytes read and rows every two seconds at most."""

    def __init__(self, ctx: ToolContext, source: Source) -> None:
        self._ctx = ctx
        self._source = source
        self._next = time.monotonic() + _EVERY_S

    def beat(self, rows: int) -> None:
        """Report if it is time; cheap enough to be called for every row."""
        if rows % _EVERY_ROWS:
            return
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            self._ctx.progress(self._source.lines.bytes_read, self._source.stamp.bytes, f"{rows} rows read")
