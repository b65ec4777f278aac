"""Requests are told apart as AWS's front ends do, and streams are encoded as botocore decodes them."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.server.sandbox import eventstream
from novaforge.server.sandbox.children import worker_environment
from novaforge.server.sandbox.jobs import Job
from novaforge.server.sandbox.routes import identify
from novaforge.server.sandbox.services.listing import page
from novaforge.server.sandbox.wire import AwsFault


def environ(method: str, path: str, query: str = "", service: str = "s3", **headers: str) -> dict[str, Any]:
    scope = f"AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": "0",
        "wsgi.input": io.BytesIO(),
        "HTTP_AUTHORIZATION": scope,
        **{f"HTTP_{key}": value for key, value in headers.items()},
    }


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("GET", "/bucket", "list-type=2&prefix=a", "ListObjectsV2"),
        ("GET", "/bucket/", "list-type=2", "ListObjectsV2"),
        ("GET", "/bucket/a/b c", "", "GetObject"),
        ("HEAD", "/bucket/a", "", "HeadObject"),
        ("PUT", "/bucket/a", "", "PutObject"),
        ("PUT", "/bucket/a", "partNumber=1&uploadId=x", "UploadPart"),
        ("POST", "/bucket/a", "uploads", "CreateMultipartUpload"),
        ("POST", "/bucket/a", "uploadId=x", "CompleteMultipartUpload"),
        ("DELETE", "/bucket/a", "uploadId=x", "AbortMultipartUpload"),
        ("DELETE", "/bucket/a", "", "DeleteObject"),
        ("POST", "/bucket", "delete", "DeleteObjects"),
        ("PUT", "/bucket/a", "tagging", "PutObjectTagging"),
    ],
)
def test_s3_operations(method: str, path: str, query: str, operation: str) -> None:
    call = identify(environ(method, path, query))
    assert call is not None and call.operation == operation
    assert call.params.get("Bucket") == (None if path == "/" else "bucket")


def test_a_copy_is_told_from_an_upload_by_its_header() -> None:
    call = identify(environ("PUT", "/bucket/a", X_AMZ_COPY_SOURCE="other/key"))
    assert call is not None and call.operation == "CopyObject"


@pytest.mark.parametrize(
    ("service", "method", "path", "operation"),
    [
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", "Invoke"),
        ("lambda", "GET", "/2015-03-31/functions/f", "GetFunction"),
        ("lambda", "POST", "/2015-03-31/functions", "CreateFunction"),
        ("sagemaker", "POST", "/endpoints/e/invocations", "InvokeEndpoint"),
        ("sagemaker", "POST", "/endpoints/e/invocations-response-stream", "InvokeEndpointWithResponseStream"),
    ],
)
def test_rest_json_operations(service: str, method: str, path: str, operation: str) -> None:
    call = identify(environ(method, path, service=service))
    assert call is not None and call.operation == operation


def test_a_request_without_a_signature_is_nobodys() -> None:
    assert identify({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": ""}) is None


@given(st.lists(st.binary(max_size=2000), max_size=8))
def test_events_are_decoded_by_botocore_as_they_were_sent(payloads: list[bytes]) -> None:
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(eventstream.event("PayloadPart", payload) for payload in payloads))
    messages = list(buffer)
    assert [message.payload for message in messages] == payloads
    assert all(message.headers[":event-type"] == "PayloadPart" for message in messages)


def test_an_exception_in_a_stream_is_decoded_as_one() -> None:
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.exception("ModelStreamError", b'{"Message":"x"}'))
    (message,) = list(buffer)
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == "ModelStreamError"


@given(st.integers(0, 60), st.integers(1, 20))
def test_pages_hold_every_row_once(count: int, size: int) -> None:
    rows = [{"Name": f"n{number:03}", "CreationTime": number // 3} for number in range(count)]
    seen: list[str] = []
    request: dict[str, Any] = {"MaxResults": size}
    while True:
        answer = page(request, rows, "Rows", "Name")
        seen += [row["Name"] for row in answer["Rows"]]
        assert len(answer["Rows"]) <= size
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    assert sorted(seen) == [row["Name"] for row in rows]


def test_a_token_that_is_not_ours_is_refused() -> None:
    with pytest.raises(AwsFault, match="pagination token"):
        page({"NextToken": "x"}, [], "Rows", "Name")


def test_an_ended_job_does_not_change_any_more() -> None:
    job = Job({"TrainingJobName": "j", "OutputDataConfig": {"S3OutputPath": "s3://b/o/"}})
    job.enter("Starting")
    job.end("Failed", "Failed", "x")
    job.end("Completed", "Completed")
    job.enter("Training")
    assert not job.ask_to_stop()
    assert (job.status, job.secondary, len(job.transitions)) == ("Failed", "Failed", 2)
    assert job.describe()["ModelArtifacts"]["S3ModelArtifacts"] == "s3://b/o/j/output/model.tar.gz"


def test_workers_get_no_credentials_of_their_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "secret")
    seen = worker_environment()
    assert seen["OMP_NUM_THREADS"] == "1"
    assert "secret" not in seen.values()
