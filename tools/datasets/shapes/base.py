"""What a converter is: it turns records into finished rows in any process, and its counts are put together again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.rows import Finished, Hit, Line, Reject
from novaforge.tools.datasets.shapes.columns import ALIASES, Mapping, locate, nearest, shown
from novaforge.tools.datasets.shapes.templates import Fast

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

TextOf = Callable[[Line, Finished], str]
"""Reads a label or the key of a group from a row; picklable."""

CONTENT_RULES = {"DA2"}
"""Rules about the words of a row: such a row is written and reported, while one of a broken shape is rejected."""


class Seen(NamedTuple):
    """What a converter saw in its rows so far: mapped keys that no row had, and how often something was done to rows."""

    never: frozenset[str]
    counts: dict[str, int]


class Converter:
    """Turns records into finished rows.

    Made in the parent from the first rows and pickled to each worker. A worker calls `begin` with the number of a batch's
    file, `expand` where it is not None (one record holds several rows), `finish` for each row, and hands `seen()` to the
    parent, which calls `merge` with it, then `check_seen()` and `findings()`. The counts may be cleared after each `seen()`.
    """

    mapping = Mapping({}, given=True)
    expand: Callable[[Line], Iterable[Line]] | None = None
    notes: tuple[str, ...] = ()
    """What is done with every row, in words, for the manifest."""

    def __init__(self) -> None:
        self.never_seen: set[str] = set()
        """Mapped JSON keys that no row has had so far."""
        self.counts: Counter[str] = Counter()
        """What was done to single rows, in words, and in how many."""
        self.file = 0

    def begin(self, file: int) -> None:
        """Take note that the rows to come are of this file of the source, counted from 0."""
        self.file = file

    def finish(self, line: Line) -> Finished | Reject:
        """Return the row, or why there is none."""
        raise NotImplementedError

    def fast(self) -> Fast | None:
        """Return a faster `finish` that leaves out Finished.row and gives up on unusual rows; None where there is none."""
        return None

    def seen(self) -> Seen:
        """Return what was seen in all rows so far."""
        return Seen(frozenset(self.never_seen), dict(self.counts))

    def merge(self, seen: Seen) -> None:
        """Take in what the converter of another process saw since its counts were cleared."""
        self.never_seen &= seen.never
        self.counts.update(seen.counts)

    def check_seen(self) -> None:
        """Raise InputError when a mapped JSON key was in no row at all."""

    def findings(self) -> list[Finding]:
        """Return what was done to rows, one finding each."""
        # A worker has no use for findings, and what they need takes long to import.
        from novaforge.guards.findings import Finding

        return [
            Finding(rule="source-conversion", severity="info", message=f"{what} (rows: {count})", count=count)
            for what, count in self.counts.items()
        ]

    def label_of(self, column: str) -> TextOf:
        """Return how to read the label of a row, for stratify_by; raises InputError when there is no such column."""
        return self._text_of(column, "stratify_by")

    def group_of(self, column: str) -> TextOf:
        """Return how to read the key that keeps rows together, for group_by; raises InputError."""
        return self._text_of(column, "group_by")

    def _text_of(self, column: str, argument: str) -> TextOf:
        raise NotImplementedError


def keyed(column: str, header: list[str] | None, mapping: Mapping, present: list[str], argument: str) -> TextOf:
    """Return how to read a column, given by its own or its logical name; raises InputError when there is none."""
    name = locate(mapping.columns.get(ALIASES.get(column, column), column), present)
    if name is None:
        raise no_column(column, [*mapping.columns, *present], argument)
    return partial(_cell, header.index(name)) if header is not None else partial(_value, name)


def answer_text(line: Line, row: Finished) -> str:
    """Return the answer of a row as its label."""
    return row.answer


def query_text(line: Line, row: Finished) -> str:
    """Return the query of a row as the key of its group."""
    return row.prompt


def no_column(column: str, known: list[str], argument: str) -> InputError:
    """Return the error for a column to stratify or group by that does not exist."""
    near = nearest(column, known)
    hint = f"did you mean {shown(near)}? " if near else ""
    return InputError(
        f"There is no column {column!r} to {argument.replace('_', ' ')}.",
        field=argument,
        value=column,
        fix=f"{hint}available: {shown(known)}",
    )


def broken(line: Line, hits: list[Hit]) -> Reject | None:
    """Return the reject for the first blocking rule about a row's shape, or None."""
    for hit in hits:
        if hit.rule not in CONTENT_RULES and RULES[hit.rule].severity == "block":
            return Reject(line.number, f"{hit.rule}: {RULES[hit.rule].message}", hit.path)
    return None


def as_text(value: Any) -> str:
    """Return a JSON value as text; text stays as it is."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _cell(place: int, line: Line, row: Finished) -> str:
    record: Any = line.record
    return record[place] if isinstance(record, list) else ""


def _value(name: str, line: Line, row: Finished) -> str:
    return as_text(line.record.get(name)) if isinstance(line.record, dict) else ""
