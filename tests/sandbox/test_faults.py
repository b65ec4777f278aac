"""The fault plan drives a client's real retry handling."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from novaforge.guards.errors import AwsError, ConflictError
from novaforge.server.sandbox.settings import BUCKET, ROLE_NAME, Fault
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws


@pytest.fixture(autouse=True)
def no_faults_left(sandbox: RunningSandbox) -> Iterator[None]:
    yield
    sandbox.clear_faults()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses botocore makes between attempts instead of making them."""
    from botocore import endpoint

    pauses: list[float] = []
    monkeypatch.setattr(endpoint, "time", SimpleNamespace(sleep=pauses.append, time=time.time))
    return pauses


CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("sagemaker", "ListTrainingJobs", "list_training_jobs", {}),
    ("lambda", "ListFunctions", "list_functions", {}),
    ("iam", "GetRole", "get_role", {"RoleName": ROLE_NAME}),
    ("sts", "GetCallerIdentity", "get_caller_identity", {}),
    ("s3", "ListObjectsV2", "list_objects_v2", {"Bucket": BUCKET}),
    ("logs", "DescribeLogGroups", "describe_log_groups", {}),
    ("cloudwatch", "ListMetrics", "list_metrics", {}),
    ("pricing", "GetProducts", "get_products", {"ServiceCode": "AmazonSageMaker", "Filters": []}),
    ("service-quotas", "ListServiceQuotas", "list_service_quotas", {"ServiceCode": "sagemaker"}),
]


@pytest.mark.parametrize(("service", "api", "operation", "request_"), CALLS)
@pytest.mark.parametrize("kind", ["throttle", "http500"])
def test_a_passing_fault_is_retried_away_in_every_protocol(
    sandbox: RunningSandbox,
    aws: Aws,
    patient: list[float],
    kind: Any,
    service: str,
    api: str,
    operation: str,
    request_: dict[str, Any],
) -> None:
    sandbox.add_faults(Fault(service=service, operation=api, times=2, kind=kind))
    answer = aws.call(service, operation, **request_)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert len(patient) == 2


def test_the_cbor_form_of_an_error_can_be_read() -> None:
    from botocore.parsers import create_parser

    from novaforge.server.sandbox.faults import refusal
    from novaforge.server.sandbox.routes import model
    from novaforge.server.sandbox.wire import Call, failure

    call = Call("cloudwatch", "ListMetrics", "us-east-1", "k", {"HTTP_SMITHY_PROTOCOL": "rpc-v2-cbor"})
    refused = refusal(Fault(kind="throttle"), call)
    assert refused is not None
    reply = failure(call, refused)
    parser = create_parser("smithy-rpc-v2-cbor")
    answer = {"status_code": reply.status, "headers": dict(reply.headers), "body": b"".join(reply.body)}
    parsed = parser.parse(answer, model("cloudwatch").operation_model("ListMetrics").output_shape)
    assert parsed["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sagemaker", "list_training_jobs", "ThrottlingException"),
        ("lambda", "list_functions", "TooManyRequestsException"),
        ("iam", "list_roles", "Throttling"),
        ("s3", "list_buckets", "SlowDown"),
        ("cloudwatch", "list_metrics", "ThrottlingException"),
    ],
)
def test_a_lasting_throttle_arrives_with_the_services_own_code(
    sandbox: RunningSandbox, aws: Aws, patient: list[float], service: str, operation: str, code: str
) -> None:
    sandbox.add_faults(Fault(service=service, times=50, kind="throttle"))
    with pytest.raises(AwsError) as refused:
        aws.call(service, operation)
    assert refused.value.code == code
    assert len(patient) == 3


def test_a_lost_answer_meets_resource_in_use_when_asked_again(
    sandbox: RunningSandbox, aws: Aws, patient: list[float], job_request: Callable[..., dict[str, Any]]
) -> None:
    request = job_request()
    sandbox.add_faults(Fault(service="sagemaker", operation="CreateTrainingJob", kind="lost_response"))
    with pytest.raises(ConflictError) as refused:
        aws.call("sagemaker", "create_training_job", **request)
    assert refused.value.code == "ResourceInUse"
    assert sandbox.wait_for_job(request["TrainingJobName"]) == "Completed"


def test_a_slow_answer_comes_late(sandbox: RunningSandbox, aws: Aws) -> None:
    sandbox.add_faults(Fault(service="sts", kind="slow", delay_s=0.3))
    started = time.monotonic()
    aws.call("sts", "get_caller_identity")
    assert time.monotonic() - started >= 0.3


def test_a_fault_hits_only_what_it_names(sandbox: RunningSandbox, aws: Aws, patient: list[float]) -> None:
    sandbox.add_faults(Fault(service="sagemaker", operation="CreateEndpoint", kind="http500"))
    assert aws.call("sagemaker", "list_endpoints")["ResponseMetadata"]["RetryAttempts"] == 0
    assert [fault.operation for fault in sandbox.endpoint.sandbox.faults.left()] == ["CreateEndpoint"]
