"""Wait for slow answers no longer than a tool may take; botocore's own timeouts count per attempt and per read."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


class DeadlinePassed(Exception):
    """Time was up before the work was done; the work itself may still go on."""


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return the result of a call; raises DeadlinePassed when it takes longer, and whatever the call raises."""

    def produce() -> Iterator[T]:
        yield work()

    return next(stream_within(seconds, produce))


def stream_within(seconds: float, produce: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Yield items made in a thread of their own until they end; raises DeadlinePassed when the time is up before.

    The maker is closed at its next item once nobody listens any more.
    """
    items: queue.SimpleQueue[Any] = queue.SimpleQueue()
    left = threading.Event()
    threading.Thread(target=_pump, args=(produce, items, left), daemon=True).start()
    end = time.monotonic() + seconds
    try:
        while True:
            try:
                item = items.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise DeadlinePassed from None
            if item is _END:
                return
            if isinstance(item, _Raised):
                raise item.error
            yield item
    finally:
        left.set()


class _Raised:
    """Carries an exception from the maker's thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _pump(produce: Callable[[], Iterator[Any]], items: "queue.SimpleQueue[Any]", left: threading.Event) -> None:
    try:
        made = produce()
        for item in made:
            if left.is_set():
                getattr(made, "close", lambda: None)()
                return
            items.put(item)
        items.put(_END)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the items are read
        items.put(_Raised(error))
