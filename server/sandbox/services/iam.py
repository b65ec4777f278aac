"""IAM's policy simulation and STS's caller; everything else of both is moto's."""

from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.services import permissions
from novaforge.server.sandbox.settings import ACCESS_KEY, ACCOUNT
from novaforge.server.sandbox.wire import AwsFault, Call, Reply

Answer = dict[str, Any]


def simulate(account: Account, call: Call) -> Answer:
    """SimulatePrincipalPolicy: one result for each action on each resource."""
    source = call.params.get("PolicySourceArn", "")
    name = source.rpartition("/")[2]
    context = _context(call.params)
    actions, resources = _members(call.params, "ActionNames"), _members(call.params, "ResourceArns") or ["*"]
    if ":role/" not in source:
        raise AwsFault("InvalidInput", f"The sandbox simulates roles only, not {source}.")
    client = account.moto.client("iam")
    try:
        results = [
            _result(action, resource, permissions.role_decision(account.moto, name, action, resource, context))
            for action in actions
            for resource in resources
        ]
    except client.exceptions.NoSuchEntityException as error:
        raise AwsFault("NoSuchEntity", f"The role with name {name} cannot be found.", 404) from error
    return {"EvaluationResults": results, "IsTruncated": False}


def caller(account: Account, call: Call) -> Answer | Reply:
    """GetCallerIdentity for the sandbox's own credentials; moto knows keys it has made."""
    if call.access_key != ACCESS_KEY:
        return Reply(*account.moto(call.environ))
    return {"UserId": "AIDASANDBOX", "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/sandbox"}


def _result(action: str, resource: str, decision: permissions.Decision) -> Answer:
    matched = [{"SourcePolicyId": policy.name, "SourcePolicyType": policy.kind} for policy in decision.matched]
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision.outcome,
        "MatchedStatements": matched,
        "MissingContextValues": sorted(decision.missing),
    }


def _context(params: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    number = 1
    while f"ContextEntries.member.{number}.ContextKeyName" in params:
        prefix = f"ContextEntries.member.{number}."
        found[params[prefix + "ContextKeyName"].lower()] = _members(params, prefix + "ContextKeyValues")
        number += 1
    return found


def _members(params: dict[str, str], name: str) -> list[str]:
    """Return a list of the query protocol: Name.member.1, Name.member.2, ..."""
    found: list[str] = []
    while f"{name}.member.{len(found) + 1}" in params:
        found.append(params[f"{name}.member.{len(found) + 1}"])
    return found


OPERATIONS: dict[str, Callable[[Account, Call], Answer | Reply]] = {"SimulatePrincipalPolicy": simulate}
STS_OPERATIONS: dict[str, Callable[[Account, Call], Answer | Reply]] = {"GetCallerIdentity": caller}
