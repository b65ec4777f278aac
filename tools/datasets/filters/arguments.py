"""Read the values of filters strictly: what is not understood is refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.shapes.columns import nearest

if TYPE_CHECKING:
    from pydantic import JsonValue


def switch(name: str, value: JsonValue) -> bool:
    """Return true or false; raises InputError for anything else."""
    if not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return value


def whole_number(name: str, value: JsonValue, unit: str) -> int:
    """Return a whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise wrong(name, value, f"a whole number of {unit} above 0")
    return value


def number(name: str, value: JsonValue, least: float, most: float) -> float:
    """Return a number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise wrong(name, value, f"a number from {least:g} to {most:g}")
    return float(value)


def settings(name: str, value: JsonValue, known: Iterable[str]) -> dict[str, JsonValue] | None:
    """Return the settings of a filter that takes true, false or an object; None when it is off."""
    if isinstance(value, bool):
        return {} if value else None
    if not isinstance(value, dict):
        raise wrong(name, value, "true, false or an object of its settings")
    known = list(known)
    for key in value:
        if key not in known:
            near = nearest(key, known)
            hint = f"did you mean {near[0]}? " if near else ""
            raise InputError(
                f"filters.{name} has no setting {key!r}.",
                field=f"filters.{name}",
                value=key,
                fix=f"{hint}settings: {', '.join(known)}",
            )
    return value


def wrong(name: str, value: JsonValue, wanted: str) -> InputError:
    """Return the error for a value that a filter does not take."""
    return InputError(f"filters.{name} is not understood.", field="filters", value=value, fix=f"give {wanted}")
