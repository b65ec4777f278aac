"""SageMaker's models, endpoint configurations and endpoints."""

from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox import channels, hosting
from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.hosting import Endpoint, Item
from novaforge.server.sandbox.services import listing
from novaforge.server.sandbox.services.sagemaker_jobs import check_quota, check_role
from novaforge.server.sandbox.wire import Call, invalid

Answer = dict[str, Any]
WORDS = {"model": "model", "endpoint-config": "endpoint configuration", "endpoint": "endpoint"}


def create_model(account: Account, call: Call) -> Answer:
    """CreateModel: the role and the model data must be there."""
    request = call.json()
    if "PrimaryContainer" not in request and "Containers" not in request:
        raise invalid("Either PrimaryContainer or Containers must be given.")
    if "ExecutionRoleArn" not in request:
        raise invalid("ExecutionRoleArn is required.")
    check_role(account, request["ExecutionRoleArn"])
    location = hosting.data_location(request)
    if location:
        _check_data(account, location)
    item = _add(account, account.hosting.models, "model", request["ModelName"], request)
    return {"ModelArn": item.arn}


def describe_model(account: Account, call: Call) -> Answer:
    """DescribeModel."""
    item = _find(account.hosting.models, "model", call.json()["ModelName"])
    return {"EnableNetworkIsolation": False} | _kept(item) | {"ModelArn": item.arn, "CreationTime": item.created}


def delete_model(account: Account, call: Call) -> Answer:
    """DeleteModel."""
    return _remove(account, account.hosting.models, "model", call.json()["ModelName"])


def list_models(account: Account, call: Call) -> Answer:
    """ListModels."""
    rows = [
        {"ModelName": name, "ModelArn": item.arn, "CreationTime": item.created}
        for name, item in list(account.hosting.models.items())
    ]
    return listing.page(call.json(), rows, "Models", "ModelName")


def create_config(account: Account, call: Call) -> Answer:
    """CreateEndpointConfig: every variant's model must exist."""
    request = call.json()
    for variant in request["ProductionVariants"]:
        if "ModelName" not in variant:
            raise invalid("The sandbox plays variants with a ModelName; it does not play inference components yet.")
        _find(account.hosting.models, "model", variant["ModelName"])
        if "InstanceType" not in variant:
            raise invalid("The sandbox plays variants with an InstanceType; it does not play serverless ones.")
    item = _add(account, account.hosting.configs, "endpoint-config", request["EndpointConfigName"], request)
    return {"EndpointConfigArn": item.arn}


def describe_config(account: Account, call: Call) -> Answer:
    """DescribeEndpointConfig."""
    item = _find(account.hosting.configs, "endpoint-config", call.json()["EndpointConfigName"])
    return _kept(item) | {"EndpointConfigArn": item.arn, "CreationTime": item.created}


def delete_config(account: Account, call: Call) -> Answer:
    """DeleteEndpointConfig."""
    return _remove(account, account.hosting.configs, "endpoint-config", call.json()["EndpointConfigName"])


def list_configs(account: Account, call: Call) -> Answer:
    """ListEndpointConfigs."""
    rows = [
        {"EndpointConfigName": name, "EndpointConfigArn": item.arn, "CreationTime": item.created}
        for name, item in list(account.hosting.configs.items())
    ]
    return listing.page(call.json(), rows, "EndpointConfigs", "EndpointConfigName")


def create_endpoint(account: Account, call: Call) -> Answer:
    """CreateEndpoint: it is Creating until its model server answers."""
    request = call.json()
    name = request["EndpointName"]
    config = _find(account.hosting.configs, "endpoint-config", request["EndpointConfigName"]).request
    endpoint = Endpoint(request, hosting.arn("endpoint", name), config=config)
    model = _find(account.hosting.models, "model", endpoint.variant["ModelName"]).request
    with account.lock:
        if name in account.hosting.endpoints:
            raise invalid(f'Cannot create already existing endpoint "{endpoint.arn}".')
        for variant in config["ProductionVariants"]:
            used = account.hosting.instances(variant["InstanceType"])
            wanted = int(variant.get("InitialInstanceCount", 1))
            check_quota(account, variant["InstanceType"], "endpoint", used, wanted)
        account.hosting.endpoints[name] = endpoint
        account.tags[endpoint.arn] = _tags(request)
    account.hosting.launch(endpoint, model)
    return {"EndpointArn": endpoint.arn}


