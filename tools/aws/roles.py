"""Read IAM roles: who may use them."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from novaforge.guards.errors import AwsError, InputError, NotFoundError
from novaforge.guards.findings import Fact, Finding, known, not_checked
from novaforge.guards.text import one_line
from novaforge.tools.context import ToolContext

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
"""RoleName in IAM's service model."""


@dataclass(frozen=True)
class RoleCheck:
    """A role's ARN, the fact that it was read, and what stands against using it."""

    arn: str
    fact: Fact
    findings: list[Finding]

    @property
    def usable(self) -> bool:
        """Whether the role was read and nothing stands against it."""
        return self.fact.known and not self.findings


def role_name(role: str) -> str:
    """Return the bare name of a role given by name or ARN."""
    return role.rsplit("/", 1)[-1]


def role_arn(ctx: ToolContext, role: str) -> str:
    """Return the ARN of a role given by name or ARN; raises InputError for an ARN of anything else."""
    if not _NAME.fullmatch(role_name(role)):
        raise InputError(
            f"{one_line(role)} cannot be a role.", field="role", value=role, fix="give a role's name or ARN"
        )
    if not role.startswith("arn:"):
        principal = ctx.aws.principal()
        return f"arn:{partition(principal.arn)}:iam::{principal.account}:role/{role}"
    if ":role/" not in role:
        raise InputError(f"{role} is not the ARN of a role.", field="role", value=role, fix="give a role's name or ARN")
    return role


def partition(arn: str) -> str:
    """Return the partition of an ARN, such as aws or aws-cn."""
    parts = arn.split(":")
    return parts[1] if len(parts) > 1 and parts[1] else "aws"


def check_role(ctx: ToolContext, role: str, service: str) -> RoleCheck:
    """Check that a role exists and that an AWS service such as lambda.amazonaws.com may assume it (rule PL8)."""
    arn, name = role_arn(ctx, role), role_name(role)
    shown = one_line(name)
    try:
        found = ctx.aws.call("iam", "get_role", RoleName=name)["Role"]
    except NotFoundError:
        return RoleCheck(
            arn, known("role", None, "iam:GetRole"), [_block(f"there is no role {shown}", "name another role")]
        )
    except AwsError as error:
        finding = Finding(rule="PL8", severity="not_checked", message=f"role {shown}: {error.message}", fix=error.fix)
        return RoleCheck(arn, not_checked("role", error.message, "iam:GetRole"), [finding])
    fact = known("role", found["Arn"], "iam:GetRole")
    if role.startswith("arn:") and found["Arn"] != role:
        # Looked up by name alone: a role of another account or path must not pass for this one.
        fix = f"this account's role of that name is {found['Arn']}"
        return RoleCheck(arn, fact, [_block(f"there is no role {one_line(role)} in this account", fix)])
    if trusts(found.get("AssumeRolePolicyDocument"), service):
        return RoleCheck(found["Arn"], fact, [])
    fix = f"add {service} to its trust policy, or name another role"
    return RoleCheck(found["Arn"], fact, [_block(f"{service} may not assume role {shown}", fix)])


def trusts(document: Any, service: str) -> bool:
    """Tell whether a trust policy lets a service assume the role."""
    document = trust_policy(document)
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    listed = statements if isinstance(statements, list) else [statements]
    return any(_allows(statement, service) for statement in listed)


def trust_policy(document: Any) -> Any:
    """Return a trust policy as data, whether it is IAM's URL-encoded JSON still or decoded by boto3 already."""
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _allows(statement: dict[str, Any], service: str) -> bool:
    principal = statement.get("Principal", {})
    services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    actions = {action.lower() for action in _listed(statement.get("Action", []))}
    return (
        statement.get("Effect") == "Allow" and service in services and bool(actions & {"sts:assumerole", "sts:*", "*"})
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _block(message: str, fix: str) -> Finding:
    return Finding(rule="PL8", severity="block", message=message, fix=fix)
