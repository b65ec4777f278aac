"""Read just enough of one media file in S3 to judge it."""

from dataclasses import dataclass
from typing import Any

from novaforge.guards.errors import AwsError, ConfigError, NotFoundError, NovaForgeError
from novaforge.tools.aws.session import Aws
from novaforge.tools.datasets.media.dimensions import dimensions
from novaforge.tools.datasets.media.duration import Unreadable, duration
from novaforge.tools.datasets.media.objects import named_object
from novaforge.tools.datasets.media.ranged import FIRST_BYTES, Ranged, ScatteredError
from novaforge.tools.datasets.media.sniff import HEAD_BYTES, kind_of, sniff

OFFLINE = {
    "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError",
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
}  # fmt: skip
"""Codes after which no other object can be read either."""


class OfflineError(Exception):
    """Nothing can be read now; the text says why."""


@dataclass(frozen=True)
class Look:
    """What one file is: its size in bytes, the format its bytes show, dimensions in pixels or seconds where it has them.

    `broken` is a rule it breaks as such; `reason` says what could not be read.
    """

    size: int = 0
    format: str = ""
    dimensions: tuple[int, int] | None = None
    seconds: float | None = None
    broken: str = ""
    reason: str = ""


def look_at(aws: Aws, uri: str) -> Look:
    """Read the head of an object and what its format needs more. Raises OfflineError when nothing can be read at all."""
    named = named_object(uri)
    if named is None:
        return Look(broken="DA8-uri")
    try:
        return look_into(_open(aws, *named))
    except NotFoundError as error:
        return Look(broken="DA8-missing", reason=error.code)
    except AwsError as error:
        return _refused(error)
    except ConfigError as error:
        raise OfflineError(error.message) from error
    except NovaForgeError:
        return Look(broken="DA8-uri")


def look_into(file: Ranged) -> Look:
    """Return what a file is, from pieces of it."""
    name = sniff(file.at(0, HEAD_BYTES))
    if kind_of(name) == "image":
        try:
            size = dimensions(name, file)
        except ScatteredError as error:
            return Look(file.size, name, reason=f"its header is scattered: {error}")
        return Look(file.size, name, dimensions=size, broken="" if size else "DA8-header")
    if kind_of(name) == "video":
        try:
            return Look(file.size, name, seconds=duration(name, file))
        except Unreadable as error:
            return Look(file.size, name, reason=f"the duration of a video is not known: {error}")
    return Look(file.size, name)


def _open(aws: Aws, bucket: str, key: str) -> Ranged:
    def part(offset: int, length: int) -> bytes:
        return _body(
            aws.call("s3", "get_object", Bucket=bucket, Key=key, Range=f"bytes={offset}-{offset + length - 1}")
        )

    try:
        first = aws.call("s3", "get_object", Bucket=bucket, Key=key, Range=f"bytes=0-{FIRST_BYTES - 1}")
    except AwsError as error:
        # An object without a byte has no range.
        if error.code in {"InvalidRange", "416"}:
            return Ranged(part, 0, b"")
        raise
    whole = str(first.get("ContentRange", "")).rpartition("/")[2]
    size = int(whole) if whole.isdecimal() else int(first["ContentLength"])
    return Ranged(part, size, _body(first))


def _body(answer: dict[str, Any]) -> bytes:
    """Return the bytes of an answer; more than was asked for, from a server that ignores ranges, are not read."""
    body = answer["Body"]
    try:
        return bytes(body.read(4 * FIRST_BYTES))
    except Exception as error:
        # botocore and urllib3 have a dozen unrelated classes for a connection that breaks.
        raise AwsError("the object broke off", operation="s3:GetObject", code=type(error).__name__) from error
    finally:
        body.close()


def _refused(error: AwsError) -> Look:
    if error.code in OFFLINE:
        raise OfflineError(f"S3 answered {error.code}") from error
    return Look(reason=f"S3 answered {error.code}")
