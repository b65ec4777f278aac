"""Where media buckets are and whose they are."""

from novaforge.guards.errors import AwsError, NovaForgeError
from novaforge.tools.aws.session import Aws
from novaforge.tools.datasets.media.judge import Verdict

_DENIED = {"403", "AccessDenied", "Forbidden"}
_OLD_NAMES = {"": "us-east-1", "EU": "eu-west-1"}
"""Names GetBucketLocation answers for regions older than their names."""


def judge_bucket(aws: Aws, bucket: str) -> list[Verdict]:
    """Return the verdict on a bucket's region: not that of the job, or not known."""
    region, reason = _region(aws, bucket)
    if reason:
        return [] if reason == "missing" else [Verdict("DA9-bucket", f"{bucket}: {reason}")]
    return [Verdict("DA9-region", f"{bucket} is in {region}, the job in {aws.region}")] if region != aws.region else []


def judge_owner(aws: Aws, bucket: str, owner: str, account: str) -> list[Verdict]:
    """Return the verdict on what rows say about who owns a bucket; `account` is the caller's, "" when unknown."""
    if len(owner) != 12 or not (owner.isascii() and owner.isdigit()):
        return [Verdict("DA9-owner", f"{bucket}: no account id")]
    try:
        aws.call("s3", "head_bucket", Bucket=bucket, ExpectedBucketOwner=owner)
    except NovaForgeError as error:
        return _refused(aws, bucket, error)
    return [Verdict("DA9-account", bucket)] if account and owner != account else []


def _refused(aws: Aws, bucket: str, error: NovaForgeError) -> list[Verdict]:
    """Tell a wrong owner from a bucket that may not be asked at all: without the condition the latter is refused too."""
    if not isinstance(error, AwsError) or error.code not in _DENIED:
        return []
    try:
        aws.call("s3", "head_bucket", Bucket=bucket)
    except NovaForgeError:
        return [Verdict("DA9-bucket", f"{bucket}: the owner, access is denied")]
    return [Verdict("DA9-owner", bucket)]


def _region(aws: Aws, bucket: str) -> tuple[str, str]:
    """Return a bucket's region, or why it is not known."""
    try:
        answer = aws.call("s3", "head_bucket", Bucket=bucket)
        headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
        if seen := answer.get("BucketRegion") or headers.get("x-amz-bucket-region"):
            return str(seen), ""
        named = aws.call("s3", "get_bucket_location", Bucket=bucket).get("LocationConstraint") or ""
    except AwsError as error:
        # A bucket that is not there shows in each of its objects.
        return "", "missing" if error.code in {"404", "NoSuchBucket"} else f"S3 answered {error.code}"
    except NovaForgeError as error:
        return "", error.message
    return _OLD_NAMES.get(named, named), ""
