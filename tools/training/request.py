"""The CreateTrainingJob request of a Nova job, field by field as AWS's own SDK sends it, with our limits added."""

from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import InputError
from novaforge.guards.plan import DIGEST12_TOKEN, AwsStep, CreatedResource, Probe
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.storage import split_s3

RECIPE_PATH = "/opt/ml/input/data/recipe/recipe.yaml"
VOLUME_GB = 30
NAME_MAX = 63
SLUG_MAX = NAME_MAX - len("nf--") - 12


def slug(name: str) -> str:
    """Return a name fit for a job: letters, digits and single hyphens, at most 47 characters.

    Raises InputError when nothing of it is left.
    """
    kept = "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in name)
    short = "-".join(part for part in kept.split("-") if part)[:SLUG_MAX].strip("-")
    if not short:
        raise InputError("The name has no letter or digit.", field="name", value=name, fix="use letters and digits")
    return short


def job_name(name: str) -> str:
    """Return the training job name: a readable part and the plan's digest, filled in when sent."""
    return f"nf-{slug(name)}-{DIGEST12_TOKEN}"


def own_prefix(output: str) -> str:
    """Return the fresh prefix of a plan's uploads, in the bucket of its output."""
    return f"s3://{split_s3(output)[0]}/novaforge/{DIGEST12_TOKEN}"


def recipe_uri(prefix: str) -> str:
    """Return where a plan's recipe is uploaded."""
    return f"{prefix}/recipe/recipe.yaml"


def channel(name: str, uri: str, data_type: str) -> JsonObject:
    """Return one input channel, fully replicated to every node."""
    source: JsonObject = {"S3DataType": data_type, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def recipe_channel(prefix: str) -> JsonObject:
    """Return the channel that carries recipe.yaml; the SDK too names the object, which is a prefix of itself."""
    return {**channel("recipe", recipe_uri(prefix), "S3Prefix"), "InputMode": "File"}


def training_request(
    *,
    name: str,
    role_arn: str,
    image: str,
    hyperparameters: dict[str, str],
    channels: list[JsonObject],
    output: str,
    instance_type: str,
    instance_count: int,
    max_runtime_s: int,
    tags: list[JsonObject],
) -> JsonObject:
    """Return the request; always with a runtime limit, without a warm pool, and tagged."""
    values: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": role_arn,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "HyperParameters": {**hyperparameters, "sagemaker_recipe_local_path": RECIPE_PATH},
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": output, "CompressionType": "GZIP"},
        "ResourceConfig": {
            "InstanceType": instance_type,
            "InstanceCount": instance_count,
            "VolumeSizeInGB": VOLUME_GB,
            "KeepAlivePeriodInSeconds": 0,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime_s},
        "Tags": tags,
    }
    return values


def hyperparameters(base: str, reward_arn: str | None) -> dict[str, str]:
    """Return what the container is told beside the recipe: the model it starts from, and the reward function."""
    start = {"base_model_location": base} if base.startswith("s3://") else {"base_model": base}
    return start | ({"reward_lambda_arn": reward_arn} if reward_arn else {})


def job_step(request: JsonObject) -> AwsStep:
    """Return the step that starts a job, and how to find the job it may have started already."""
    name: JsonValue = request["TrainingJobName"]
    return AwsStep(
        name="start the job",
        service="sagemaker",
        operation="create_training_job",
        request=request,
        bills=True,
        creates=CreatedResource(
            kind="sagemaker:training-job",
            name=str(name),
            delete_with="stop_job while it runs; an ended job bills nothing",
        ),
        probe=Probe(operation="describe_training_job", request={"TrainingJobName": name}, arn_path="TrainingJobArn"),
    )
