"""S3 is moto's, apart from buckets that are AWS's own, and uploads that are gone, on which moto fails."""

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.wire import AwsFault, Call

ESCROW_PREFIX = "customer-escrow-"
HUB_PREFIX = "jumpstart-cache-prod-"
READS = {"GetObject", "HeadObject", "ListObjectsV2", "ListObjects", "HeadBucket", "GetBucketLocation"}
OF_AN_UPLOAD = {"UploadPart", "UploadPartCopy", "ListParts", "CompleteMultipartUpload", "AbortMultipartUpload"}


def guard(account: Account, call: Call) -> None:
    """Raise AccessDenied for the escrow bucket, which customers cannot read, and for writes to the hub's bucket; NoSuchUpload."""
    bucket = call.params.get("Bucket", "")
    source = call.header("X-Amz-Copy-Source").lstrip("/")
    foreign = bucket.startswith(HUB_PREFIX) and call.operation not in READS
    if foreign or bucket.startswith(ESCROW_PREFIX) or source.startswith(ESCROW_PREFIX):
        raise AwsFault("AccessDenied", "Access Denied", 403)
    if call.operation in OF_AN_UPLOAD and not _known(account, call):
        message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        raise AwsFault("NoSuchUpload", message, 404)


def _known(account: Account, call: Call) -> bool:
    client = account.moto.client("s3")
    try:
        found = client.list_multipart_uploads(Bucket=call.params["Bucket"], Prefix=call.params["Key"])
    except client.exceptions.ClientError:  # no such bucket, which moto says itself
        return True
    return any(upload["UploadId"] == call.params["uploadId"] for upload in found.get("Uploads", ()))
