"""Find the escrow checkpoint in a training job's output archive without unpacking it."""

import gzip
import json
import tarfile
import zlib
from typing import Any, BinaryIO

from novaforge.guards.errors import AwsError, NotFoundError

MANIFEST = "manifest.json"
CHECKPOINT_KEY = "checkpoint_s3_bucket"
"""Holds the checkpoint's whole s3:// URI in spite of its name (nova-platform-facts section 8)."""

_MANIFEST_BYTES = 1024 * 1024
_MAX_MEMBERS = 10_000


def checkpoint_in(stream: BinaryIO, archive: str) -> str:
    """Return the checkpoint URI named by manifest.json in a gzipped tar, which is read once from front to back.

    Raises NotFoundError when there is no manifest, AwsError when archive or manifest cannot be read.
    """
    try:
        data = _manifest(stream)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise _damaged(archive, f"cannot be read as a gzipped tar: {error}") from error
    if data is None:
        raise NotFoundError(
            f"{archive} holds no {MANIFEST}, so the checkpoint is not known.",
            operation="manifest",
            code="NoManifest",
            fix="read the end of the job's log: a job that saved nothing leaves no manifest",
        )
    return _checkpoint(data, archive)


def _manifest(stream: BinaryIO) -> bytes | None:
    # tarfile's own "r|gz" raises a TypeError on a cut header; gzip says plainly what is wrong.
    with gzip.GzipFile(fileobj=stream) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        for number, member in enumerate(tar):
            if number >= _MAX_MEMBERS:
                return None
            if member.isreg() and member.name.rsplit("/", 1)[-1] == MANIFEST:
                file = tar.extractfile(member)
                return file.read(_MANIFEST_BYTES) if file else None
    return None


def _checkpoint(data: bytes, archive: str) -> str:
    try:
        manifest: Any = json.loads(data)
        uri = manifest[CHECKPOINT_KEY]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(archive, f"has a {MANIFEST} without {CHECKPOINT_KEY}") from error
    if not isinstance(uri, str) or not uri.startswith("s3://"):
        raise _damaged(archive, f"names a checkpoint that is not an S3 URI: {str(uri)[:200]!r}")
    return uri


def _damaged(archive: str, what: str) -> AwsError:
    return AwsError(f"{archive} {what}.", operation="manifest", code="BadArchive", fix="look at the object in S3")
