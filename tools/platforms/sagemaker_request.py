"""The CreateTrainingJob request of a Nova job, field by field as AWS's own SDK sends it, with our limits added."""

from typing import Any

from pydantic import JsonValue

from novaforge.guards.plan import DIGEST12_TOKEN, AwsStep, CreatedResource, Probe, Step, UploadStep
from novaforge.guards.values import JsonObject, sha256_text
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.plans.names import slug
from novaforge.tools.platforms.base import JobOrder

RECIPE_PATH = "/opt/ml/input/data/recipe/recipe.yaml"
VOLUME_GB = 30
CHANNEL_TYPES = {"SFT_LORA": "Converse"}
"""S3DataType of a method's data channels; every other method reads S3Prefix."""


def job_name(name: str) -> str:
    """Return the training job name: a readable part and the plan's digest, filled in when sent."""
    return f"nf-{slug(name)}-{DIGEST12_TOKEN}"


def own_prefix(output: str) -> str:
    """Return the fresh prefix of a plan's uploads, in the bucket of its output."""
    return f"s3://{split_s3(output)[0]}/novaforge/{DIGEST12_TOKEN}"


def render_job(order: JobOrder) -> list[Step]:
    """Return the upload of the recipe and the call that starts the job."""
    prefix = own_prefix(order.output)
    kind = CHANNEL_TYPES.get(order.method, "S3Prefix")
    channels = [channel(name, uri, kind) for name, uri in order.inputs]
    request = training_request(order, [*channels, recipe_channel(prefix)])
    recipe = UploadStep(
        name="upload recipe.yaml",
        uri=recipe_uri(prefix),
        text=order.recipe,
        sha256=sha256_text(order.recipe),
        bytes=len(order.recipe.encode("utf-8")),
    )
    return [recipe, job_step(request)]


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


def training_request(order: JobOrder, channels: list[JsonObject]) -> JsonObject:
    """Return the request; always with a runtime limit, without a warm pool, and tagged."""
    told = {**hyperparameters(order.start, order.reward_arn), "sagemaker_recipe_local_path": RECIPE_PATH}
    values: dict[str, Any] = {
        "TrainingJobName": job_name(order.name),
        "RoleArn": order.role_arn,
        "AlgorithmSpecification": {"TrainingImage": order.image, "TrainingInputMode": "File"},
        "HyperParameters": told,
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": order.output, "CompressionType": "GZIP"},
        "ResourceConfig": {
            "InstanceType": order.instance_type,
            "InstanceCount": order.instance_count,
            "VolumeSizeInGB": VOLUME_GB,
            "KeepAlivePeriodInSeconds": 0,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": order.max_runtime_s},
        "Tags": order.tags,
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
