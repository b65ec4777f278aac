"""Training jobs, functions and endpoints of a test, with names of its own."""

import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from novaforge.server.sandbox.settings import ACCOUNT, BUCKET, ROLE_ARN
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws

_numbers = itertools.count(1)

Request = dict[str, Any]


@pytest.fixture
def job_request(aws: Aws) -> Callable[..., Request]:
    """Return a maker of CreateTrainingJob requests over small uploaded data; keyword arguments replace members."""

    def make(recipe: str = "run:\n  name: test\n", count: int = 1, **changes: Any) -> Request:
        name = f"job-{next(_numbers)}"
        data, recipes = f"{name}/data/train.jsonl", f"{name}/input/recipe/recipe.yaml"
        aws.call("s3", "put_object", Bucket=BUCKET, Key=data, Body=b'{"messages":[]}\n')
        aws.call("s3", "put_object", Bucket=BUCKET, Key=recipes, Body=recipe.encode())
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE_ARN,
            "AlgorithmSpecification": {
                "TrainingImage": "708977205387.dkr.ecr.us-east-1.amazonaws.com/nova-fine-tune-repo:SM-TJ-SFT-V2-latest",
                "TrainingInputMode": "File",
            },
            "HyperParameters": {
                "base_model": "nova-lite-2/prod",
                "sagemaker_recipe_local_path": "/opt/ml/input/data/recipe/recipe.yaml",
            },
            "InputDataConfig": [
                _channel("train", "Converse", data),
                _channel("recipe", "S3Prefix", f"{name}/input/recipe/"),
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/{name}/out"},
            "ResourceConfig": {"InstanceType": "ml.p5.48xlarge", "InstanceCount": count, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }
        return request | changes

    return make


def _channel(name: str, kind: str, key: str) -> Request:
    source = {"S3DataType": kind, "S3Uri": f"s3://{BUCKET}/{key}", "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


@pytest.fixture
def trained(sandbox: RunningSandbox, aws: Aws, job_request: Callable[..., Request]) -> str:
    """Return the name of a job that has completed."""
    request = job_request()
    aws.call("sagemaker", "create_training_job", **request)
    assert sandbox.wait_for_job(request["TrainingJobName"]) == "Completed"
    return str(request["TrainingJobName"])


@pytest.fixture(scope="module", autouse=True)
def fresh_account(sandbox: RunningSandbox) -> None:
    """Begin every module with an account nobody has used."""
    sandbox.reset()


@pytest.fixture(scope="module")
def lambda_role(aws: Aws) -> str:
    """Return the ARN of a role that Lambda may assume."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws.call("iam", "create_role", RoleName="sandbox-tests-lambda", AssumeRolePolicyDocument=document)
    return f"arn:aws:iam::{ACCOUNT}:role/sandbox-tests-lambda"


@pytest.fixture(scope="session")
def package() -> Callable[..., bytes]:
    """Return a maker of deployment packages: the source of lambda_function.py, and other files by name."""

    def make(source: str, **others: str) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in {"lambda_function.py": source, **others}.items():
                archive.writestr(name, text)
        return packed.getvalue()

    return make


@pytest.fixture
def function(aws: Aws, lambda_role: str, package: Callable[..., bytes]) -> Callable[..., str]:
    """Return a maker of Lambda functions from source text; returns the function's name."""

    def make(source: str, **changes: Any) -> str:
        name = f"function-{next(_numbers)}"
        request = {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Role": lambda_role,
            "Handler": "lambda_function.lambda_handler",
            "Code": {"ZipFile": package(source)},
        }
        aws.call("lambda", "create_function", **(request | changes))
        return name

    return make


@pytest.fixture
def served(sandbox: RunningSandbox, aws: Aws) -> Iterator[Callable[..., str]]:
    """Return a maker of endpoints in service, with a model and a configuration of the same name; all end with the test."""

    def make(**container: Any) -> str:
        name = f"endpoint-{next(_numbers)}"
        aws.call(
            "sagemaker",
            "create_model",
            ModelName=name,
            ExecutionRoleArn=ROLE_ARN,
            PrimaryContainer={"Image": "nova-inference-repo:SM-Inference-latest"} | container,
            EnableNetworkIsolation=True,
        )
        variant = {
            "VariantName": "primary",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.g6.48xlarge",
        }
        aws.call("sagemaker", "create_endpoint_config", EndpointConfigName=name, ProductionVariants=[variant])
        aws.call("sagemaker", "create_endpoint", EndpointName=name, EndpointConfigName=name)
        sandbox.wait_for_endpoint(name)
        return name

    yield make
    for endpoint in list(sandbox.endpoint.sandbox.hosting.endpoints.values()):
        endpoint.stop.set()  # not DeleteEndpoint: one that a test is deleting may go at any moment
        if endpoint.status == "Failed":
            aws.call("sagemaker", "delete_endpoint", EndpointName=endpoint.name)
        assert endpoint.gone.wait(120)
