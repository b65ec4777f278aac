"""S3 objects that rows name: judged before AWS is asked, since anything can stand in a row."""

import re

from novaforge.guards.errors import InputError
from novaforge.tools.aws.storage import split_s3

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*", re.ASCII)
"""Names of buckets: 3 to 63 of lower case letters, digits, hyphens and single dots (S3 user guide, bucket naming rules)."""


def named_object(uri: str) -> tuple[str, str] | None:
    """Return bucket and key of an s3:// URI, or None when it can name no object."""
    try:
        bucket, key = split_s3(uri)
    except InputError:
        return None
    good = 3 <= len(bucket) <= 63 and _BUCKET.fullmatch(bucket) is not None and len(key.encode()) <= 1024
    return (bucket, key) if key and good else None
