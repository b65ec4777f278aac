"""Tell the client how far a pass over a source is, and end it when nobody wants it any more."""

import time

from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.cancelled import refuse_cancelled
from novaforge.tools.datasets.reading.source import Source

__all__ = ["Heartbeat", "refuse_cancelled"]

_EVERY_ROWS = 4096
_EVERY_S = 2.0


class Heartbeat:
    """Reports bytes read and rows every two seconds at most."""

    def __init__(self, ctx: ToolContext, source: Source) -> None:
        self._ctx = ctx
        self._source = source
        self._next = time.monotonic() + _EVERY_S
        self._done = 0.0

    def beat(self, rows: int) -> None:
        """Report if it is time; cheap enough to be called for every row. Raises CancelledError."""
        if rows % _EVERY_ROWS == 0:
            self.tick(rows)

    def tick(self, rows: int, doing: str = "") -> None:
        """Report if it is time, for callers that come by once a batch. Raises CancelledError when the call was cancelled."""
        refuse_cancelled(self._ctx)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            self._ctx.rows_done(rows)
            # Progress has to grow with every report, also in the phases after the last byte was read.
            self._done = max(self._done + 1, self._source.bytes_read)
            message = f"{rows} rows read" + (f", {doing}" if doing else "")
            self._ctx.progress(self._done, max(self._done, self._source.bytes_total), message)
