"""Filters that leave rows out on request: which were asked for, with which values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.filters.arguments import switch, whole_number
from novaforge.tools.datasets.filters.candidate import Candidate, Stateful, Stateless
from novaforge.tools.datasets.filters.duplicates import exact_duplicates, near_duplicates
from novaforge.tools.datasets.filters.language import languages
from novaforge.tools.datasets.filters.quality import quality
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.shapes.columns import nearest

if TYPE_CHECKING:
    from pydantic import JsonValue

__all__ = ["FILTERS", "Candidate", "FilterPlan", "parse_filters"]


class InvalidRows(NamedTuple):
    """Leaves out rows that break a blocking rule."""

    def removes(self, candidate: Candidate) -> str:
        """Return the filter's name for such a row."""
        return "invalid_rows" if candidate.blocked else ""


class Longest(NamedTuple):
    """Leaves out rows whose texts are longer than so much, by a count of the texts."""

    name: str
    most: int
    row_format: RowFormat
    bytes_per: int
    """0 counts characters; else so many UTF-8 bytes count as one token."""

    def removes(self, candidate: Candidate) -> str:
        """Return the filter's name for a row that is too long."""
        texts = self.row_format.texts(candidate.row)
        if self.bytes_per:
            length = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
            return self.name if length > self.most * self.bytes_per else ""
        return self.name if sum(map(len, texts)) > self.most else ""


class FilterPlan(NamedTuple):
    """The filters of one call. Those without state look at one row; those with it compare all rows once they are read."""

    names: tuple[str, ...] = ()
    stateless: tuple[Stateless, ...] = ()
    stateful: tuple[Stateful, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names)

    def removes(self, candidate: Candidate) -> str:
        """Return the name of the first filter that leaves a row out; empty when all keep it."""
        for each in self.stateless:
            if name := each.removes(candidate):
                return name
        return ""


Made = Stateless | Stateful | None


class Parser(Protocol):
    """Makes a filter from its value; None when it is switched off; raises InputError for a wrong value."""

    def __call__(self, row_format: RowFormat, value: JsonValue) -> Made:
        """Return the filter."""
        ...


def _invalid_rows(row_format: RowFormat, value: JsonValue) -> Made:
    return InvalidRows() if switch("invalid_rows", value) else None


def _max_chars(row_format: RowFormat, value: JsonValue) -> Made:
    return Longest("max_chars", whole_number("max_chars", value, "characters"), row_format, 0)


def _max_tokens(row_format: RowFormat, value: JsonValue) -> Made:
    return Longest("max_tokens", whole_number("max_tokens", value, "tokens"), row_format, 4)


FILTERS: dict[str, Callable[[RowFormat, JsonValue], Made]] = {
    "invalid_rows": _invalid_rows,
    "max_chars": _max_chars,
    "max_tokens": _max_tokens,
    "quality": quality,
    "languages": languages,
    "exact_duplicates": exact_duplicates,
    "near_duplicates": near_duplicates,
}
"""Name to parser, in the order in which the filters look at a row: the cheap ones first."""


def parse_filters(filters: Mapping[str, JsonValue] | None, row_format: RowFormat) -> FilterPlan:
    """Return the filters asked for by name; raises InputError for an unknown name or a wrong value."""
    wanted = filters or {}
    for name, value in wanted.items():
        if name not in FILTERS:
            near = nearest(name, FILTERS)
            hint = f"did you mean {near[0]}? " if near else ""
            raise InputError(
                f"There is no filter {name!r}.",
                field="filters",
                value=value,
                fix=f"{hint}filters: {', '.join(FILTERS)}",
            )
    made = {name: parse(row_format, wanted[name]) for name, parse in FILTERS.items() if name in wanted}
    on = {name: each for name, each in made.items() if each is not None}
    return FilterPlan(
        names=tuple(on),
        stateless=tuple(each for each in on.values() if isinstance(each, Stateless)),
        stateful=tuple(each for each in on.values() if isinstance(each, Stateful)),
    )
