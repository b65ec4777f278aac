"""The environment of the Nova inference container: known names, types and bounds. Nothing unknown gets through.

Source: aws/nova-forge-sdk 1.4.6 user guide for SageMaker endpoints; checked 2026-11-20.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import JsonValue

from novaforge.guards.errors import InputError

DEFAULT_CONTEXT = 8000
DEFAULT_CONCURRENCY = 8
"""What one ml.g6.48xlarge serves. The container's own defaults, 4000 tokens and one request at a time, would leave a
machine that bills by the hour mostly idle."""

_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True)
class Setting:
    """One variable: its kind and its bounds or choices."""

    kind: Literal["int", "number", "choice"]
    low: str | None = None
    high: str | None = None
    choices: tuple[str, ...] = ()
    also: str | None = None


SETTINGS: dict[str, Setting] = {
    "CONTEXT_LENGTH": Setting("int", "1"),
    "MAX_CONCURRENCY": Setting("int", "1"),
    "DEFAULT_TEMPERATURE": Setting("number", "0", "2"),
    "DEFAULT_TOP_P": Setting("number", "0.0000000001", "1"),
    "DEFAULT_TOP_K": Setting("int", "1", also="-1"),
    "DEFAULT_MAX_NEW_TOKENS": Setting("int", "1"),
    "DEFAULT_LOGPROBS": Setting("int", "1", "20"),
    "SPECULATIVE_DECODING_METHOD": Setting("choice", choices=("eagle3", "suffix")),
    "DISABLE_SPECULATIVE_DECODING": Setting("choice", choices=("true", "false")),
    "NUM_SPECULATIVE_TOKENS": Setting("int", "1", "10"),
    "SUFFIX_DECODING_MAX_TREE_DEPTH": Setting("int", "1"),
    "SUFFIX_DECODING_MAX_CACHED_REQUESTS": Setting("int", "0"),
    "SUFFIX_DECODING_MAX_SPEC_FACTOR": Setting("number", "0"),
    "SUFFIX_DECODING_MIN_TOKEN_PROB": Setting("number", "0", "1"),
    "KV_CACHE_DTYPE": Setting("choice", choices=("fp8",)),
    "QUANTIZATION_DTYPE": Setting("choice", choices=("fp8",)),
}


def container_environment(given: Mapping[str, JsonValue] | None) -> dict[str, str]:
    """Return the checked environment as text, with context length and concurrency always spelled out.

    Raises InputError that names every variable that is unknown (with the nearest names) or out of bounds.
    """
    values = {"CONTEXT_LENGTH": DEFAULT_CONTEXT, "MAX_CONCURRENCY": DEFAULT_CONCURRENCY, **(given or {})}
    problems = [problem for name, value in values.items() if (problem := _problem(name, value))]
    if problems:
        raise InputError(
            f"The environment cannot be used: {'; '.join(problems)}.",
            field="environment",
            value=dict(given or {}),
            fix="correct the named variables",
        )
    return {name: _canonical(name, value) for name, value in values.items()}


def _problem(name: str, value: JsonValue) -> str:
    setting = SETTINGS.get(name)
    if setting is None:
        near = difflib.get_close_matches(name.upper(), SETTINGS, n=3, cutoff=0.5) or sorted(SETTINGS)
        return f"{name} is not known (nearest: {', '.join(near)})"
    text = _text(value)
    if setting.kind == "choice":
        return "" if text in setting.choices else f"{name} is {text!r}, not one of {', '.join(setting.choices)}"
    return _number_problem(name, text, setting)


def _number_problem(name: str, text: str, setting: Setting) -> str:
    if not _NUMBER.fullmatch(text):
        return f"{name} is {text!r}, not a number"
    number = Decimal(text)
    if setting.kind == "int" and number != number.to_integral_value():
        return f"{name} is {text}, not a whole number"
    inside = (setting.low is None or number >= Decimal(setting.low)) and (
        setting.high is None or number <= Decimal(setting.high)
    )
    if inside or (setting.also is not None and number == Decimal(setting.also)):
        return ""
    bounds = f"from {setting.low} to {setting.high}" if setting.high else f"at least {setting.low}"
    return f"{name} is {text}, must be {bounds}" + (f" or {setting.also}" if setting.also else "")


def _canonical(name: str, value: JsonValue) -> str:
    """Write whole numbers without point or exponent, so that 8e3 reaches the container as 8000."""
    text = _text(value)
    return str(int(Decimal(text))) if SETTINGS[name].kind == "int" else text


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
