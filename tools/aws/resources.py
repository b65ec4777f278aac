"""Look at a resource of a kind we make: whether it is there, its ARN, its state and the plan it is tagged with."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, JsonValue

from novaforge.guards.errors import InputError, NotFoundError
from novaforge.guards.values import Frozen, JsonObject, Utc, canonical_json, sha256_text
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.context import ToolContext

PLAN_TAG = "novaforge:plan"
BLOCK_BYTES = 1024 * 1024


class Seen(Frozen):
    """A resource as AWS describes it now; `parts` is what has to go before it can be deleted."""

    arn: str
    plan_tag: str | None
    status: str = ""
    created_at: Utc | None = None
    parts: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])


def look(ctx: ToolContext, kind: str, name: str) -> Seen | None:
    """Return a resource, or None when AWS says it does not exist; raises AwsError when AWS does not say."""
    if kind not in _LOOKERS:
        raise InputError(f"{kind!r} is no kind of resource this server makes.", field="kind", value=kind)
    try:
        return _LOOKERS[kind](ctx, name)
    except NotFoundError:
        return None


def read_resource(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return for a precondition what must not move before a deletion: whether it is there, whose it is, what hangs on it."""
    seen = look(ctx, str(target["kind"]), str(target["name"]))
    if seen is None:
        return {"exists": False}
    parts: dict[str, JsonValue] = {key: list(values) for key, values in seen.parts.items()}
    return {"exists": True, "tag": seen.plan_tag, **parts}


def read_absent(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return for a precondition whether a name is still free."""
    return look(ctx, str(target["kind"]), str(target["name"])) is None


def read_objects(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return for a precondition how many objects and bytes lie below a prefix, and a hash over all of them."""
    return listing(objects(ctx, str(target["uri"])))


def read_content(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return the size and the hex SHA-256 of an object's bytes."""
    size, digest = 0, hashlib.sha256()
    with ctx.storage.open(str(target["uri"])) as stream:
        while block := stream.read(BLOCK_BYTES):
            size += len(block)
            digest.update(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def objects(ctx: ToolContext, prefix: str) -> list[JsonObject]:
    """Return every object below a prefix as {key, bytes, etag}, in key order."""
    bucket, key = split_s3(prefix)
    found = ctx.aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=key)
    return [{"key": item["Key"], "bytes": int(item["Size"]), "etag": item["ETag"].strip('"')} for item in found]


def listing(found: Iterable[JsonObject]) -> JsonObject:
    """Return the count, the bytes and a hash of listed objects."""
    items: list[JsonValue] = [*found]
    size = sum(int(item["bytes"]) for item in items if isinstance(item, dict) and isinstance(item["bytes"], int))
    return {"objects": len(items), "bytes": size, "sha256": sha256_text(canonical_json(items))}


def _endpoint(ctx: ToolContext, name: str) -> Seen:
    found = ctx.aws.call("sagemaker", "describe_endpoint", EndpointName=name)
    parts = {"config": [found["EndpointConfigName"]]} if "EndpointConfigName" in found else {}
    return _sagemaker(ctx, found, "EndpointArn", status=found["EndpointStatus"], parts=parts)


def _endpoint_config(ctx: ToolContext, name: str) -> Seen:
    found = ctx.aws.call("sagemaker", "describe_endpoint_config", EndpointConfigName=name)
    return _sagemaker(ctx, found, "EndpointConfigArn")


def _model(ctx: ToolContext, name: str) -> Seen:
    return _sagemaker(ctx, ctx.aws.call("sagemaker", "describe_model", ModelName=name), "ModelArn")


def _training_job(ctx: ToolContext, name: str) -> Seen:
    found = ctx.aws.call("sagemaker", "describe_training_job", TrainingJobName=name)
    return _sagemaker(ctx, found, "TrainingJobArn", status=found["TrainingJobStatus"])


def _sagemaker(
    ctx: ToolContext, found: dict[str, Any], arn_key: str, status: str = "", parts: dict[str, list[str]] | None = None
) -> Seen:
    arn = str(found[arn_key])
    try:
        tags = list(ctx.aws.pages("sagemaker", "list_tags", "Tags", ResourceArn=arn))
    except NotFoundError:
        tags = []  # a resource being deleted may lose its tags first; it is there all the same
    created = _utc(found.get("CreationTime"))
    return Seen(arn=arn, plan_tag=_plan_tag(tags), status=status, created_at=created, parts=parts or {})


def _function(ctx: ToolContext, name: str) -> Seen:
    found = ctx.aws.call("lambda", "get_function", FunctionName=name)
    config = found["Configuration"]
    tag = found.get("Tags", {}).get(PLAN_TAG)
    return Seen(arn=config["FunctionArn"], plan_tag=tag, status=config.get("State", ""))


def _role(ctx: ToolContext, name: str) -> Seen:
    role = ctx.aws.call("iam", "get_role", RoleName=name)["Role"]
    tags = role.get("Tags") or list(ctx.aws.pages("iam", "list_role_tags", "Tags", RoleName=name))
    attached = ctx.aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    profiles = ctx.aws.pages("iam", "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name)
    parts = {
        "attached": sorted(policy["PolicyArn"] for policy in attached),
        "inline": sorted(_inline(ctx, name)),
        "profiles": sorted(profile["InstanceProfileName"] for profile in profiles),
    }
    return Seen(arn=role["Arn"], plan_tag=_plan_tag(tags), created_at=_utc(role.get("CreateDate")), parts=parts)


def _instance_profile(ctx: ToolContext, name: str) -> Seen:
    found = ctx.aws.call("iam", "get_instance_profile", InstanceProfileName=name)["InstanceProfile"]
    roles = sorted(role["RoleName"] for role in found.get("Roles", []))
    return Seen(arn=found["Arn"], plan_tag=_plan_tag(found.get("Tags", [])), parts={"roles": roles})


def _inline(ctx: ToolContext, name: str) -> Iterable[str]:
    # Names, not objects: this list operation has no member to take apart.
    return (str(policy) for policy in ctx.aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=name))


def _plan_tag(tags: Iterable[dict[str, Any]]) -> str | None:
    return next((str(tag["Value"]) for tag in tags if tag.get("Key") == PLAN_TAG), None)


def _utc(value: Any) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


_LOOKERS: dict[str, Callable[[ToolContext, str], Seen]] = {
    "sagemaker:endpoint": _endpoint,
    "sagemaker:endpoint-config": _endpoint_config,
    "sagemaker:model": _model,
    "sagemaker:training-job": _training_job,
    "lambda:function": _function,
    "iam:role": _role,
    "iam:instance-profile": _instance_profile,
}