def describe_endpoint(account: Account, call: Call) -> Answer:
    """DescribeEndpoint."""
    endpoint = _endpoint(account, call)
    answer = _summary(endpoint) | {"EndpointConfigName": endpoint.request["EndpointConfigName"]}
    if endpoint.failure:
        answer["FailureReason"] = endpoint.failure
    if endpoint.status == "InService":
        answer["ProductionVariants"] = [_variant(variant) for variant in endpoint.config["ProductionVariants"]]
    return answer


def delete_endpoint(account: Account, call: Call) -> Answer:
    """DeleteEndpoint: it is Deleting until its model server has ended."""
    endpoint = _endpoint(account, call)
    if endpoint.status == "Creating":
        raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    with account.lock:
        account.tags.pop(endpoint.arn, None)
        if endpoint.status == "Failed":
            account.hosting.endpoints.pop(endpoint.name, None)
            endpoint.gone.set()
        endpoint.enter("Deleting")
        endpoint.stop.set()
    return {}


def list_endpoints(account: Account, call: Call) -> Answer:
    """ListEndpoints."""
    rows = [_summary(endpoint) for endpoint in list(account.hosting.endpoints.values())]
    return listing.page(call.json(), rows, "Endpoints", "EndpointName", "EndpointStatus")


def _check_data(account: Account, location: str) -> None:
    """Model data are a checkpoint of the escrow store or objects in S3."""
    if not channels.data_exist(account.moto, account.escrow, location):
        raise invalid(
            f"Could not access model data at {location}. Please ensure that the role and the bucket's policy allow "
            "s3:GetObject, and that the objects exist."
        )


def _add(account: Account, items: dict[str, Item], kind: str, name: str, request: Answer) -> Item:
    item = Item(request, hosting.arn(kind, name))
    with account.lock:
        if name in items:
            raise invalid(f'Cannot create already existing {WORDS[kind]} "{item.arn}".')
        items[name] = item
        account.tags[item.arn] = _tags(request)
    return item


def _find(items: dict[str, Item], kind: str, name: str) -> Item:
    if name not in items:
        raise invalid(f'Could not find {WORDS[kind]} "{hosting.arn(kind, name)}".')
    return items[name]


def _remove(account: Account, items: dict[str, Item], kind: str, name: str) -> Answer:
    with account.lock:
        item = _find(items, kind, name)
        del items[name]
        account.tags.pop(item.arn, None)
    return {}


def _endpoint(account: Account, call: Call) -> Endpoint:
    name = call.json()["EndpointName"]
    if name not in account.hosting.endpoints:
        raise invalid(f'Could not find endpoint "{hosting.arn("endpoint", name)}".')
    return account.hosting.endpoints[name]


def _kept(item: Item) -> Answer:
    return {key: value for key, value in item.request.items() if key != "Tags"}


def _tags(request: Answer) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def _summary(endpoint: Endpoint) -> Answer:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "EndpointStatus": endpoint.status,
    }


def _variant(variant: Answer) -> Answer:
    count, weight = int(variant.get("InitialInstanceCount", 1)), float(variant.get("InitialVariantWeight", 1.0))
    return {
        "VariantName": variant["VariantName"],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


OPERATIONS: dict[str, Callable[[Account, Call], Answer]] = {
    "CreateModel": create_model,
    "DescribeModel": describe_model,
    "DeleteModel": delete_model,
    "ListModels": list_models,
    "CreateEndpointConfig": create_config,
    "DescribeEndpointConfig": describe_config,
    "DeleteEndpointConfig": delete_config,
    "ListEndpointConfigs": list_configs,
    "CreateEndpoint": create_endpoint,
    "DescribeEndpoint": describe_endpoint,
    "DeleteEndpoint": delete_endpoint,
    "ListEndpoints": list_endpoints,
}
