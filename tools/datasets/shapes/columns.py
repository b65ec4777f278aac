"""Logical column names, their aliases, and how they are mapped to the columns of a source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from novaforge.guards.errors import InputError
from novaforge.guards.text import one_line
from novaforge.tools.datasets.formats.base import RowFormat

if TYPE_CHECKING:
    from novaforge.tools.arguments import Columns

LOGICAL = (
    "query", "response", "system", "id", "reasoning", "metadata", "tools", "messages", "text", "chosen", "rejected", "images",
    "response_A", "response_B", "task", "info",
)  # fmt: skip
"""Logical names, the same for every method (design, section 4)."""

ALIASES = {
    "question": "query",
    "prompt": "query",
    "answer": "response",
    "reference_answer": "response",
    "reasoning_text": "reasoning",
    "completion": "response",
    "instruction": "query",
}
"""Spellings of AWS's SDK that are accepted."""

EXTRA = "extra."
"""Begins the logical name of a further column, which keeps its value under the name that follows."""

NAME_CHARS = 60
_QUERY_NAMES = (
    "query", "question", "prompt", "instruction", "input", "body", "text", "content", "sentence", "review", "document",
)  # fmt: skip
_RESPONSE_NAMES = (
    "response", "answer", "reference_answer", "label", "y", "output", "completion", "target", "class", "category", "intent",
    "rating", "sentiment",
)  # fmt: skip
_NAMES = {
    "query": _QUERY_NAMES,
    "response": _RESPONSE_NAMES,
    "text": ("text", "content", "body", "document", "passage", "article"),
}
_BY_OWN_NAME = {"system", "id", "chosen", "rejected", "response_A", "response_B", "task", "info"}
"""Fields that are proposed only where a column has their own name; others have to be asked for."""


@dataclass(frozen=True)
class Mapping:
    """Logical name to source column, and whether the caller gave it or it was proposed from the names."""

    columns: Columns
    given: bool
    present: tuple[str, ...] = ()
    """Every column or key of the source's first rows, where they are known."""


def normalise(columns: Columns) -> Columns:
    """Return the mapping with aliases replaced; raises InputError for an unknown or doubled logical name."""
    found: Columns = {}
    for name, column in columns.items():
        logical = ALIASES.get(name, name)
        if logical not in LOGICAL and not logical.startswith(EXTRA):
            raise _unknown(name, column)
        if logical in found:
            raise InputError(
                f"columns maps {logical} twice, once as {name}.",
                field="columns",
                value=name,
                fix="give one of the spellings",
            )
        found[logical] = column
    return found


def check_usable(columns: Columns, row_format: RowFormat) -> None:
    """Raise InputError when a logical name has no place in the method's rows, or when a required one is missing."""
    for name in columns:
        if name.startswith(EXTRA):
            _check_extra(name, row_format)
        elif name not in row_format.fields:
            raise InputError(
                f"Rows for {row_format.method} have no place for {name}.",
                field="columns",
                value=name,
                fix=f"leave it out; usable: {', '.join(row_format.fields)}",
            )
    for name in row_format.required:
        if name not in columns:
            raise InputError(
                f"columns does not say which column is the {name}.",
                field="columns",
                value=columns,
                fix=f'add "{name}": "<source column>"',
            )
    texts = {name: column for name, column in columns.items() if name in (*row_format.required, "response", "images")}
    for name, column in texts.items():
        other = next(other for other, same in texts.items() if same == column)
        if other != name:
            message = f"columns takes {other} and {name} from the same column."
            raise InputError(message, field="columns", value=column, fix="name two columns")
    if row_format.name == "gen_qa" and {"id", "metadata"} <= columns.keys():
        message = "gen_qa rows carry one metadata text, which holds the row id; map either id or metadata."
        raise InputError(message, field="columns", value="metadata", fix="leave one of them out")


