"""Filters that leave rows out on request; every row left out is counted and listed with the rejects."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.checks.stats import Digests
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.rows import JsonRow
from novaforge.tools.datasets.shapes.columns import nearest


class Candidate(NamedTuple):
    """A finished row about to be written, and whether it breaks a blocking rule."""

    row: JsonRow
    prompt: str
    answer: str
    blocked: bool


Filter = Callable[[Candidate], bool]
"""True leaves the row out."""


def _exact_duplicates(row_format: RowFormat, value: JsonValue) -> Filter | None:
    seen = Digests()
    return (
        (lambda candidate: seen.add(candidate.prompt, candidate.answer)) if _switch(value, "exact_duplicates") else None
    )


def _invalid_rows(row_format: RowFormat, value: JsonValue) -> Filter | None:
    return (lambda candidate: candidate.blocked) if _switch(value, "invalid_rows") else None


def _max_chars(row_format: RowFormat, value: JsonValue) -> Filter | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong("max_chars", value, "a whole number of characters above 0")
    return lambda candidate: sum(map(len, row_format.texts(candidate.row))) > value


FILTERS: dict[str, Callable[[RowFormat, JsonValue], Filter | None]] = {
    "exact_duplicates": _exact_duplicates,
    "invalid_rows": _invalid_rows,
    "max_chars": _max_chars,
}
"""exact_duplicates: later rows of equal query and answer; invalid_rows: rows that break a blocking rule; max_chars: longer rows."""


def make_filters(filters: Mapping[str, JsonValue] | None, row_format: RowFormat) -> dict[str, Filter]:
    """Return the filters asked for by name; raises InputError for an unknown name or a wrong value."""
    made: dict[str, Filter] = {}
    for name, value in (filters or {}).items():
        if name not in FILTERS:
            near = nearest(name, FILTERS)
            fix = f"did you mean {near[0]}? " if near else ""
            raise InputError(
                f"There is no filter {name!r}.", field="filters", value=name, fix=f"{fix}filters: {', '.join(FILTERS)}"
            )
        wanted = FILTERS[name](row_format, value)
        if wanted is not None:
            made[name] = wanted
    return made


def _switch(value: JsonValue, name: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def _wrong(name: str, value: JsonValue, wanted: str) -> InputError:
    return InputError(f"filters.{name} wants {wanted}.", field="filters", value=value, fix=f"give {wanted}")
