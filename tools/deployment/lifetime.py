"""How long an endpoint is meant to live."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.values import dollars

DEFAULT = "4h"
LONGEST = timedelta(days=7)
SHORTEST = timedelta(minutes=15)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"(\d{1,4})\s*([mhd])")


def delete_time(given: str | None, now: datetime) -> datetime:
    """Return the UTC time after which an endpoint should be gone, from a span such as 90m, 4h, 2d or an ISO time.

    Raises InputError outside 15 minutes to 7 days, and for a time without a zone.
    """
    text = DEFAULT if given is None else given.strip()
    when = _parse(text, now)
    if when is None:
        raise _wrong(given, "is neither a span nor a time with a zone")
    if not now + SHORTEST <= when <= now + LONGEST:
        raise _wrong(given, f"is not between {SHORTEST.seconds // 60} minutes and {LONGEST.days} days from now")
    return when.replace(microsecond=0)


def lifetime_finding(until: datetime, usd_per_hour: Decimal | None) -> Finding:
    """SV3: the end is a promise somebody has to keep; AWS has no switch for it, so the person confirms it."""
    rate = f", {dollars(usd_per_hour)} per hour" if usd_per_hour is not None else ""
    return Finding(
        rule="SV3",
        severity="confirm",
        message=f"AWS does not stop an endpoint by itself: after {until:%Y-%m-%d %H:%M} UTC it goes on billing{rate},"
        " used or not, until it is deleted",
        fix='apply plan_cleanup(scope="deployments") by then; get_spend shows what is overdue or idle',
    )


def _parse(text: str, now: datetime) -> datetime | None:
    span = _SPAN.fullmatch(text)
    if span:
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo is not None else None


def _wrong(given: str | None, why: str) -> InputError:
    fix = 'write a span such as "90m", "4h" or "2d", or a time such as "2026-11-21T18:00:00Z"'
    return InputError(f"delete_after {given!r} {why}.", field="delete_after", value=given, fix=fix)
