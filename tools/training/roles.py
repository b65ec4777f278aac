"""The execution role: does it exist, does SageMaker may use it, and may it do what the job needs."""

from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import AwsError, ConfigError, NotFoundError
from novaforge.guards.findings import Fact, known, not_checked
from novaforge.guards.plan import DIGEST12_TOKEN
from novaforge.guards.rules.facts import Known, RoleFacts, Seen, Unknown
from novaforge.guards.values import JsonObject, canonical_json, sha256_text
from novaforge.tools.aws.roles import role_arn, role_name, trust_policy, trusts
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.context import ToolContext

SERVICE = "sagemaker.amazonaws.com"


@dataclass(frozen=True)
class Right:
    """One action on one resource that the job needs."""

    action: str
    resource: str


def execution_role(ctx: ToolContext, role: str | None) -> str:
    """Return the ARN of a role given by name or ARN, or of the server's default role.

    Raises ConfigError when there is neither, InputError for an ARN that is not a role's.
    """
    given = role or ctx.mode.default_role
    if not given:
        raise ConfigError(
            "No execution role is given and the server has no default.",
            fix="pass role=<name or ARN>: a role that trusts sagemaker.amazonaws.com",
        )
    return role_arn(ctx, given)


def read_role(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return id and trust policy hash of a role, or None when it is gone: a plan's precondition."""
    try:
        role = ctx.aws.call("iam", "get_role", RoleName=role_name(str(target["arn"])))["Role"]
    except NotFoundError:
        return None
    trust = trust_policy(role.get("AssumeRolePolicyDocument", {}))
    return {"arn": role["Arn"], "role_id": role["RoleId"], "trust": sha256_text(canonical_json(trust))}


def look_at_role(ctx: ToolContext, arn: str, needs: list[Right]) -> tuple[RoleFacts, Fact, str]:
    """Return what IAM says about a role, the same as a plan's fact, and its true ARN (with its path)."""
    try:
        role = ctx.aws.call("iam", "get_role", RoleName=role_name(arn))["Role"]
    except NotFoundError:
        return RoleFacts(arn, exists=Known(False)), known("role", {"arn": arn, "exists": False}, "iam:GetRole"), arn
    except AwsError as error:
        unknown = Unknown(f"the role cannot be read ({error.code})")
        return RoleFacts(arn, unknown, unknown, unknown), not_checked("role", error.message, "iam:GetRole"), arn
    true_arn = str(role["Arn"])
    if arn.startswith("arn:") and arn.split(":")[4] != true_arn.split(":")[4]:
        return _foreign(arn)
    trusted = trusts(role.get("AssumeRolePolicyDocument"), SERVICE)
    denied = denied_rights(ctx, true_arn, needs)
    facts = RoleFacts(true_arn, Known(True), Known(trusted), denied)
    value: JsonObject = {"arn": true_arn, "trusts_sagemaker": trusted}
    if isinstance(denied, Known):
        value["denied"] = list(denied.value)
        value["simulated"] = len(needs)
    else:
        value["rights"] = f"not checked: {denied.reason}"
    return facts, known("role", value, "iam:GetRole, iam:SimulatePrincipalPolicy"), true_arn


def _foreign(arn: str) -> tuple[RoleFacts, Fact, str]:
    """A role of another account cannot be read from here."""
    reason = "the role belongs to another account"
    return RoleFacts(arn, Unknown(reason), Unknown(reason), Unknown(reason)), not_checked("role", reason), arn


def denied_rights(ctx: ToolContext, arn: str, needs: list[Right]) -> Seen[tuple[str, ...]]:
    """Return the needed rights a role lacks, from one simulation of all of them."""
    actions = sorted({right.action for right in needs})
    resources = sorted({right.resource for right in needs})
    try:
        answer = ctx.aws.call(
            "iam",
            "simulate_principal_policy",
            PolicySourceArn=arn,
            ActionNames=actions,
            ResourceArns=resources,
            MaxItems=1000,
        )
    except AwsError as error:
        return Unknown(f"the role's rights cannot be simulated ({error.code})")
    decisions = _decisions(answer.get("EvaluationResults", []))
    missing = [right for right in needs if right not in decisions]
    if missing:
        return Unknown(f"the simulation says nothing of {missing[0].action} on {missing[0].resource}")
    denied = [right for right in needs if not decisions[right]]
    return Known(tuple(f"{right.action} on {right.resource}" for right in denied))


def s3_rights(reads: list[str], output: str) -> list[Right]:
    """Return what a job needs on S3: to list and read its inputs, and to list and write below its output."""
    rights: list[Right] = []
    for uri in reads:
        # Any name of the right form will do: what counts is where it lies.
        bucket, key = split_s3(uri.replace(DIGEST12_TOKEN, "0" * 12))
        rights += [Right("s3:ListBucket", _s3(bucket)), Right("s3:GetObject", f"{_s3(bucket)}/{key}")]
    bucket, key = split_s3(output)
    prefix = f"{key.rstrip('/')}/" if key else ""
    rights += [
        Right("s3:ListBucket", _s3(bucket)),
        Right("s3:PutObject", f"{_s3(bucket)}/{prefix}job/output/output.tar.gz"),
    ]
    return list(dict.fromkeys(rights))


def _s3(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def _decisions(results: list[dict[str, Any]]) -> dict[Right, bool]:
    """Return allowed or not per action and resource, from either form in which IAM answers."""
    found: dict[Right, bool] = {}
    for result in results:
        action, decision = str(result["EvalActionName"]), str(result["EvalDecision"])
        resource = str(result.get("EvalResourceName", "*"))
        found[Right(action, resource)] = decision == "allowed"
        for specific in result.get("ResourceSpecificResults", []):
            right = Right(action, str(specific["EvalResourceName"]))
            found[right] = str(specific["EvalResourceDecision"]) == "allowed"
    return found
