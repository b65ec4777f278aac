"""S3's parts and ranges behave as the data path needs them: uploads can be listed and given up, reads are of one version."""

from typing import Any

import pytest

from novaforge.guards.errors import AwsError
from novaforge.server.sandbox.settings import BUCKET
from novaforge.tools.aws.session import Aws

PART = b"x" * 5 * 1024 * 1024


def _uploads(aws: Aws, prefix: str) -> list[str]:
    answer = aws.call("s3", "list_multipart_uploads", Bucket=BUCKET, Prefix=prefix)
    return [upload["UploadId"] for upload in answer.get("Uploads", [])]


def _refused(aws: Aws, operation: str, **request: Any) -> str:
    with pytest.raises(AwsError) as refused:
        aws.call("s3", operation, Bucket=BUCKET, **request)
    return str(refused.value.code)


def test_an_upload_is_listed_by_prefix_until_it_is_given_up(aws: Aws) -> None:
    made = {
        key: aws.call("s3", "create_multipart_upload", Bucket=BUCKET, Key=key)["UploadId"]
        for key in ("up/a", "up/b", "other/a")
    }
    assert sorted(_uploads(aws, "up/")) == sorted((made["up/a"], made["up/b"]))
    answer = aws.call("s3", "list_multipart_uploads", Bucket=BUCKET, Prefix="up/a")["Uploads"]
    assert [upload["Key"] for upload in answer] == ["up/a"] and answer[0]["Initiated"].tzinfo is not None
    upload = {"Key": "up/a", "UploadId": made["up/a"]}
    aws.call("s3", "upload_part", Bucket=BUCKET, PartNumber=1, Body=PART, **upload)
    assert len(aws.call("s3", "list_parts", Bucket=BUCKET, **upload)["Parts"]) == 1
    aws.call("s3", "abort_multipart_upload", Bucket=BUCKET, **upload)
    assert _uploads(aws, "up/") == [made["up/b"]]
    assert _refused(aws, "upload_part", PartNumber=2, Body=b"x", **upload) == "NoSuchUpload"
    assert _refused(aws, "list_parts", **upload) == "NoSuchUpload"
    assert _refused(aws, "abort_multipart_upload", **upload) == "NoSuchUpload"
    assert _refused(aws, "head_object", Key="up/a") in ("404", "NoSuchKey", "NotFound")
    for key in ("up/b", "other/a"):
        aws.call("s3", "abort_multipart_upload", Bucket=BUCKET, Key=key, UploadId=made[key])


def test_a_finished_upload_is_no_longer_listed_and_takes_no_existing_name(aws: Aws) -> None:
    for wanted in (None, "PreconditionFailed"):
        upload = {
            "Key": "up/done",
            "UploadId": aws.call("s3", "create_multipart_upload", Bucket=BUCKET, Key="up/done")["UploadId"],
        }
        tag = aws.call("s3", "upload_part", Bucket=BUCKET, PartNumber=1, Body=b"first", **upload)["ETag"]
        parts: dict[str, Any] = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}, "IfNoneMatch": "*"}
        if wanted is None:
            aws.call("s3", "complete_multipart_upload", Bucket=BUCKET, **upload, **parts)
            assert _uploads(aws, "up/done") == []
        else:
            assert _refused(aws, "complete_multipart_upload", **upload, **parts) == wanted
            aws.call("s3", "abort_multipart_upload", Bucket=BUCKET, **upload)


def test_a_range_is_read_of_the_version_that_was_seen_or_not_at_all(aws: Aws) -> None:
    where = {"Bucket": BUCKET, "Key": "ranged"}
    tag = aws.call("s3", "put_object", **where, Body=b"0123456789")["ETag"]
    answer = aws.call("s3", "get_object", **where, Range="bytes=2-5", IfMatch=tag)
    assert (answer["Body"].read(), answer["ContentRange"], answer["ContentLength"]) == (b"2345", "bytes 2-5/10", 4)
    assert aws.call("s3", "get_object", **where, Range="bytes=7-100", IfMatch=tag)["Body"].read() == b"789"
    assert aws.call("s3", "get_object", **where, Range="bytes=-3", IfMatch=tag)["Body"].read() == b"789"
    assert _refused(aws, "get_object", Key="ranged", Range="bytes=10-20") == "InvalidRange"
    aws.call("s3", "put_object", **where, Body=b"abcdefghij")
    assert _refused(aws, "get_object", Key="ranged", Range="bytes=2-5", IfMatch=tag) == "PreconditionFailed"
    assert _refused(aws, "head_object", Key="ranged", IfMatch=tag) in ("412", "PreconditionFailed")
