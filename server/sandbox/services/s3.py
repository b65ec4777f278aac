"""S3 is moto's, apart from buckets that are AWS's own."""

from novaforge.server.sandbox.wire import AwsFault, Call

ESCROW_PREFIX = "customer-escrow-"
HUB_PREFIX = "jumpstart-cache-prod-"
READS = {"GetObject", "HeadObject", "ListObjectsV2", "ListObjects", "HeadBucket", "GetBucketLocation"}


def guard(call: Call) -> None:
    """Raise AccessDenied for the escrow bucket, which customers cannot read, and for writes to the hub's bucket."""
    bucket = call.params.get("Bucket", "")
    source = call.header("X-Amz-Copy-Source").lstrip("/")
    foreign = bucket.startswith(HUB_PREFIX) and call.operation not in READS
    if foreign or bucket.startswith(ESCROW_PREFIX) or source.startswith(ESCROW_PREFIX):
        raise AwsFault("AccessDenied", "Access Denied", 403)
