"""Choose how the records of a source become rows of a format."""

from collections.abc import Sequence

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.arguments import Columns
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.reading.source import Source
from novaforge.tools.datasets.rows import ROW_BYTES, Line
from novaforge.tools.datasets.shapes.base import Converter
from novaforge.tools.datasets.shapes.columns import Mapping, map_columns, resolve
from novaforge.tools.datasets.shapes.mapped import MappedRows
from novaforge.tools.datasets.shapes.ready import ReadyRows
from novaforge.tools.datasets.shapes.recognise import TARGETS, recognise


def converter(
    source: Source, head: Sequence[Line], columns: Columns | None, row_format: RowFormat, system_prompt: str | None
) -> Converter:
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
