"""Compare what a plan was made from with what is there now."""

from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

from novaforge.guards.plan import Precondition
from novaforge.guards.values import Frozen


class Difference(Frozen):
    """One precondition whose value moved, field by field."""

    name: str
    path: str
    planned: JsonValue
    now: JsonValue


def differences(precondition: Precondition, now: JsonValue, price_drift_percent: int) -> list[Difference]:
    """Return the fields that moved; a price may drift up to the given percentage either way."""
    if precondition.kind == "price" and _within(precondition.expected, now, price_drift_percent):
        return []
    return _compare(precondition.name, "$", precondition.expected, now)


def _compare(name: str, path: str, planned: JsonValue, now: JsonValue) -> list[Difference]:
    if isinstance(planned, dict) and isinstance(now, dict):
        keys = sorted(planned.keys() | now.keys())
        return [item for key in keys for item in _compare(name, f"{path}.{key}", planned.get(key), now.get(key))]
    return [] if planned == now else [Difference(name=name, path=path, planned=planned, now=now)]


def _within(planned: JsonValue, now: JsonValue, percent: int) -> bool:
    if not isinstance(planned, str) or not isinstance(now, str):
        return False
    try:
        before, after = Decimal(planned), Decimal(now)
    except InvalidOperation:
        return False
    return abs(after - before) * 100 <= before * percent
