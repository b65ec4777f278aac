"""The operator's policy: where, on what, as whom and for how much."""

import tomllib
from decimal import Decimal
from typing import Literal

from pydantic import Field, ValidationError

from novaforge.guards.errors import ConfigError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import AwsStep, PlanBody
from novaforge.guards.values import Frozen, Usd, dollars

Tier = Literal["form", "terminal"]

_ROLE_KEYS = ("RoleArn", "ExecutionRoleArn", "Role")
"""Where CreateTrainingJob, CreateModel and CreateFunction take the role that AWS then acts as."""


class Policy(Frozen):
    """Limits set by the operator in a TOML file; empty lists allow anything.

    roles, by name or ARN, are those a plan may hand to AWS; write_prefixes bind transform_dataset.
    """

    regions: tuple[str, ...] = ()
    instance_types: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    write_prefixes: tuple[str, ...] = ()
    max_usd_per_plan: Usd | None = Field(default=None, ge=0)
    max_usd_per_day: Usd | None = Field(default=None, ge=0)
    terminal_above_usd: Usd | None = Field(default=None, ge=0)
    plan_minutes: int = Field(default=30, ge=1)
    approval_minutes: int = Field(default=30, ge=1)
    price_drift_percent: int = Field(default=5, ge=0)


def parse_policy(text: str, source: str) -> Policy:
    """Read a policy from TOML text; raises ConfigError that names the file and the field."""
    try:
        return Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Policy file {source} is not TOML: {error}", fix="correct the file") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))} {_said(item['type'], item['msg'])}" for item in error.errors()
        )
        raise ConfigError(
            f"Policy file {source}: {problems}", fix=f"known keys: {', '.join(Policy.model_fields)}"
        ) from error


def _said(kind: str, message: str) -> str:
    plain = {"extra_forbidden": "is not a key of a policy", "tuple_type": 'must be a list, such as ["us-east-1"]'}
    return plain.get(kind, f"is wrong: {message}")


def tier(policy: Policy, ceiling_usd: Decimal) -> Tier:
    """Say how a person must approve: a form in the client, or only a terminal."""
    limit = policy.terminal_above_usd
    return "terminal" if limit is not None and ceiling_usd > limit else "form"


def check_policy(policy: Policy, plan: PlanBody, spent_today: Decimal) -> list[Finding]:
    """Return one blocking finding for each limit of the policy a plan breaks."""
    found = [
        *_outside("POL-region", "region", policy.regions, [plan.principal.region]),
        *_outside(
            "POL-instance", "instance type", policy.instance_types, [group.instance_type for group in plan.cost.nodes]
        ),
        *_outside("POL-bucket", "bucket", policy.buckets, _buckets(plan)),
        *_outside("POL-role", "role", policy.roles, _foreign_roles(policy, plan)),
    ]
    ceiling = plan.cost.ceiling_usd
    if policy.max_usd_per_plan is not None and ceiling > policy.max_usd_per_plan:
        found.append(
            _over("POL-plan-budget", f"ceiling {dollars(ceiling)} is above the limit per plan", policy.max_usd_per_plan)
        )
    # A plan that costs nothing, such as a cleanup, stays possible when the day's budget is used up: it stops the spending.
    if ceiling > 0 and policy.max_usd_per_day is not None and spent_today + ceiling > policy.max_usd_per_day:
        message = f"today's ceilings {dollars(spent_today)} plus {dollars(ceiling)} pass the limit per day"
        found.append(_over("POL-day-budget", message, policy.max_usd_per_day))
    return found


def _outside(rule: str, what: str, allowed: tuple[str, ...], used: list[str]) -> list[Finding]:
    bad = sorted({value for value in used if allowed and value not in allowed})
    fix = f"use one of: {', '.join(allowed)}"
    return [
        Finding(rule=rule, severity="block", message=f"the policy does not allow {what} {value}", fix=fix)
        for value in bad
    ]


def _over(rule: str, message: str, limit: Decimal) -> Finding:
    return Finding(
        rule=rule,
        severity="block",
        message=f"{message} ({dollars(limit)})",
        fix="lower max_runtime_s or instance_count, or ask the operator to change the policy",
    )


def _buckets(plan: PlanBody) -> list[str]:
    uris = [item.uri for item in plan.inputs] + ([plan.output] if plan.output else [])
    return [uri.removeprefix("s3://").split("/", 1)[0] for uri in uris if uri.startswith("s3://")]


def _foreign_roles(policy: Policy, plan: PlanBody) -> list[str]:
    """Return the roles a plan passes to AWS whose name the policy does not list; one the plan itself makes is such a role."""
    requests = [step.request for step in plan.steps if isinstance(step, AwsStep)]
    passed = [str(request[key]) for request in requests for key in _ROLE_KEYS if key in request]
    return [role for role in passed if role.rsplit("/", 1)[-1] not in policy.roles]
