"""The three calls that make an endpoint, as a plan's steps."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue

from novaforge.guards.plan import DIGEST12_TOKEN, AwsStep, CreatedResource, Probe, Step
from novaforge.guards.values import JsonObject
from novaforge.tools.deployment.machines import Choice

ENDPOINT = "sagemaker:endpoint"
VARIANT = "primary"


def endpoint_steps(
    name: str,
    checkpoint: str,
    image: str,
    environment: Mapping[str, str],
    role_arn: str,
    choice: Choice,
    tags: Sequence[JsonObject],
    until: datetime,
) -> list[Step]:
    """Return the calls in order: model, endpoint configuration, endpoint. Only the last one bills."""
    inner = f"nf-{name}-{DIGEST12_TOKEN}"
    variant: JsonObject = {
        "VariantName": VARIANT,
        "ModelName": inner,
        "InitialInstanceCount": choice.count,
        "InstanceType": choice.instance_type,
    }
    config: JsonObject = {"EndpointConfigName": inner, "ProductionVariants": [variant], "Tags": [*tags]}
    endpoint: JsonObject = {"EndpointName": name, "EndpointConfigName": inner, "Tags": [*tags]}
    return [
        _step("model", "ModelName", _model(inner, checkpoint, image, environment, role_arn, tags), until),
        _step("endpoint_config", "EndpointConfigName", config, until),
        _step("endpoint", "EndpointName", endpoint, until, bills=True),
    ]


def _model(
    name: str, checkpoint: str, image: str, environment: Mapping[str, str], role_arn: str, tags: Sequence[JsonObject]
) -> JsonObject:
    source: JsonObject = {"S3Uri": checkpoint, "S3DataType": "S3Prefix", "CompressionType": "None"}
    container: JsonObject = {
        "Image": image,
        "ModelDataSource": {"S3DataSource": source},
        "Environment": {**environment},
    }
    return {
        "ModelName": name,
        "PrimaryContainer": container,
        "ExecutionRoleArn": role_arn,
        # The Nova inference image runs only without network access.
        "EnableNetworkIsolation": True,
        "Tags": [*tags],
    }


def _step(kind: str, key: str, request: JsonObject, until: datetime, *, bills: bool = False) -> Step:
    name: JsonValue = request[key]
    words = kind.replace("_", " ")
    camel = "".join(part.title() for part in kind.split("_"))
    return AwsStep(
        name=f"create the {words}",
        service="sagemaker",
        operation=f"create_{kind}",
        request=request,
        bills=bills,
        creates=CreatedResource(
            kind=f"sagemaker:{kind.replace('_', '-')}",
            name=str(name),
            delete_with=f"sagemaker:Delete{camel}",
            delete_after=until,
        ),
        probe=Probe(operation=f"describe_{kind}", request={key: name}, arn_path=f"{camel}Arn"),
    )
