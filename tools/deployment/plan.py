"""Plan a SageMaker endpoint for a checkpoint: model, endpoint configuration, endpoint, with its price and its end."""

import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import Cost, PlanBody, Precondition
from novaforge.guards.values import JsonObject
from novaforge.tools.arguments import DeploymentTarget
from novaforge.tools.aws.roles import RoleCheck, check_role
from novaforge.tools.context import ToolContext
from novaforge.tools.deployment.base import Base, find_base
from novaforge.tools.deployment.capacity import check_capacity, image_uri
from novaforge.tools.deployment.environment import container_environment
from novaforge.tools.deployment.lifetime import delete_time, lifetime_finding
from novaforge.tools.deployment.machines import Choice, check_quota, choose, cost_of
from novaforge.tools.deployment.steps import ENDPOINT, endpoint_steps
from novaforge.tools.plans.checks import check_steps
from novaforge.tools.plans.draft import new_plan_id, plan_tags, plan_times, store_plan
from novaforge.tools.plans.free import check_free
from novaforge.tools.plans.preconditions import expect
from novaforge.tools.plans.view import PlanView

SAGEMAKER = "sagemaker.amazonaws.com"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
MAX_NAME = 47
"""Model and configuration add "nf-", a hyphen and twelve digits to the endpoint's name, within SageMaker's 63 characters."""


@dataclass(frozen=True)
class _Draft:
    """Everything an endpoint's requests are made of, and what was found about each part."""

    name: str
    base: Base
    environment: dict[str, str]
    created: datetime
    expires: datetime
    until: datetime
    choice: Choice
    cost: Cost
    role: RoleCheck
    image: str
    findings: list[Finding]


def plan_deployment(
    ctx: ToolContext,
    *,
    base: str,
    target: DeploymentTarget,
    name: str,
    instance_type: str | None = None,
    instance_count: int | None = None,
    environment: dict[str, JsonValue] | None = None,
    delete_after: str | None = None,
    role: str | None = None,
) -> PlanView:
    """Plan an endpoint that serves a checkpoint until `delete_after` (default 4h); AWS itself never ends it.

    Raises InputError for arguments that cannot be rendered, RefusedError for targets and models that do not work yet.
    """
    role = _refuse_early(ctx, target, name, role)
    draft = _draft(ctx, name, base, (instance_type, instance_count), environment, delete_after, role)
    spec: JsonObject = {
        "base": base,
        "target": target,
        "name": name,
        "instance_type": instance_type,
        "instance_count": instance_count,
        "environment": {**draft.environment},
        "delete_after": delete_after,
        "role": role,
    }
    return store_plan(ctx, _body(ctx, draft, target, spec))


def _draft(
    ctx: ToolContext,
    name: str,
    base: str,
    machines: tuple[str | None, int | None],
    environment: dict[str, JsonValue] | None,
    delete_after: str | None,
    role: str,
) -> _Draft:
    found = find_base(ctx, base)
    variables = container_environment(environment)
    created, expires = plan_times(ctx)
    until = delete_time(delete_after, created)
    choice = choose(ctx, found.model, *machines, variables)
    cost, doubts = cost_of(choice, created, until, ctx.clock().date())
    checked = check_role(ctx, role, SAGEMAKER)
    capacity = check_capacity(found.model, choice.instance_type, variables)
    findings = [*found.findings, *capacity, *doubts, *checked.findings, lifetime_finding(until, choice.usd_per_hour)]
    image = image_uri(ctx.aws.region)
    return _Draft(name, found, variables, created, expires, until, choice, cost, checked, image, findings)


def _body(ctx: ToolContext, draft: _Draft, target: DeploymentTarget, spec: JsonObject) -> PlanBody:
    name, found, choice = draft.name, draft.base, draft.choice
    tags = plan_tags(ctx, draft.cost.ceiling_usd, draft.until)
    steps = endpoint_steps(name, found.uri, draft.image, draft.environment, draft.role.arn, choice, tags, draft.until)
    check_steps(ctx, steps)
    taken, free = check_free(ctx, ENDPOINT, name, "endpoint")
    quota, shortage = check_quota(ctx, choice)
    return PlanBody(
        plan_id=new_plan_id(draft.created),
        action="deploy",
        title=f"Deploy {found.job_id or found.uri} to endpoint {name} until {draft.until:%Y-%m-%d %H:%M} UTC",
        name=name,
        model=found.model,
        platform=target,
        principal=ctx.aws.principal(),
        sandbox=ctx.mode.sandbox,
        steps=tuple(steps),
        image=draft.image,
        cost=draft.cost,
        findings=(*draft.findings, *shortage, *taken, _image_finding(draft.image)),
        facts=(*found.facts, draft.role.fact, quota),
        preconditions=(*_preconditions(ctx, choice, draft.role), *free),
        spec=spec,
        created_at=draft.created,
        expires_at=draft.expires,
    )


def _refuse_early(ctx: ToolContext, target: DeploymentTarget, name: str, role: str | None) -> str:
    """Refuse what cannot be rendered; return the execution role to use."""
    if target != "sagemaker":
        raise RefusedError(
            f"Deployments to {target} cannot be planned yet.",
            rule="target",
            fix='use target="sagemaker", the one that works now',
        )
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        fix = f"use at most {MAX_NAME} letters, digits and hyphens between them"
        raise InputError(f"{name!r} cannot be the name of an endpoint.", field="name", value=name, fix=fix)
    chosen = role or ctx.mode.default_role
    if not chosen:
        fix = "give the name or ARN of a role that sagemaker.amazonaws.com may assume"
        raise InputError("No execution role is named and there is no default.", field="role", value=role, fix=fix)
    return chosen


def _image_finding(image: str) -> Finding:
    message = f"the image tag {image.rpartition(':')[2]} is mutable: AWS may move it between plan and start"
    return Finding(rule="PL4", severity="info", message=message)


def _preconditions(ctx: ToolContext, choice: Choice, checked: RoleCheck) -> list[Precondition]:
    found = [expect(ctx, "caller", "caller", {})]
    if checked.usable:
        found.append(expect(ctx, "execution role", "role", {"arn": checked.arn}))
    if choice.usd_per_hour is not None:
        target: dict[str, JsonValue] = {
            "instance_type": choice.instance_type,
            "region": choice.price.region,
            "component": choice.price.component,
        }
        expected = str(choice.usd_per_hour)
        found.append(Precondition(name="hourly price", kind="price", target=target, expected=expected))
    return found
