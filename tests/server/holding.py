"""Work that a test holds until it says so."""

import threading

from novaforge.guards.errors import CancelledError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.progress import refuse_cancelled


class Gate:
    """Work that has begun goes on when it is opened or cancelled."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.opened = threading.Event()
        self.cancelled = threading.Event()

    def wait(self, ctx: ToolContext) -> None:
        self.begun.release()
        while not self.opened.wait(0.01):
            try:
                refuse_cancelled(ctx)
            except CancelledError:
                self.cancelled.set()
                raise
