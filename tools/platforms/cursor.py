"""The opaque place in a job's logs: how far each stream has been read."""

import base64
import hashlib
import json
import zlib
from typing import Any, NamedTuple

from novaforge.guards.errors import InputError

_CHECK_BYTES = 6
_MAX_BYTES = 256 * 1024


class Position(NamedTuple):
    """Where one stream goes on.

    Every event before `at_ms` (milliseconds since 1970) is done, `events` events at exactly that time are done, and
    `lines` lines of the event after those. Times do not expire, unlike CloudWatch's own tokens (24 hours).
    """

    at_ms: int = 0
    events: int = 0
    lines: int = 0


Positions = dict[str, Position]
"""Stream name to position."""


def encode_cursor(job_id: str, positions: Positions) -> str:
    """Return positions as URL-safe text with a checksum over the job and the content."""
    body = json.dumps({name: list(position) for name, position in sorted(positions.items())}, separators=(",", ":"))
    packed = zlib.compress(body.encode(), 9)
    return base64.urlsafe_b64encode(_checksum(job_id, packed) + packed).decode().rstrip("=")


def decode_cursor(job_id: str, cursor: str) -> Positions:
    """Read a cursor back; raises InputError when it is damaged or belongs to another job."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        packed = raw[_CHECK_BYTES:]
        if raw[:_CHECK_BYTES] != _checksum(job_id, packed):
            raise ValueError("checksum")
        body: Any = json.loads(zlib.decompressobj().decompress(packed, _MAX_BYTES))
        return {str(name): _position(value) for name, value in body.items()}
    except (ValueError, TypeError, AttributeError, zlib.error) as error:
        raise InputError(
            "The cursor is not one of this job's, or it was changed on the way.",
            field="cursor",
            value=cursor[:80],
            fix="pass the last answer's cursor unchanged, or leave it out to start from the first line",
        ) from error


def _position(value: Any) -> Position:
    numbers = list(value)
    if len(numbers) != 3 or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("position")
    return Position(*numbers)


def _checksum(job_id: str, packed: bytes) -> bytes:
    return hashlib.sha256(job_id.encode() + b"\0" + packed).digest()[:_CHECK_BYTES]
