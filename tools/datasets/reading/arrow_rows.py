"""Rows of an Arrow record batch as JSON, with nothing changed that JSON can hold."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

from novaforge.guards.errors import RefusedError
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading.jsonl_rows import made_reject
from novaforge.tools.datasets.rows import NO_JSON_VALUE


def refuse_types(schema: Any, uri: str) -> None:
    """Raise RefusedError for columns whose values JSON cannot hold, or of the same name."""
    names: list[str] = schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _refused(uri, "has columns of the same name", twice, "rename them")
    wrong = [field.name for field in schema if _holds(field.type, _no_json) or _inner(field.type, _is_binary)]
    if wrong:
        fix = "write the file without them, with text in their place, or with images as files beside it"
        raise _refused(uri, "has columns of binary data or durations", wrong, fix)


def lines_of(record_batch: Any) -> Iterator[bytes]:
    """Yield one JSON line per row: dates and times as ISO 8601 text, decimals as text; a row that cannot be is a reject."""
    names = [field.name for field in record_batch.schema]
    columns = [_values(column, column.type) for column in record_batch.columns]
    unsafe = [index for index, field in enumerate(record_batch.schema) if _holds(field.type, _is_float)]
    for row in zip(*columns, strict=True) if columns else ():
        wrong = next((names[index] for index in unsafe if not _finite(row[index])), "")
        wrong = wrong or next((name for name, value in zip(names, row, strict=True) if isinstance(value, bytes)), "")
        if wrong:
            yield made_reject(NO_JSON_VALUE, f"column {one_line(wrong, 60)}")
            continue
        try:
            yield orjson.dumps(dict(zip(names, row, strict=True)), default=plain_value)
        except TypeError:
            yield made_reject(NO_JSON_VALUE)


def _values(column: Any, kind: Any) -> list[Any]:
    import pyarrow as pa  # here, not above: heavy, and only needed for these formats

    if _is_binary(kind):
        # Older writers mark text as bytes; what is no text is rejected row by row.
        return [_text(value) for value in column.to_pylist()]
    if _holds(kind, _is_nanosecond):
        try:
            column = column.cast(_microseconds(kind))
        except pa.ArrowInvalid:
            # Finer than Python's times; Arrow writes them as text without a T.
            texts = column.cast(pa.string()).to_pylist()
            return [text and text.replace(" ", "T", 1) for text in texts]
    return list(column.to_pylist(maps_as_pydicts="strict") if _holds(kind, _is_map) else column.to_pylist())


def _text(value: Any) -> Any:
    try:
        return value if value is None else bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        return value


def plain_value(value: Any) -> str:
    """Return a decimal as text, for orjson; raises TypeError for anything else."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError


def unsafe_value(value: Any) -> bool:
    """Tell a value that JSON would change: a number that is not finite, or bytes."""
    return isinstance(value, bytes) or not _finite(value)


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return all(map(_finite, value)) if isinstance(value, list) else True


def _holds(kind: Any, wanted: Callable[[Any], bool]) -> bool:
    """Tell whether a type, or one inside it, is wanted."""
    return wanted(kind) or _inner(kind, wanted)


def _inner(kind: Any, wanted: Callable[[Any], bool]) -> bool:
    return any(_holds(inner, wanted) for inner in _children(kind))


def _children(kind: Any) -> list[Any]:
    import pyarrow as pa  # here, not above: heavy, and only needed for these formats

    if isinstance(kind, pa.DictionaryType):
        return [kind.value_type]
    if isinstance(kind, pa.BaseExtensionType):
        return [kind.storage_type]
    return [kind.field(number).type for number in range(kind.num_fields)]


def _is_binary(kind: Any) -> bool:
    from pyarrow import types  # here, not above: heavy, and only needed for these formats

    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def _no_json(kind: Any) -> bool:
    from pyarrow import types  # here, not above: heavy, and only needed for these formats

    return bool(types.is_duration(kind) or types.is_interval(kind) or types.is_union(kind))


def _is_float(kind: Any) -> bool:
    from pyarrow import types  # here, not above: heavy, and only needed for these formats

    return bool(types.is_floating(kind))


def _is_map(kind: Any) -> bool:
    from pyarrow import types  # here, not above: heavy, and only needed for these formats

    return bool(types.is_map(kind))


def _is_nanosecond(kind: Any) -> bool:
    from pyarrow import types  # here, not above: heavy, and only needed for these formats

    return bool((types.is_timestamp(kind) or types.is_time(kind)) and kind.unit == "ns")


def _microseconds(kind: Any) -> Any:
    """Return the type with times in microseconds, which Python's own have."""
    import pyarrow as pa  # here, not above: heavy, and only needed for these formats

    if _is_nanosecond(kind):
        return pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us")
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_microseconds(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(_microseconds(kind.value_type))
    return kind


def _refused(uri: str, what: str, names: list[str], fix: str) -> RefusedError:
    shown = ", ".join(repr(one_line(name, 60)) for name in names[:10])
    return RefusedError(f"{uri} {what}: {shown}.", rule="source-columns", fix=fix)
