"""Every answer of every operation the sandbox plays itself fits botocore's model of that answer."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from novaforge.server.sandbox.services.table import HANDLERS
from novaforge.server.sandbox.settings import BUCKET, ROLE_ARN
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.shapes import check_request, check_response
from novaforge.tools.catalog.recipes import HUB_CONTENT, HUB_NAME

Calls = list[tuple[str, str, dict[str, Any]]]
SCORE = "def lambda_handler(event, context): return event"
TAGS = [{"Key": "novaforge:plan", "Value": "abc"}]
CHAT = json.dumps({"messages": [{"role": "user", "content": "x"}], "stream": False})


class Recorder:
    """Makes calls and notes what about their answers does not fit the model, in JSON also members the model does not have."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.made: set[tuple[str, str]] = set()
        self.problems: list[str] = []

    def __call__(self, service: str, api: str, /, **request: Any) -> dict[str, Any]:
        client = self.aws.client(service)
        operation = next(name for name, full in client.meta.method_to_api_mapping.items() if full == api)
        raw: list[bytes] = []
        event = f"before-parse.{client.meta.service_model.service_id.hyphenize()}.{api}"

        def keep(response_dict: dict[str, Any], **_: Any) -> None:
            raw.append(response_dict["body"])

        client.meta.events.register(event, keep)
        answer: dict[str, Any] = getattr(client, operation)(**request)
        client.meta.events.unregister(event, keep)
        self.made.add((service, api))
        self.check(client.meta.service_model, api, answer)
        if client.meta.service_model.metadata["protocol"] == "json":
            assert raw, "the body was not seen"
            self.check(client.meta.service_model, api, json.loads(raw[0] or b"{}"))
        return answer

    def check(self, model: Any, api: str, answer: dict[str, Any]) -> None:
        stream = answer.get("Body") if model.operation_model(api).get_event_stream_output() else None
        for part in [{}] if stream is None else [{"Body": event} for event in stream]:
            found = check_response(model, api, answer | part)
            self.problems += [f"{api} {problem.path} {problem.message}" for problem in found]


@pytest.fixture
def recorder(aws: Aws) -> Recorder:
    return Recorder(aws)


