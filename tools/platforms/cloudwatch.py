"""Read all CloudWatch streams of a job as one sequence of lines."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from novaforge.guards.errors import NotFoundError
from novaforge.tools.aws.session import Aws
from novaforge.tools.platforms.base import LogLine
from novaforge.tools.platforms.cursor import Position, Positions
from novaforge.tools.platforms.loglines import physical_lines

SCAN_LINES = 100_000
"""The most lines one call looks at, so that a rare pattern in a long log still answers in time."""

BATCH_EVENTS = 10_000
"""GetLogEvents' own maximum (botocore model)."""

Matches = Callable[[str], bool]


class LogReader(NamedTuple):
    """A log group seen through one prefix; stream names are shown without it."""

    aws: Aws
    region: str
    group: str
    prefix: str

    def streams(self) -> list[str]:
        """Return the names of the streams there are now; none while the group does not exist."""
        found: list[str] = []
        request: dict[str, Any] = {"logGroupName": self.group, "logStreamNamePrefix": self.prefix}
        while True:
            try:
                page = self.aws.call("logs", "describe_log_streams", region=self.region, **request)
            except NotFoundError:
                return found
            found += [item["logStreamName"].removeprefix(self.prefix) for item in page.get("logStreams", [])]
            if not page.get("nextToken"):
                return sorted(found)
            request["nextToken"] = page["nextToken"]

    def forward(self, stream: str, position: Position, batch: int) -> Iterator["Event"]:
        """Yield the events from a position to the end of a stream.

        A page may be empty before the end; only a token that comes back unchanged means that nothing is left.
        """
        request = {**self._stream(stream), "startFromHead": True, "limit": batch}
        if position.at_ms:
            request["startTime"] = position.at_ms
        done, at_ms, token = 0, position.at_ms, None
        while True:
            page = self.aws.call("logs", "get_log_events", region=self.region, **request)
            for item in page.get("events", []):
                done = done + 1 if item["timestamp"] == at_ms else 1
                at_ms = item["timestamp"]
                if at_ms > position.at_ms or done > position.events:
                    yield Event(at_ms, stream, done, item["message"])
            if page.get("nextForwardToken") in {None, token}:
                return
            token = request["nextToken"] = page["nextForwardToken"]

    def last(self, stream: str, count: int) -> list["Event"]:
        """Return the last events of a stream in order."""
        request = {**self._stream(stream), "startFromHead": False, "limit": min(count, BATCH_EVENTS)}
        items = self.aws.call("logs", "get_log_events", region=self.region, **request).get("events", [])
        if len(items) == request["limit"] and items[0]["timestamp"] == items[-1]["timestamp"]:
            # How many came before these in the same millisecond is not visible here, so that instant is read whole.
            return list(self.forward(stream, Position(items[0]["timestamp"]), BATCH_EVENTS))
        events: list[Event] = []
        for item in items:
            same = bool(events) and events[-1].at_ms == item["timestamp"]
            events.append(Event(item["timestamp"], stream, events[-1].ordinal + 1 if same else 1, item["message"]))
        return events

    def _stream(self, stream: str) -> dict[str, Any]:
        return {"logGroupName": self.group, "logStreamName": self.prefix + stream}


class Event(NamedTuple):
    """One log event; `ordinal` counts the stream's events of the same millisecond from 1. Sorts by time, then stream."""

    at_ms: int
    stream: str
    ordinal: int
    message: str


@dataclass
class Page:
    """Lines being collected, and the positions behind them."""

    positions: Positions
    limit: int
    max_chars: int | None
    lines: list[LogLine] = field(default_factory=list[LogLine])
    scanned: int = 0
    chars: int = 0
    full: bool = False

    def add(self, event: Event, matches: Matches) -> None:
        """Take the lines of one event that are not done yet; sets `full` and stops before the first that has no room."""
        before = self.positions.get(event.stream, Position())
        partly = (before.at_ms, before.events) == (event.at_ms, event.ordinal - 1)
        skip = before.lines if partly else 0
        for number, text in enumerate(physical_lines(event.message)):
            if number < skip:
                continue
            if not self._room():
                self.full = True
                self.positions[event.stream] = Position(event.at_ms, event.ordinal - 1, number)
                return
            self._take(event, text, matches)
        self.positions[event.stream] = Position(event.at_ms, event.ordinal)

    def _room(self) -> bool:
        wide = self.max_chars is not None and self.chars >= self.max_chars
        return len(self.lines) < self.limit and self.scanned < SCAN_LINES and not wide

    def _take(self, event: Event, text: str, matches: Matches) -> None:
        self.scanned += 1
        if matches(text):
            self.chars += len(text)
            self.lines.append(_line(event, text))


def read_forward(
    reader: LogReader, positions: Positions, limit: int, max_chars: int | None, matches: Matches, *, sparse: bool
) -> Page:
    """Read on from positions, all streams merged by time; `sparse` means that few lines are expected to match."""
    page = Page(dict(positions), limit, max_chars)
    batch = BATCH_EVENTS if sparse else min(BATCH_EVENTS, max(100, limit))
    streams = [reader.forward(name, page.positions.get(name, Position()), batch) for name in reader.streams()]
    for event in heapq.merge(*streams):
        page.add(event, matches)
        if page.full:
            break
    return page


def read_end(reader: LogReader, limit: int, matches: Matches, *, sparse: bool) -> Page:
    """Read the last matching lines, among the last 10,000 events of each stream, and the positions behind them."""
    page = Page({}, limit, None)
    kept: deque[LogLine] = deque(maxlen=limit)
    for event in heapq.merge(*(reader.last(name, BATCH_EVENTS if sparse else limit) for name in reader.streams())):
        kept.extend(_line(event, text) for text in physical_lines(event.message) if matches(text))
        page.positions[event.stream] = Position(event.at_ms, event.ordinal)
    page.lines.extend(kept)
    return page


def _line(event: Event, text: str) -> LogLine:
    return LogLine(at=datetime.fromtimestamp(event.at_ms / 1000, UTC), stream=event.stream, text=text)
