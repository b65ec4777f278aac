"""Value types shared everywhere: frozen models, dollars, times, canonical JSON."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, PlainSerializer, WithJsonSchema

Clock = Callable[[], datetime]
JsonObject = dict[str, JsonValue]

CENT = Decimal("0.01")


def _aware_utc(value: datetime) -> datetime:
    if value.utcoffset() != timedelta(0):
        raise ValueError("times are aware and in UTC")
    return value


Usd = Annotated[Decimal, PlainSerializer(str, return_type=str), WithJsonSchema({"type": "string"})]
"""US dollars, a string on the wire."""

Utc = Annotated[datetime, AfterValidator(_aware_utc), WithJsonSchema({"type": "string", "format": "date-time"})]
"""An aware UTC time, ISO 8601 on the wire."""


def day_start(at: datetime) -> datetime:
    """Return the midnight at which the UTC day of a time began: where budgets per day start to count."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _drop_titles(schema: dict[str, Any]) -> None:
    schema.pop("title", None)
    for prop in schema.get("properties", {}).values():
        prop.pop("title", None)


class Frozen(BaseModel):
    """An immutable model that refuses unknown fields and keeps its JSON schema short."""

    # Validators are built when first used: a server start would otherwise pay for all of them.
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_drop_titles, defer_build=True)


def cents(amount: Decimal) -> Decimal:
    """Round dollars to cents, half up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def cents_up(amount: Decimal) -> Decimal:
    """Round dollars up to a whole cent, so that a ceiling is never understated."""
    return amount.quantize(CENT, rounding=ROUND_UP)


def dollars(amount: Decimal) -> str:
    """Write an amount the way a person reads it, such as $1,012.74."""
    return f"${cents(amount):,.2f}"


def canonical_json(value: JsonValue) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no floats.

    Raises TypeError on a float, since two machines may print it differently; write Decimal as a string.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_floats(value: JsonValue, path: str = "$") -> None:
    if isinstance(value, float):
        raise TypeError(f"float at {path}: canonical JSON holds integers and strings only")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_floats(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_floats(item, f"{path}[{index}]")


def sha256_text(text: str) -> str:
    """Return the hex SHA-256 of UTF-8 text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
