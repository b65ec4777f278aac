"""Every constraint of a service model is checked before a request is sent, since botocore checks only a few."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from novaforge.guards.errors import RefusedError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.shapes import Problem, check_request

JOB: dict[str, Any] = {
    "TrainingJobName": "nf-sft-0123456789ab",
    "RoleArn": "arn:aws:iam::111122223333:role/NovaForgeExecution",
    "AlgorithmSpecification": {"TrainingImage": "image:1", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out", "CompressionType": "GZIP"},
    "ResourceConfig": {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 4, "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    "HyperParameters": {"base_model": "m"},
    "Tags": [{"Key": "novaforge:plan", "Value": "0" * 64}],
}


def problems(aws: Aws, change: Callable[[dict[str, Any]], object]) -> list[Problem]:
    request = copy.deepcopy(JOB)
    change(request)
    return check_request(aws.client("sagemaker").meta.service_model, "CreateTrainingJob", request)


def test_a_request_that_keeps_the_model_has_no_problem(aws: Aws) -> None:
    assert problems(aws, lambda request: None) == []


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        (lambda r: r.pop("RoleArn"), "$.RoleArn", "is required"),
        (lambda r: r["OutputDataConfig"].pop("S3OutputPath"), "$.OutputDataConfig.S3OutputPath", "is required"),
        (lambda r: r.update(Rolearn="x"), "$.Rolearn", "not a member"),
        (lambda r: r["ResourceConfig"].update(InstanceCount="4"), "$.ResourceConfig.InstanceCount", "an integer"),
        (lambda r: r["ResourceConfig"].update(InstanceCount=True), "$.ResourceConfig.InstanceCount", "an integer"),
        (
            lambda r: r["StoppingCondition"].update(MaxRuntimeInSeconds=0),
            "$.StoppingCondition.MaxRuntimeInSeconds",
            "below the minimum 1",
        ),
        (
            lambda r: r["ResourceConfig"].update(KeepAlivePeriodInSeconds=21601),
            "$.ResourceConfig.KeepAlivePeriodInSeconds",
            "above the maximum 21600",
        ),
        (lambda r: r.update(TrainingJobName="n" * 64), "$.TrainingJobName", "above the maximum 63"),
        (lambda r: r.update(TrainingJobName="nf_sft"), "$.TrainingJobName", "does not match"),
        (lambda r: r["OutputDataConfig"].update(S3OutputPath="/tmp/out"), "$.OutputDataConfig.S3OutputPath", "match"),
        (lambda r: r["ResourceConfig"].update(InstanceType="ml.p9.big"), "$.ResourceConfig.InstanceType", "not one of"),
        (lambda r: r["Tags"][0].update(Key="bad\nkey"), "$.Tags[0].Key", "does not match"),
        (lambda r: r["HyperParameters"].update(steps=10), "$.HyperParameters.steps", "must be a string"),
        (lambda r: r.update(RoleArn=None), "$.RoleArn", "is null"),
    ],
)
def test_each_broken_constraint_is_named_with_its_place(
    aws: Aws, change: Callable[[dict[str, Any]], object], path: str, said: str
) -> None:
    found = problems(aws, change)
    assert {problem.path for problem in found} == {path}
    assert said in found[0].message


def test_all_problems_of_a_request_are_told_at_once_and_nothing_is_sent(aws: Aws) -> None:
    request = JOB | {"TrainingJobName": "-", "RoleArn": "me"}
    with pytest.raises(RefusedError, match=r"\$\.TrainingJobName.*\$\.RoleArn") as raised:
        aws.call("sagemaker", "create_training_job", **request)
    assert len(raised.value.data["problems"]) >= 2
