"""Slow answers do not hold a tool up."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from novaforge.tools.aws import deadline
from novaforge.tools.aws.deadline import DeadlinePassed, stream_within, within


def test_results_and_exceptions_come_through() -> None:
    assert within(60, lambda: 3) == 3
    with pytest.raises(KeyError):
        within(60, lambda: {"a": 1}["missing"])


def test_items_come_in_order_until_they_end() -> None:
    assert list(stream_within(60, lambda: iter(range(100)))) == list(range(100))


def test_a_call_that_takes_too_long_is_left_behind() -> None:
    release = threading.Event()
    with pytest.raises(DeadlinePassed):
        within(0.05, lambda: release.wait(120))
    release.set()


def test_a_maker_nobody_listens_to_any_more_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 0.0, 60.0])  # the beginning, before the first item, before the second
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    go_on, closed = threading.Event(), threading.Event()

    def make() -> Iterator[int]:
        try:
            yield 1
            go_on.wait(120)
            yield 2
        finally:
            closed.set()

    stream = stream_within(60, make)
    assert next(stream) == 1
    with pytest.raises(DeadlinePassed):
        next(stream)
    go_on.set()
    assert closed.wait(120)
