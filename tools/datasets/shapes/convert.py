"""Turn records into finished rows of a format: mapped from columns, or passed on when they have the format already."""

from collections.abc import Callable, Sequence

import orjson

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.arguments import Columns
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.reading.source import Source
from novaforge.tools.datasets.rows import ROW_BYTES, TOO_LARGE, Finished, Hit, Line, Reject
from novaforge.tools.datasets.shapes.columns import ALIASES, Mapping, locate, map_columns, nearest, resolve, shown
from novaforge.tools.datasets.shapes.mapper import Mapper
from novaforge.tools.datasets.shapes.recognise import TARGETS, recognise

_CONTENT_RULES = {"DA2"}
"""Rules about the words of a row: such a row is written and reported, while one of a broken shape is rejected."""


class MappedRows:
    """Builds rows from columns."""

    def __init__(
        self, source: Source, mapping: Mapping, row_format: RowFormat, system_prompt: str | None, present: Sequence[str]
    ) -> None:
        self.mapping = mapping
        self._present = present
        self._format = row_format
        self._header = source.columns
        self._mapper = Mapper(mapping, row_format, source.columns, system_prompt, source.stem)

    def finish(self, line: Line) -> Finished | Reject:
        """Return the row, or why there is none."""
        fields = self._mapper.fields(line)
        if isinstance(fields, Reject):
            return fields
        hits = self._format.check_fields(fields)
        if any(hit.rule not in _CONTENT_RULES for hit in hits):
            return _broken(line, hits)
        row = self._format.build(fields)
        data = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        if len(data) > ROW_BYTES:
            return Reject(line.number, TOO_LARGE, "as JSON")
        response = fields["response"]
        answer = response if isinstance(response, str) else self._format.answer(row)
        return Finished(data, row, fields["query"], answer, hits)

    def check_seen(self) -> None:
        """Raise InputError when a mapped JSON key was in no row at all."""
        if self._mapper.never_seen:
            never = sorted(self._mapper.never_seen)
            raise InputError(
                f"No row has the key {shown(never)}.",
                field="columns",
                value=never,
                fix=f"available: {shown(self._present)}",
            )

    def label_of(self, column: str) -> Callable[[Line, Finished], str]:
        """Return how to read the label of a row; raises InputError when there is no such column."""
        name = locate(self.mapping.columns.get(ALIASES.get(column, column), column), self._present)
        if name is None:
            raise _no_label(column, [*self.mapping.columns, *self._present])
        if self._header is not None:
            place = self._header.index(name)
            return lambda line, row: line.record[place] if isinstance(line.record, list) else ""
        return lambda line, row: _as_text(line.record.get(name)) if isinstance(line.record, dict) else ""


class ReadyRows:
    """Passes rows of the right format on, byte for byte."""

    mapping = Mapping({}, given=True)

    def __init__(self, row_format: RowFormat) -> None:
        self._format = row_format

    def finish(self, line: Line) -> Finished | Reject:
        """Return the row as it is, or why it is not of the format."""
        assert isinstance(line.record, dict)
        hits = self._format.check(line.record)
        if any(RULES[hit.rule].severity == "block" and hit.rule not in _CONTENT_RULES for hit in hits):
            return _broken(line, hits)
        row = line.record
        return Finished(line.raw.strip() + b"\n", row, self._format.prompt(row), self._format.answer(row), hits)

    def check_seen(self) -> None:
        """Do nothing: no column is mapped."""

    def label_of(self, column: str) -> Callable[[Line, Finished], str]:
        """Return how to read the label of a row: its answer."""
        if ALIASES.get(column, column) != "response":
            raise _no_label(column, ["response"])
        return lambda line, row: row.answer


def converter(
    source: Source, head: Sequence[Line], columns: Columns | None, row_format: RowFormat, system_prompt: str | None
) -> MappedRows | ReadyRows:
    """Return how the rows of a source become rows of a format.

    Raises InputError for a mapping that does not fit, RefusedError for a shape that cannot be converted now.
    """
    shape, _ = recognise(head, source.columns)
    if columns is None and shape == row_format.name:
        return _ready(row_format, system_prompt)
    if columns is None and row_format.method not in TARGETS[shape] and shape != "unknown":
        works = ", ".join(TARGETS[shape]) or "none yet"
        raise RefusedError(
            f"{source.uri} has the shape {shape}, which cannot be transformed for {row_format.method} now.",
            rule="data-conversion",
            fix=f"targets of this shape: {works}; any shape with text columns can be mapped with columns",
        )
    present = source.columns or _keys(head)
    mapping = map_columns(columns, present, row_format)
    # An optional JSON key may first occur further down; whether it occurs at all is known at the end.
    optional = row_format.optional if source.columns is None else ()
    resolved = resolve(mapping.columns, present, f"in {source.uri}", optional)
    return MappedRows(source, Mapping(resolved, mapping.given), row_format, system_prompt, present)


def check_system_prompt(system_prompt: str | None) -> None:
    """Raise InputError for a system prompt that cannot be written."""
    if system_prompt is None:
        return
    if not system_prompt.strip():
        raise InputError("system_prompt is blank.", field="system_prompt", value=system_prompt, fix="leave it out")
    try:
        size = len(system_prompt.encode("utf-8"))
    except UnicodeEncodeError as error:
        message = "system_prompt holds half a character (a lone surrogate)."
        raise InputError(message, field="system_prompt", fix="give valid Unicode text") from error
    if size > ROW_BYTES // 2:
        raise InputError("system_prompt is over 500 kB.", field="system_prompt", value=size, fix="shorten it")


def _ready(row_format: RowFormat, system_prompt: str | None) -> ReadyRows:
    if system_prompt is not None:
        message = f"The rows are {row_format.name} rows already; they are passed on as they are."
        raise InputError(message, field="system_prompt", value=system_prompt, fix="leave system_prompt out")
    return ReadyRows(row_format)


def _keys(head: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(key for line in head if isinstance(line.record, dict) for key in line.record))


def _broken(line: Line, hits: list[Hit]) -> Reject:
    hit = next(hit for hit in hits if RULES[hit.rule].severity == "block" and hit.rule not in _CONTENT_RULES)
    return Reject(line.number, f"{hit.rule}: {RULES[hit.rule].message}", hit.path)


def _no_label(column: str, known: Sequence[str]) -> InputError:
    near = nearest(column, known)
    hint = f"did you mean {shown(near)}? " if near else ""
    return InputError(
        f"There is no column {column!r} to stratify by.",
        field="stratify_by",
        value=column,
        fix=f"{hint}available: {shown(known)}",
    )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
