"""Models, endpoint configurations and endpoints behave as SageMaker's, and endpoints answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.errors import AwsError, ConflictError, NotFoundError
from novaforge.server.sandbox.settings import ESCROW_BUCKET, ROLE_ARN
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws

Serve = Callable[..., str]
CHAT = {"messages": [{"role": "user", "content": "hello"}]}


def ask(aws: Aws, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = aws.call(
        "sagemaker-runtime",
        "invoke_endpoint",
        EndpointName=endpoint,
        Body=json.dumps(body),
        ContentType="application/json",
    )
    return dict(json.loads(answer["Body"].read()))


def stream(aws: Aws, endpoint: str, body: dict[str, Any]) -> Any:
    return aws.call(
        "sagemaker-runtime",
        "invoke_endpoint_with_response_stream",
        EndpointName=endpoint,
        Body=json.dumps(body),
        ContentType="application/json",
    )["Body"]


def test_an_endpoint_comes_up_answers_and_goes(sandbox: RunningSandbox, aws: Aws, served: Serve) -> None:
    name = served()
    described = aws.call("sagemaker", "describe_endpoint", EndpointName=name)
    assert described["EndpointStatus"] == "InService"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert ask(aws, name, CHAT)["choices"][0]["message"]["content"] == "heard 5"
    endpoint = sandbox.endpoint.sandbox.hosting.endpoints[name]
    aws.call("sagemaker", "delete_endpoint", EndpointName=name)
    assert endpoint.gone.wait(120)
    with pytest.raises(NotFoundError):
        aws.call("sagemaker", "describe_endpoint", EndpointName=name)
    with pytest.raises(AwsError, match="not found") as refused:
        ask(aws, name, CHAT)
    assert refused.value.code == "ValidationError"
    assert sandbox.endpoint.sandbox.children.pids() == []


def test_an_endpoint_serves_the_checkpoint_of_a_job(
    sandbox: RunningSandbox, aws: Aws, served: Serve, trained: str
) -> None:
    data = {"S3Uri": f"s3://{ESCROW_BUCKET}/{trained}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    environment = {"CONTEXT_LENGTH": "8000", "MAX_CONCURRENCY": "4"}
    name = served(ModelDataSource={"S3DataSource": data}, Environment=environment)
    (folder,) = (sandbox.endpoint.sandbox.life_folder / "endpoints").glob(f"{name}-*")
    facts = json.loads((folder / "worker.json").read_text())
    assert (folder / "base" / "weights.txt").read_text().endswith(trained)
    assert (facts["context_length"], facts["max_concurrency"]) == (8000, 4)


def test_a_stream_parses_in_botocore_whole(aws: Aws, served: Serve) -> None:
    name = served()
    parts = [part["PayloadPart"]["Bytes"] for part in stream(aws, name, CHAT | {"stream": True})]
    text = b"".join(parts).decode()
    assert "größer" in text and text.endswith("data: [DONE]\n\n")


def test_a_stream_is_passed_on_as_it_comes(aws: Aws, served: Serve, tmp_path: Path) -> None:
    name, gate = served(), tmp_path / "gate"
    seen = []
    for part in stream(aws, name, CHAT | {"gate": str(gate)}):
        seen.append(part["PayloadPart"]["Bytes"])
        gate.touch()
    assert seen == [b"data: first\n\n", b"data: second\n\n"]


def test_what_the_container_refuses_is_a_model_error(aws: Aws, served: Serve) -> None:
    name = served()
    client = aws.client("sagemaker-runtime")
    with pytest.raises(client.exceptions.ModelError) as refused:
        client.invoke_endpoint(EndpointName=name, Body=b"{}")
    assert refused.value.response["OriginalStatusCode"] == 400
    assert "messages is missing" in refused.value.response["OriginalMessage"]


def test_a_model_server_that_ends_fails_the_endpoint(sandbox: RunningSandbox, aws: Aws, served: Serve) -> None:
    with sandbox.settings(stand_in={"no_port": True}):
        name = served()
    described = aws.call("sagemaker", "describe_endpoint", EndpointName=name)
    assert described["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in described["FailureReason"]
    events = aws.call("logs", "filter_log_events", logGroupName=f"/aws/sagemaker/Endpoints/{name}")["events"]
    assert "RuntimeError: no port for you" in [event["message"] for event in events]
    aws.call("sagemaker", "delete_endpoint", EndpointName=name)
    with pytest.raises(NotFoundError):
        aws.call("sagemaker", "describe_endpoint", EndpointName=name)
    assert sandbox.endpoint.sandbox.children.pids() == []


def test_a_bad_container_environment_fails_the_endpoint(aws: Aws, served: Serve) -> None:
    name = served(Environment={"CONTEXT_LENGTH": "many"})
    assert "CONTEXT_LENGTH" in aws.call("sagemaker", "describe_endpoint", EndpointName=name)["FailureReason"]


def test_an_endpoint_being_made_cannot_be_deleted(sandbox: RunningSandbox, aws: Aws, served: Serve) -> None:
    first = served()
    aws.call("sagemaker", "delete_endpoint", EndpointName=first)
    with sandbox.settings(waiting_s=1):
        aws.call("sagemaker", "create_endpoint", EndpointName="slow-to-come", EndpointConfigName=first)
        with pytest.raises(AwsError, match="in-progress"):
            aws.call("sagemaker", "delete_endpoint", EndpointName="slow-to-come")
        assert sandbox.wait_for_endpoint("slow-to-come") == "InService"


def test_names_are_used_once_and_free_after_deletion(aws: Aws, served: Serve) -> None:
    name = served()
    variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.p5.48xlarge"}
    again: list[tuple[str, dict[str, Any]]] = [
        ("create_model", {"ModelName": name, "ExecutionRoleArn": ROLE_ARN, "PrimaryContainer": {"Image": "x"}}),
        ("create_endpoint_config", {"EndpointConfigName": name, "ProductionVariants": [variant]}),
        ("create_endpoint", {"EndpointName": name, "EndpointConfigName": name}),
    ]
    for operation, request in again:
        with pytest.raises(ConflictError):
            aws.call("sagemaker", operation, **request)
    aws.call("sagemaker", "delete_endpoint", EndpointName=name)
    aws.call("sagemaker", "delete_endpoint_config", EndpointConfigName=name)
    aws.call("sagemaker", "delete_model", ModelName=name)
    for operation, key in (("describe_model", "ModelName"), ("describe_endpoint_config", "EndpointConfigName")):
        with pytest.raises(NotFoundError):
            aws.call("sagemaker", operation, **{key: name})
    aws.call("sagemaker", again[0][0], **again[0][1])


@pytest.mark.parametrize(
    ("operation", "request_", "words"),
    [
        ("create_model", {"ModelName": "m", "ExecutionRoleArn": ROLE_ARN.replace("Nova", "No")}, "PrimaryContainer"),
        (
            "create_model",
            {"ModelName": "m", "ExecutionRoleArn": ROLE_ARN.replace("Nova", "No"), "PrimaryContainer": {"Image": "x"}},
            "Could not assume role",
        ),
        (
            "create_model",
            {
                "ModelName": "m",
                "ExecutionRoleArn": ROLE_ARN,
                "PrimaryContainer": {"Image": "x", "ModelDataUrl": f"s3://{ESCROW_BUCKET}/none/"},
            },
            "Could not access model data",
        ),
        (
            "create_endpoint_config",
            {
                "EndpointConfigName": "c",
                "ProductionVariants": [{"VariantName": "v", "ModelName": "none", "InstanceType": "ml.p5.48xlarge"}],
            },
            "Could not find model",
        ),
        (
            "create_endpoint",
            {"EndpointName": "e", "EndpointConfigName": "none"},
            "Could not find endpoint configuration",
        ),
    ],
)
def test_what_is_missing_is_refused(aws: Aws, operation: str, request_: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words):
        aws.call("sagemaker", operation, **request_)


def test_endpoint_instances_have_a_quota_of_their_own(sandbox: RunningSandbox, aws: Aws, served: Serve) -> None:
    name = served()
    with (
        sandbox.settings(quotas={"ml.g6.48xlarge for endpoint usage": 1}),
        pytest.raises(AwsError, match=r"'ml\.g6\.48xlarge for endpoint usage' is 1 Instances") as refused,
    ):
        aws.call("sagemaker", "create_endpoint", EndpointName="one-too-many", EndpointConfigName=name)
    assert refused.value.code == "ResourceLimitExceeded"


def test_an_endpoint_logs_what_its_server_prints(aws: Aws, served: Serve) -> None:
    name = served()
    ask(aws, name, CHAT)
    endpoint_logs = {"logGroupName": f"/aws/sagemaker/Endpoints/{name}", "logStreamNamePrefix": "primary/"}
    aws.call("sagemaker", "delete_endpoint", EndpointName=name)
    lines = [event["message"] for event in aws.call("logs", "filter_log_events", **endpoint_logs)["events"]]
    assert lines[0] == "Model server is up"
