"""What a role may do: its policies, read from IAM, evaluated as IAM evaluates them."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.inner import Moto
from novaforge.server.sandbox.jobs import JobFailure

Document = dict[str, Any]


@dataclass(frozen=True)
class Policy:
    """One policy as SimulatePrincipalPolicy names it."""

    name: str
    kind: str
    document: Document


@dataclass
class Decision:
    """The outcome for one action on one resource."""

    outcome: str
    matched: list[Policy] = field(default_factory=list[Policy])
    missing: set[str] = field(default_factory=set[str])


def decide(policies: list[Policy], action: str, resource: str, context: dict[str, list[str]]) -> Decision:
    """Evaluate policies: an explicit deny wins, then an allow, else it is an implicit deny."""
    missing: set[str] = set()
    matched: dict[str, list[Policy]] = {"Allow": [], "Deny": []}
    for policy in policies:
        for statement in _listed(policy.document.get("Statement", [])):
            if _applies(statement, action, resource) and _conditions_hold(statement, context, missing):
                matched[statement.get("Effect", "")].append(policy)
    if matched["Deny"]:
        return Decision("explicitDeny", matched["Deny"], missing)
    return Decision("allowed" if matched["Allow"] else "implicitDeny", matched["Allow"], missing)


def role_policies(moto: Moto, name: str) -> list[Policy]:
    """Return the inline and attached policies of a role; raises the client's NoSuchEntityException."""
    iam = moto.client("iam")
    found = [
        Policy(policy, "role", iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        found.append(_managed(iam, attached["PolicyArn"]))
    return found


def role_decision(
    moto: Moto, name: str, action: str, resource: str, context: dict[str, list[str]] | None = None
) -> Decision:
    """Decide for a role, its permissions boundary included."""
    iam = moto.client("iam")
    found = decide(role_policies(moto, name), action, resource, context or {})
    boundary = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary")
    if not boundary or found.outcome != "allowed":
        return found
    bound = decide([_managed(iam, boundary["PermissionsBoundaryArn"])], action, resource, context or {})
    return found if bound.outcome == "allowed" else Decision(bound.outcome, bound.matched, bound.missing)


def trusts(document: Document, service: str) -> bool:
    """Tell whether a trust policy lets a service assume the role."""
    for statement in _listed(document.get("Statement", [])):
        principal = statement.get("Principal", {})
        services = ["*"] if principal == "*" else _listed(principal.get("Service", []))
        if statement.get("Effect") == "Allow" and (service in services or "*" in services):
            return True
    return False


def assumable(moto: Moto, role_arn: str, service: str) -> bool:
    """Tell whether a role exists under exactly this ARN and lets a service assume it."""
    client = moto.client("iam")
    try:
        role = client.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    except client.exceptions.NoSuchEntityException:
        return False
    return bool(role["Arn"] == role_arn) and trusts(role["AssumeRolePolicyDocument"], service)


def require(account: Account, role_arn: str, action: str, resource: str) -> None:
    """Raise JobFailure when a job's role may not do something."""
    name = role_arn.rpartition("/")[2]
    client = account.moto.client("iam")
    try:
        outcome = role_decision(account.moto, name, action, resource).outcome
    except client.exceptions.NoSuchEntityException:
        outcome = "implicitDeny"  # the role was deleted while the job ran
    if outcome != "allowed":
        reason = "with an explicit deny" if outcome == "explicitDeny" else "because no identity-based policy allows it"
        raise JobFailure(
            f"ClientError: AccessDeniedException: {role_arn} is not authorized to perform: {action} "
            f"on resource: {resource} {reason}"
        )


def _managed(iam: Any, arn: str) -> Policy:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    kind = "aws-managed" if arn.startswith("arn:aws:iam::aws:") else "user-managed"
    return Policy(arn.rpartition("/")[2], kind, document)


def _applies(statement: Document, action: str, resource: str) -> bool:
    if "NotAction" in statement:
        acts = not _any(statement["NotAction"], action, re.IGNORECASE)
    else:
        acts = _any(statement.get("Action", []), action, re.IGNORECASE)
    if "NotResource" in statement:
        return acts and not _any(statement["NotResource"], resource, 0)
    return acts and _any(statement.get("Resource", []), resource, 0)


def _any(patterns: Any, value: str, flags: int) -> bool:
    return any(_wildcard(pattern, flags).fullmatch(value) for pattern in _listed(patterns))


@lru_cache(maxsize=4096)
def _wildcard(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(ch, re.escape(ch)) for ch in pattern), flags | re.DOTALL)


def _conditions_hold(statement: Document, context: dict[str, list[str]], missing: set[str]) -> bool:
    held = True
    for operator, demands in statement.get("Condition", {}).items():
        for key, wanted in demands.items():
            given = context.get(key.lower())
            if given is None:
                missing.add(key)
            held &= _condition(operator, [str(item) for item in _listed(wanted)], given)
    return held


def _condition(operator: str, wanted: list[str], given: list[str] | None) -> bool:
    """Evaluate one condition; an operator not known here does not hold, so it never widens an allow."""
    name = operator.rpartition(":")[2].lower()
    if name == "null":
        return (given is None) == (wanted[0].lower() == "true")
    optional = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    negated = "not" in name
    if given is None:
        return optional or negated
    like = name.replace("not", "") in {"stringlike", "arnlike", "arnequals"}
    if not like and name.replace("not", "") not in {"stringequals", "bool", "stringequalsignorecase"}:
        return False
    flags = re.IGNORECASE if name == "bool" or name.endswith("ignorecase") else 0
    hit = any(_any(wanted, item, flags) if like else _equal(wanted, item, flags) for item in given)
    return hit != negated


def _equal(wanted: list[str], item: str, flags: int) -> bool:
    return item.lower() in [value.lower() for value in wanted] if flags else item in wanted


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def object_arn(moto: Moto, uri: str) -> str:
    """Return the ARN of the first object below an S3 URI, or of the URI itself when there is none."""
    from novaforge.server.sandbox.channels import objects, split  # here: channels and this module know each other

    bucket, key = split(uri)
    keys = objects(moto, uri)
    return f"arn:aws:s3:::{bucket}/{keys[0] if keys else key}"
