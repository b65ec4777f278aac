"""Rows that a CloudWatch Logs Insights query returns."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import sleep
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from novaforge.guards.errors import AwsError, CancelledError, InputError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.context import ToolContext

SCHEME = "cloudwatch://"
MOST_ROWS = 10_000
"""What one query returns at most (CloudWatch Logs quota)."""

_WHOLE_RESULT = re.compile(r"(?:^|\|)\s*(?:limit|stats|dedup|head|tail|sort|pattern|diff)\b", re.IGNORECASE)
"""Commands whose result over a time is not the results over its parts put together."""

_FIX = (
    "write cloudwatch://LOG-GROUP?query=fields @timestamp, @message&start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"
)
_PAUSES = (0.05, 0.1, 0.2, 0.5)
_LONGEST_PAUSE = 1.0


class LogRows:
    """The rows of a query, with the time cut in halves where it has more than one query returns."""

    format = "cloudwatch"
    version = ""

    def __init__(self, ctx: ToolContext, uri: str, argument: str, pause: Callable[[float], None] = sleep) -> None:
        self._ctx = ctx
        self._pause = pause
        self._uri = uri
        self._argument = argument
        group, _, text = uri.removeprefix(SCHEME).partition("?")
        options = dict(parse_qsl(text, keep_blank_values=True))
        self._group = unquote(group)
        self._query = options.get("query", "")
        further = sorted(set(options) - {"query", "start", "end"})
        if not self._group or not self._query.strip() or "start" not in options or further:
            raise self._wrong("names no log group, query and start" if not further else f"has unknown {further[0]!r}")
        self._start = self._second(options["start"])
        self._end = self._second(options["end"]) if "end" in options else int(ctx.clock().timestamp())
        if self._start > self._end:
            raise self._wrong("starts after its end")
        self.notes: list[Finding] = []

    def lines(self) -> Iterator[bytes]:
        """Yield one JSON object of texts per row; within each part of the time in the order of the query."""
        divisible = _WHOLE_RESULT.search(self._query) is None
        yield from self._between(self._start, self._end, divisible=divisible)

    def _between(self, start: int, end: int, *, divisible: bool) -> Iterator[bytes]:
        found = self._ask(start, end)
        if len(found) >= MOST_ROWS and divisible and start < end:
            middle = (start + end) // 2
            del found
            yield from self._between(start, middle, divisible=True)
            yield from self._between(middle + 1, end, divisible=True)
            return
        if len(found) >= MOST_ROWS:
            self._note_limit(divisible=divisible)
        for row in found:
            fields = {str(cell.get("field", "")): cell.get("value", "") for cell in row}
            fields.pop("@ptr", None)
            yield orjson.dumps(fields)

    def _ask(self, start: int, end: int) -> list[list[dict[str, Any]]]:
        call = self._ctx.aws.call
        query = call(
            "logs", "start_query",
            logGroupName=self._group, startTime=start, endTime=end, queryString=self._query, limit=MOST_ROWS,
        )["queryId"]  # fmt: skip
        try:
            return self._wait(query)
        except BaseException:
            self._stop(query)
            raise

    def _wait(self, query: str) -> list[list[dict[str, Any]]]:
        tries = 0
        while True:
            if self._ctx.cancelled():
                raise CancelledError("The call was cancelled.", fix="call again if it is wanted after all")
            answer = self._ctx.aws.call("logs", "get_query_results", queryId=query)
            status = str(answer.get("status", "Unknown"))
            if status == "Complete":
                results: list[list[dict[str, Any]]] = answer.get("results", [])
                return results
            if status in ("Failed", "Cancelled", "Timeout"):
                message = f"The Logs Insights query ended with {one_line(status, 40)}."
                raise AwsError(
                    message, operation="logs:GetQueryResults", code=status, fix="correct the query or shorten the time"
                )
            self._pause(_PAUSES[tries] if tries < len(_PAUSES) else _LONGEST_PAUSE)
            tries += 1

    def _stop(self, query: str) -> None:
        """Ask for the end of a query nobody waits for any more; it costs by the bytes it reads."""
        try:
            self._ctx.aws.call("logs", "stop_query", queryId=query)
        except AwsError:
            return

    def _note_limit(self, *, divisible: bool) -> None:
        why = "in one second" if divisible else "and the query cannot be asked for parts of the time"
        message = f"a query returns at most {MOST_ROWS} rows; there may be more {why}"
        fix = "filter more, or leave out limit, sort and stats"
        finding = Finding(rule="source-row-limit", severity="warn", message=message, fix=fix)
        if finding not in self.notes:
            self.notes.append(finding)

    def _second(self, text: str) -> int:
        if text.isdigit():
            return int(text)
        try:
            # In a URL a plus sign stands for a blank.
            time = datetime.fromisoformat(text.replace(" ", "+") if re.search(r" \d\d:?\d\d$", text) else text)
        except ValueError as error:
            raise self._wrong(f"has the time {one_line(text, 40)!r}, which is neither ISO 8601 nor seconds") from error
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())

    def _wrong(self, what: str) -> InputError:
        return InputError(f"{one_line(self._uri, 200)} {what}.", field=self._argument, value=self._uri, fix=_FIX)
