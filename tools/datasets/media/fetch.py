"""Bring a media file here, from wherever a row says it is, within limits."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from novaforge.guards.errors import AwsError, InputError, NovaForgeError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.media.limits import COPY_BYTES, COPY_SECONDS, MOST_BYTES, MediaError
from novaforge.tools.datasets.media.objects import named_object
from novaforge.tools.datasets.media.web import WebLimits, read_web
from novaforge.tools.datasets.rows import MediaRef

_CHUNK = 256 * 1024


@dataclass(frozen=True)
class CopySettings:
    """Bounds of copying: seconds and bytes per file, and how many at once.

    `loopback` lets http addresses of this machine through; it counts in the sandbox only and is for tests.
    """

    seconds: float = COPY_SECONDS
    bytes: int = COPY_BYTES
    threads: int = 8
    loopback: bool = False


def fetch(ctx: ToolContext, ref: MediaRef, into: IO[bytes], settings: CopySettings) -> None:
    """Write the file's bytes to `into`. Raises MediaError with a reason that quotes nothing of the row."""
    most = min(settings.bytes, MOST_BYTES.get(ref.kind, settings.bytes))
    end, seen = time.monotonic() + settings.seconds, 0
    for piece in _pieces(ctx, ref, most, settings):
        seen += len(piece)
        if seen > most:
            raise MediaError(f"the {ref.kind} has more than {most} bytes")
        if time.monotonic() > end:
            raise MediaError(f"reading took longer than {settings.seconds:g} s")
        into.write(piece)
    if not seen:
        raise MediaError("the file is empty")


def _pieces(ctx: ToolContext, ref: MediaRef, most: int, settings: CopySettings) -> Iterator[bytes]:
    if ref.data:
        return iter((ref.data,))
    if ref.source.startswith("s3://"):
        return _object(ctx, ref.source, most)
    if ref.source[:8].lower().startswith(("http://", "https://")):
        loopback = settings.loopback and ctx.mode.sandbox
        return read_web(ref.source, WebLimits(settings.seconds, most, loopback))
    return _local(ctx, ref.source)


def _local(ctx: ToolContext, path: str) -> Iterator[bytes]:
    try:
        with ctx.storage.open(path) as file:
            while piece := file.read(_CHUNK):
                yield piece
    except InputError as error:
        raise MediaError("there is no such local file, or it lies outside the folders the server may use") from error
    except OSError as error:
        raise MediaError(f"the local file cannot be read: {error.strerror}") from error


def _object(ctx: ToolContext, uri: str, most: int) -> Iterator[bytes]:
    named = named_object(uri)
    if named is None:
        raise MediaError("the reference names no S3 object")
    bucket, key = named
    if ctx.policy.buckets and bucket not in ctx.policy.buckets:
        raise MediaError("the policy does not allow the object's bucket")
    try:
        answer = ctx.aws.call("s3", "get_object", Bucket=bucket, Key=key)
    except AwsError as error:
        raise MediaError(f"S3 answered {error.code}") from error
    except NovaForgeError as error:
        raise MediaError("S3 cannot be asked for the object") from error
    if answer["ContentLength"] > most:
        answer["Body"].close()
        raise MediaError(f"the object has more than {most} bytes")
    yield from _streamed(answer["Body"])


def _streamed(body: Any) -> Iterator[bytes]:
    try:
        yield from body.iter_chunks(_CHUNK)
    except MediaError:
        raise
    except Exception as error:
        # botocore and urllib3 have a dozen unrelated classes for a connection that breaks.
        raise MediaError(f"the object could not be read to its end: {type(error).__name__}") from error
    finally:
        body.close()
