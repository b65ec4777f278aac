"""The part of the Logs Insights query language that is played: fields, display, filter, sort, limit.

Anything else is refused as malformed, where moto passes over it in silence and returns rows that were not asked for. Fields of JSON messages
are discovered by their dotted path, as CloudWatch does.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from novaforge.server.sandbox.wire import AwsFault

MOST_ROWS = 10_000
"""How many rows a query returns when it names no limit."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<regex>/(?:[^/\\]|\\.)+/)|(?P<number>-?\d+(?:\.\d+)?)(?![\w.@])"""
    r"""|(?P<quoted>`[^`]+`)|(?P<word>[@\w][\w@.\-]*)|(?P<sign>!=|<=|>=|=~|[|,()=<>]))"""
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
Token = tuple[str, str]


@dataclass
class Event:
    """One log event: time in milliseconds, text, and where it stands."""

    time_ms: int
    message: str
    stream: str
    group: str
    pointer: str

    def value(self, name: str) -> str | None:
        """Return a field as text, None when this event does not have it."""
        known = {
            "@timestamp": lambda: _shown_time(self.time_ms),
            "@message": lambda: self.message,
            "@logStream": lambda: self.stream,
            "@log": lambda: self.group,
            "@ptr": lambda: self.pointer,
        }
        return known[name]() if name in known else _discovered(self.message, name)


Condition = Callable[[Event], bool]


@dataclass
class Query:
    """A parsed query: shown name by field, conditions, order and number of rows."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    conditions: list[Condition] = field(default_factory=list[Condition])
    sort: str = "@timestamp"
    descending: bool = True
    limit: int | None = None

    def rows(self, events: list[Event], limit: int | None) -> tuple[list[Event], int]:
        """Return the events asked for in order, and how many matched."""
        found = [event for event in events if all(condition(event) for condition in self.conditions)]
        found.sort(key=self._key, reverse=self.descending)
        most = min(part for part in (self.limit, limit, None if self.limit or limit else MOST_ROWS) if part is not None)
        return found[:most], len(found)

    def show(self, event: Event) -> list[dict[str, str]]:
        """Return one row of the answer; fields the event does not have are left out, its pointer is always there."""
        names = self.fields or {"@timestamp": "@timestamp", "@message": "@message"}
        shown = ((alias, event.value(name)) for name, alias in names.items())
        cells = [{"field": alias, "value": value} for alias, value in shown if value is not None]
        return [*cells, {"field": "@ptr", "value": event.pointer}]

    def _key(self, event: Event) -> tuple[float, str]:
        if self.sort == "@timestamp":
            return (event.time_ms, "")
        value = event.value(self.sort) or ""
        try:
            return (float(value), "")
        except ValueError:
            return (float("inf"), value)


def parse(text: str) -> Query:
    """Return a query; raises AwsFault for one that cannot be played."""
    query, tokens = Query(), _Tokens(text)
    while True:
        command = tokens.take("word").lower()
        if command not in _COMMANDS:
            raise malformed(f"the command {command} is not played; played are {', '.join(_COMMANDS)}")
        _COMMANDS[command](query, tokens)
        if not tokens.more():
            return query
        tokens.expect("|")


def malformed(why: str) -> AwsFault:
    """Return CloudWatch's answer to a query it does not understand."""
    return AwsFault("MalformedQueryException", f"unexpected query: {why}")


class _Tokens:
    def __init__(self, text: str) -> None:
        self._left = list(_tokens(text))

    def more(self) -> bool:
        return bool(self._left)

    def next_is(self, *words: str) -> bool:
        return bool(self._left) and self._left[0][1].lower() in words and self._left[0][0] in ("word", "sign")

    def take(self, *kinds: str) -> str:
        if not self._left or self._left[0][0] not in kinds:
            raise malformed(f"wanted {' or '.join(kinds)}, found {self._left[0][1] if self._left else 'the end'}")
        return self._left.pop(0)[1]

    def kind(self) -> str:
        return self._left[0][0] if self._left else ""

    def accept(self, *words: str) -> bool:
        if self.next_is(*words):
            self._left.pop(0)
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise malformed(f"wanted {sign}")


def _tokens(text: str) -> Iterator[Token]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise malformed(f"character {place + 1}")
        kind = str(found.lastgroup)
        word = found[kind]
        if kind in ("text", "regex"):
            word = re.sub(r"\\(.)", r"\1", word[1:-1]) if kind == "text" else word[1:-1]
        yield ("word", word[1:-1]) if kind == "quoted" else (kind, word)
        place = found.end()


def _fields(query: Query, tokens: _Tokens) -> None:
    while True:
        name = tokens.take("word")
        query.fields[name] = tokens.take("word") if tokens.accept("as") else name
        if not tokens.accept(","):
            return


def _display(query: Query, tokens: _Tokens) -> None:
    query.fields = {}
    _fields(query, tokens)


def _sort(query: Query, tokens: _Tokens) -> None:
    query.sort = tokens.take("word")
    query.descending = not tokens.accept("asc")
    tokens.accept("desc")


def _limit(query: Query, tokens: _Tokens) -> None:
    query.limit = int(tokens.take("number"))


def _filter(query: Query, tokens: _Tokens) -> None:
    query.conditions.append(_either(tokens))


_COMMANDS: dict[str, Callable[[Query, _Tokens], None]] = {
    "fields": _fields,
    "display": _display,
    "filter": _filter,
    "sort": _sort,
    "limit": _limit,
}


def _either(tokens: _Tokens) -> Condition:
    parts = [_both(tokens)]
    while tokens.accept("or"):
        parts.append(_both(tokens))
    return lambda event: any(part(event) for part in parts)


def _both(tokens: _Tokens) -> Condition:
    parts = [_one(tokens)]
    while tokens.accept("and"):
        parts.append(_one(tokens))
    return lambda event: all(part(event) for part in parts)


def _one(tokens: _Tokens) -> Condition:
    if tokens.accept("not"):
        inner = _one(tokens)
        return lambda event: not inner(event)
    if tokens.accept("("):
        inner = _either(tokens)
        tokens.expect(")")
        return inner
    name = tokens.take("word")
    if name.lower() == "ispresent":
        tokens.expect("(")
        name = tokens.take("word")
        tokens.expect(")")
        return lambda event: event.value(name) is not None
    return _comparison(name, tokens)


def _comparison(name: str, tokens: _Tokens) -> Condition:
    if tokens.accept("not"):
        inner = _comparison(name, tokens)
        return lambda event: not inner(event)
    if tokens.accept("like", "=~"):
        pattern = tokens.take("text", "regex") if tokens.kind() == "regex" else re.escape(tokens.take("text"))
        found = re.compile(pattern)
        return lambda event: found.search(event.value(name) or "") is not None
    sign = tokens.take("sign")
    if sign not in _COMPARE:
        raise malformed(sign)
    if tokens.kind() == "number":
        number = float(tokens.take("number"))
        return lambda event: _compare_number(sign, event.value(name), number)
    wanted = tokens.take("text", "word")
    return lambda event: (value := event.value(name)) is not None and _COMPARE[sign](value, wanted)


def _compare_number(sign: str, value: str | None, number: float) -> bool:
    try:
        return value is not None and _COMPARE[sign](float(value), number)
    except ValueError:
        return sign == "!="


def _discovered(message: str, name: str) -> str | None:
    try:
        value: Any = json.loads(message)
    except ValueError:
        return None
    for key in name.split("."):
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return None
    return value if isinstance(value, str) else json.dumps(value)


def _shown_time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"
