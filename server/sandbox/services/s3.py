"""S3 is moto's, apart from buckets that are AWS's own."""

from novaforge.server.sandbox.settings import ESCROW_BUCKET
from novaforge.server.sandbox.wire import AwsFault, Call

HUB_PREFIX = "jumpstart-cache-prod-"
READS = {"GetObject", "HeadObject", "ListObjectsV2", "ListObjects", "HeadBucket", "GetBucketLocation"}


def guard(call: Call) -> None:
    """Raise AccessDenied for the escrow bucket, which customers cannot read, and for writes to the hub's bucket."""
    bucket = call.params.get("Bucket", "")
    foreign = bucket.startswith(HUB_PREFIX) and call.operation not in READS
    if bucket == ESCROW_BUCKET or bucket.startswith("customer-escrow-") or foreign:
        raise AwsFault("AccessDenied", "Access Denied", 403)
