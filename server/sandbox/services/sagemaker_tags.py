"""Tags of the SageMaker resources the sandbox holds itself; moto keeps those of the others."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from novaforge.server.sandbox.wire import Call, Reply, invalid

if TYPE_CHECKING:
    from novaforge.server.sandbox.account import Sandbox

Answer = dict[str, Any]
MAX_TAGS = 50
OURS = {"training-job", "model", "endpoint-config", "endpoint"}


def add(sandbox: "Sandbox", call: Call) -> Answer | Reply:
    """AddTags: new values replace old ones of the same key."""
    request = call.json()
    tags = _tags(sandbox, request["ResourceArn"])
    if tags is None:
        return Reply(*sandbox.moto(call.environ))
    with sandbox.lock:
        merged = tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(merged) > MAX_TAGS:
            raise invalid(f"A resource can have at most {MAX_TAGS} tags.")
        tags.update(merged)
    return {"Tags": _listed(tags)}


def list_tags(sandbox: "Sandbox", call: Call) -> Answer | Reply:
    """ListTags."""
    tags = _tags(sandbox, call.json()["ResourceArn"])
    return Reply(*sandbox.moto(call.environ)) if tags is None else {"Tags": _listed(tags)}


def delete(sandbox: "Sandbox", call: Call) -> Answer | Reply:
    """DeleteTags."""
    request = call.json()
    tags = _tags(sandbox, request["ResourceArn"])
    if tags is None:
        return Reply(*sandbox.moto(call.environ))
    with sandbox.lock:
        for key in request["TagKeys"]:
            tags.pop(key, None)
    return {}


def _tags(sandbox: "Sandbox", arn: str) -> dict[str, str] | None:
    """Return the tags of one of our resources; None when its kind is moto's."""
    kind = arn.split(":")[-1].partition("/")[0]
    if kind not in OURS:
        return None
    if arn not in sandbox.tags:
        raise invalid(f"Requested resource not found: {arn}")
    return sandbox.tags[arn]


def _listed(tags: dict[str, str]) -> list[Answer]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


OPERATIONS: dict[str, Callable[["Sandbox", Call], Answer | Reply]] = {
    "AddTags": add,
    "ListTags": list_tags,
    "DeleteTags": delete,
}
