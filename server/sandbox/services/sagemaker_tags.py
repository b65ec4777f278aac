"""Tags of the SageMaker resources the sandbox holds itself; moto keeps those of the others."""

from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.wire import Call, Reply, invalid

Answer = dict[str, Any]
MAX_TAGS = 50
OURS = {"training-job", "model", "endpoint-config", "endpoint"}


def add(account: Account, call: Call) -> Answer | Reply:
    """AddTags: new values replace old ones of the same key."""
    request = call.json()
    tags = _tags(account, request["ResourceArn"])
    if tags is None:
        return Reply(*account.moto(call.environ))
    with account.lock:
        merged = tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(merged) > MAX_TAGS:
            raise invalid(f"A resource can have at most {MAX_TAGS} tags.")
        tags.update(merged)
    return {"Tags": _listed(tags)}


def list_tags(account: Account, call: Call) -> Answer | Reply:
    """ListTags."""
    tags = _tags(account, call.json()["ResourceArn"])
    return Reply(*account.moto(call.environ)) if tags is None else {"Tags": _listed(tags)}


def delete(account: Account, call: Call) -> Answer | Reply:
    """DeleteTags."""
    request = call.json()
    tags = _tags(account, request["ResourceArn"])
    if tags is None:
        return Reply(*account.moto(call.environ))
    with account.lock:
        for key in request["TagKeys"]:
            tags.pop(key, None)
    return {}


def _tags(account: Account, arn: str) -> dict[str, str] | None:
    """Return the tags of one of our resources; None when its kind is moto's."""
    kind = arn.rpartition(":")[2].partition("/")[0]
    if kind not in OURS:
        return None
    if arn not in account.tags:
        raise invalid(f"Requested resource not found: {arn}")
    return account.tags[arn]


def _listed(tags: dict[str, str]) -> list[Answer]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


OPERATIONS: dict[str, Callable[[Account, Call], Answer | Reply]] = {
    "AddTags": add,
    "ListTags": list_tags,
    "DeleteTags": delete,
}
