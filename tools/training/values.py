"""Override values checked against their specification."""

import math
import re
from typing import Any

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_KINDS = {
    "string": "string",
    "str": "string",
    "integer": "integer",
    "int": "integer",
    "float": "float",
    "number": "float",
    "boolean": "boolean",
    "bool": "boolean",
}


class BadValueError(Exception):
    """An override's value breaks its specification; the text says how."""


def coerce(value: Any, entry: dict[str, Any]) -> Any:
    """Return an override's value in the type of its specification; raises BadValueError.

    "1e-5" is read as a number, a whole number is accepted for a float, true and false never stand for a number.
    """
    if value is None:
        if entry.get("required"):
            raise BadValueError("is required and cannot be null")
        return None
    typed = _typed(value, kind_of(entry))
    _check_range(typed, entry)
    allowed = entry.get("enum")
    if allowed and typed not in allowed and not (typed == "" and not entry.get("required")):
        raise BadValueError(f"{value!r} is not one of {', '.join(map(repr, allowed))}")
    return typed


def kind_of(entry: dict[str, Any]) -> str:
    """Return string, integer, float or boolean; raises BadValueError for a type we do not know."""
    kind = _KINDS.get(str(entry.get("type", "")).lower())
    if kind is None:
        raise BadValueError(f"has a type we do not know: {entry.get('type')!r}")
    return kind


def entry_of(value: Any) -> dict[str, Any]:
    """Return the specification a plain value of a template implies: its own type, no bounds."""
    kinds = {bool: "boolean", int: "integer", float: "float"}
    return {"type": kinds.get(type(value), "string"), "default": value, "required": value is not None}


def number(value: Any) -> float | int | None:
    """Return a number for a number or a text that is one, else None; never for true and false."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _typed(value: Any, kind: str) -> Any:
    if kind == "string":
        if not isinstance(value, str):
            raise BadValueError(f"must be text, not {_name(value)}")
        if "{{" in value or "${" in value:
            raise BadValueError("may not hold {{ or ${, which recipes fill in")
        return value
    if kind == "boolean":
        if not isinstance(value, bool):
            raise BadValueError(f"must be true or false, not {_name(value)}")
        return value
    found = number(value)
    if found is None:
        raise BadValueError(f"must be a number, not {value!r}")
    if kind == "float":
        return float(found)
    if found != int(found):
        raise BadValueError(f"must be a whole number, not {value!r}")
    return int(found)


def _check_range(value: Any, entry: dict[str, Any]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    low, high = entry.get("min"), entry.get("max")
    if low is not None and value < low:
        raise BadValueError(f"{value:g} is below the minimum {low:g}")
    if high is not None and value > high:
        raise BadValueError(f"{value:g} is above the maximum {high:g}")


def _name(value: Any) -> str:
    return {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}.get(
        type(value), type(value).__name__
    )
