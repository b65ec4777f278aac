"""Check requests and responses against botocore's service models.

botocore itself checks required members, types and minima only; patterns, maxima and enums go unchecked to the wire.
"""

import base64
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from novaforge.guards.errors import RefusedError


class Problem(NamedTuple):
    """One place where a value breaks its shape."""

    path: str
    message: str


def check_request(model: Any, api: str, request: dict[str, Any]) -> list[Problem]:
    """Return every way a request breaks its service model."""
    shape = model.operation_model(api).input_shape
    if shape is None:
        return [Problem("$", "takes no arguments")] if request else []
    return _check(shape, request, "$")


def check_response(model: Any, api: str, response: dict[str, Any]) -> list[Problem]:
    """Return every way a response breaks its service model; members a service may leave out are not asked for."""
    shape = model.operation_model(api).output_shape
    body = {key: value for key, value in response.items() if key != "ResponseMetadata"}
    return _check(shape, body, "$") if shape is not None else []


def refuse_problems(problems: list[Problem], operation: str) -> None:
    """Raise RefusedError that lists the problems of a request, if any."""
    if problems:
        listed = "; ".join(f"{problem.path}: {problem.message}" for problem in problems[:10])
        raise RefusedError(
            f"The {operation} request breaks the service model: {listed}.",
            rule="request-shape",
            problems=[problem._asdict() for problem in problems],
            fix="correct the named arguments",
        )


def plain(value: Any) -> Any:
    """Turn a plan's JSON into call arguments: {"$base64": text} becomes bytes."""
    if isinstance(value, dict):
        if set(value) == {"$base64"}:
            return base64.b64decode(value["$base64"])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _check(shape: Any, value: Any, path: str) -> list[Problem]:
    if value is None:
        return [Problem(path, "is null")]
    checker = _CHECKERS.get(shape.type_name)
    return checker(shape, value, path) if checker else []


def _structure(shape: Any, value: Any, path: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [Problem(path, "must be an object")]
    required = shape.metadata.get("required", [])
    found = [Problem(f"{path}.{name}", "is required") for name in required if name not in value]
    for name, item in value.items():
        if name not in shape.members:
            found.append(Problem(f"{path}.{name}", "is not a member of this shape"))
        else:
            found += _check(shape.members[name], item, f"{path}.{name}")
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        found.append(Problem(path, "must have exactly one member set"))
    return found


def _list(shape: Any, value: Any, path: str) -> list[Problem]:
    if not isinstance(value, list | tuple):
        return [Problem(path, "must be a list")]
    found = _range(shape, len(value), path, "items")
    for index, item in enumerate(value):
        found += _check(shape.member, item, f"{path}[{index}]")
    return found


def _map(shape: Any, value: Any, path: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [Problem(path, "must be a map")]
    found = _range(shape, len(value), path, "entries")
    for key, item in value.items():
        found += _check(shape.key, key, f"{path}.{key} (key)") + _check(shape.value, item, f"{path}.{key}")
    return found


def _string(shape: Any, value: Any, path: str) -> list[Problem]:
    if not isinstance(value, str):
        return [Problem(path, f"must be a string, not {type(value).__name__}")]
    found = _range(shape, len(value), path, "characters")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        found.append(Problem(path, f"{value!r} is not one of the {len(allowed)} allowed values"))
    pattern = shape.metadata.get("pattern")
    if pattern and not _pattern(pattern).fullmatch(value):
        found.append(Problem(path, f"{value[:80]!r} does not match {pattern}"))
    return found


def _number(shape: Any, value: Any, path: str) -> list[Problem]:
    whole = shape.type_name in {"integer", "long"}
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float | Decimal):
        return [Problem(path, f"must be {'an integer' if whole else 'a number'}, not {type(value).__name__}")]
    return _range(shape, value, path, "")


def _typed(expected: type | tuple[type, ...], word: str) -> Callable[[Any, Any, str], list[Problem]]:
    def check(shape: Any, value: Any, path: str) -> list[Problem]:
        return [] if isinstance(value, expected) else [Problem(path, f"must be {word}, not {type(value).__name__}")]

    return check


def _range(shape: Any, size: Any, path: str, unit: str) -> list[Problem]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        return [Problem(path, f"{size} {unit} is below the minimum {low}".replace("  ", " "))]
    if high is not None and size > high:
        return [Problem(path, f"{size} {unit} is above the maximum {high}".replace("  ", " "))]
    return []


# Python's re has no \p{..}; these are the classes AWS's models use in tag patterns.
_CLASSES = {
    r"\p{L}": "a-zA-Z\\u00aa-\\U0010ffff",
    r"\p{Z}": " \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000",
    r"\p{N}": r"\d",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{ASCII}": "\\x00-\\x7f",
}


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(_translate(pattern), re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)


def _translate(pattern: str) -> str:
    r"""Write \\p{..} as the characters it stands for: within brackets as they are, elsewhere in brackets of their own."""
    parts: list[str] = []
    inside = False
    for token in re.findall(r"\\p\{\w+\}|\\.|.", pattern, re.DOTALL):
        if token in _CLASSES:
            parts.append(_CLASSES[token] if inside else f"[{_CLASSES[token]}]")
            continue
        inside = token == "[" or (inside and token != "]")
        parts.append(token)
    return "".join(parts)


_CHECKERS: dict[str, Callable[[Any, Any, str], list[Problem]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "boolean": _typed(bool, "true or false"),
    "timestamp": _typed((datetime, int, float, str), "a time"),
}