def train(sandbox: RunningSandbox, call: Recorder, request: dict[str, Any]) -> None:
    name = request["TrainingJobName"]
    with sandbox.settings(waiting_s=30):
        arn = call("sagemaker", "CreateTrainingJob", **request)["TrainingJobArn"]
        call("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
        call("sagemaker", "StopTrainingJob", TrainingJobName=name)
    sandbox.wait_for_job(name)
    call("sagemaker", "AddTags", ResourceArn=arn, Tags=TAGS)
    call("sagemaker", "ListTags", ResourceArn=arn)
    call("sagemaker", "DeleteTags", ResourceArn=arn, TagKeys=["novaforge:plan"])
    call("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
    call("sagemaker", "ListTrainingJobs", MaxResults=1)
    call("sagemaker", "DeleteTrainingJob", TrainingJobName=name)


def host(sandbox: RunningSandbox, call: Recorder) -> None:
    name = "shapes"
    variant = {"VariantName": "primary", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.p5.48xlarge"}
    call(
        "sagemaker",
        "CreateModel",
        ModelName=name,
        ExecutionRoleArn=ROLE_ARN,
        PrimaryContainer={"Image": "x"},
        Tags=TAGS,
    )
    call("sagemaker", "CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant])
    call("sagemaker", "CreateEndpoint", EndpointName=name, EndpointConfigName=name)
    endpoint = sandbox.endpoint.sandbox.hosting.endpoints[name]
    call("sagemaker", "DescribeEndpoint", EndpointName=name)
    sandbox.wait_for_endpoint(name)
    for api, key in (("Model", "ModelName"), ("EndpointConfig", "EndpointConfigName"), ("Endpoint", "EndpointName")):
        call("sagemaker", f"Describe{api}", **{key: name})
        call("sagemaker", f"List{api}s")
    call("sagemaker-runtime", "InvokeEndpoint", EndpointName=name, Body=CHAT)["Body"].close()
    call("sagemaker-runtime", "InvokeEndpointWithResponseStream", EndpointName=name, Body=CHAT)
    call("sagemaker", "DeleteEndpoint", EndpointName=name)
    assert endpoint.gone.wait(120)
    call("sagemaker", "DeleteEndpointConfig", EndpointConfigName=name)
    call("sagemaker", "DeleteModel", ModelName=name)


def test_every_answer_fits_its_shape(
    sandbox: RunningSandbox,
    recorder: Recorder,
    job_request: Callable[..., dict[str, Any]],
    lambda_role: str,
    package: Callable[..., bytes],
) -> None:
    call = recorder
    train(sandbox, call, job_request(Tags=TAGS))
    with sandbox.settings(stand_in={"fail": "AlgorithmError: x"}):
        failed = job_request()
        call("sagemaker", "CreateTrainingJob", **failed)
        sandbox.wait_for_job(failed["TrainingJobName"])
    call("sagemaker", "DescribeTrainingJob", TrainingJobName=failed["TrainingJobName"])
    host(sandbox, call)
    hub = {"HubName": HUB_NAME, "HubContentType": "Model"}
    call("sagemaker", "DescribeHubContent", **hub, HubContentName=HUB_CONTENT)
    call("sagemaker", "ListHubContents", **hub)
    code = {"ZipFile": package(SCORE)}
    made = {"Runtime": "python3.12", "Role": lambda_role, "Handler": "lambda_function.lambda_handler", "Code": code}
    call("lambda", "CreateFunction", FunctionName="shapes", **made)
    call("lambda", "UpdateFunctionCode", FunctionName="shapes", ZipFile=package(SCORE + "\n"))
    call("lambda", "Invoke", FunctionName="shapes", Payload=b"[]", LogType="Tail")["Payload"].close()
    call("lambda", "GetFunction", FunctionName="shapes")
    call("iam", "SimulatePrincipalPolicy", PolicySourceArn=ROLE_ARN, ActionNames=["s3:GetObject", "iam:PassRole"])
    call("sts", "GetCallerIdentity")
    code_ = call("service-quotas", "ListServiceQuotas", ServiceCode="sagemaker", MaxResults=5)["Quotas"][0]["QuotaCode"]
    call("service-quotas", "GetServiceQuota", ServiceCode="sagemaker", QuotaCode=code_)
    call("pricing", "GetProducts", ServiceCode="AmazonSageMaker", Filters=[], MaxResults=3)
    call("logs", "FilterLogEvents", logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="job-")
    asked = {"logGroupName": "/aws/sagemaker/TrainingJobs", "startTime": 0, "endTime": 10_000_000_000}
    for _ in range(2):
        query = call("logs", "StartQuery", **asked, queryString="fields @timestamp, @message | limit 2")["queryId"]
        call("logs", "GetQueryResults", queryId=query)
    assert call("logs", "GetQueryResults", queryId=query)["results"]
    query = call("logs", "StartQuery", **asked, queryString="limit 1")["queryId"]
    call("logs", "StopQuery", queryId=query)
    call("s3", "PutObject", Bucket=BUCKET, Key="shapes", Body=b"x", IfNoneMatch="*")
    call("s3", "ListObjectsV2", Bucket=BUCKET)
    assert recorder.problems == []
    assert HANDLERS.keys() - recorder.made == set(), "operations no answer of which was checked"


@pytest.mark.parametrize(("content_type", "fits"), [("application/json", True), ("", True), ("text/plain; ü", False)])
def test_a_pattern_with_a_bare_character_class_is_understood(aws: Aws, content_type: str, fits: bool) -> None:
    model = aws.client("sagemaker-runtime").meta.service_model
    request = {"EndpointName": "e", "Body": b"", "ContentType": content_type}
    assert (check_request(model, "InvokeEndpoint", request) == []) is fits