def _check_extra(name: str, row_format: RowFormat) -> None:
    if not row_format.taken:
        fix = "leave it out; RFT rows and the flat rows of serverless take further columns"
        message = f"Rows for {row_format.method} have no place for further columns such as {display(name)}."
        raise InputError(message, field="columns", value=name, fix=fix)
    key = name.removeprefix(EXTRA)
    if not key.strip() or key in row_format.taken:
        fix = f"give another name after {EXTRA!r}; taken: {', '.join(row_format.taken)}"
        raise InputError(f"{display(name)} names no key of its own.", field="columns", value=name, fix=fix)


def display(name: str) -> str:
    """Return a column name as it is shown: on one line, without control characters, capped."""
    return one_line(name, NAME_CHARS)


def locate(column: str, present: Sequence[str]) -> str | None:
    """Return the source's own name for a column given exactly or as it is shown; None when there is no single one."""
    if column in present:
        return column
    alike = [name for name in present if display(name) == column]
    return alike[0] if len(alike) == 1 else None


def resolve(columns: Columns, present: Sequence[str], where: str, optional: Sequence[str] = ()) -> Columns:
    """Return the mapping with the source's own names; raises InputError for a column it does not have.

    Columns of the `optional` logical names may be absent, and are then left as they were given.
    """
    found: Columns = {}
    for name, column in columns.items():
        located = locate(column, present)
        if located is None and name not in optional:
            raise _absent(name, column, present, where)
        found[name] = column if located is None else located
    return found


def propose(present: Sequence[str], row_format: RowFormat | None = None) -> Columns:
    """Return the columns of a format's fields whose names are unmistakable; query and response without a format."""
    lowered = {"_".join(name.lower().split()): name for name in present}
    wanted = row_format.fields if row_format else ("query", "response", "system", "id")
    proposed: Columns = {}
    for logical in wanted:
        names = _NAMES.get(logical, (logical.lower(),) if logical in _BY_OWN_NAME else ())
        candidates = [lowered[name] for name in names if name in lowered and lowered[name] not in proposed.values()]
        if len(candidates) == 1:
            proposed[logical] = candidates[0]
    return proposed


def map_columns(columns: Columns | None, present: Sequence[str], row_format: RowFormat) -> Mapping:
    """Return the mapping to use: the caller's, or the proposed one when the names are unmistakable."""
    if columns is not None:
        wanted = normalise(columns)
        check_usable(wanted, row_format)
        return Mapping(wanted, given=True)
    proposed = propose(present, row_format)
    missing = [name for name in row_format.required if name not in proposed]
    if missing:
        example = "{" + ", ".join(f'"{name}": "..."' for name in row_format.required) + "}"
        raise InputError(
            f"It is not clear from the names which column is the {' and which the '.join(missing)}.",
            field="columns",
            value=None,
            fix=f"give columns such as {example}; available: {shown(present)}",
        )
    return Mapping({name: column for name, column in proposed.items() if name in row_format.fields}, given=False)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that resemble one, regardless of case."""
    by_lower = {item.lower(): item for item in known}
    return [by_lower[match] for match in get_close_matches(name.lower(), list(by_lower), n=3, cutoff=0.6)]


SHOWN = 20
"""Most names a message lists."""


def shown(names: Sequence[str]) -> str:
    """Return column names for a message, cleaned, capped and quoted: they come from the file."""
    listed = ", ".join(repr(display(name)) for name in names[:SHOWN])
    return f"{listed} and {len(names) - SHOWN} more" if len(names) > SHOWN else listed


def _absent(name: str, column: str, present: Sequence[str], where: str) -> InputError:
    near = nearest(column, present)
    hint = f"did you mean {shown(near)}? " if near else ""
    return InputError(
        f"There is no column {display(column)!r} (mapped to {name}) {where}.",
        field="columns",
        value=column,
        fix=f"{hint}available: {shown(present)}",
    )


def _unknown(name: str, column: str) -> InputError:
    known = (*LOGICAL, *ALIASES)
    swapped = column in known
    near = nearest(name, known)
    hint = f'write {{"{column}": "{display(name)}"}}, logical name first; ' if swapped else ""
    hint += f"did you mean {' or '.join(near)}? " if near and not swapped else ""
    return InputError(
        f"columns has the unknown logical name {display(name)!r}.",
        field="columns",
        value=name,
        fix=f"{hint}known: {', '.join(LOGICAL)}",
    )
