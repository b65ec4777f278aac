"""Plan a SageMaker endpoint for a checkpoint: model, endpoint configuration, endpoint, with its price and its end."""

import re

from pydantic import JsonValue

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import PlanBody, Precondition
from novaforge.tools.arguments import DeploymentTarget
from novaforge.tools.aws.roles import RoleCheck, check_role
from novaforge.tools.context import ToolContext
from novaforge.tools.deployment.base import find_base
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
    found = find_base(ctx, base)
    variables = container_environment(environment)
    created, expires = plan_times(ctx)
    until = delete_time(delete_after, created)
    choice = choose(ctx, found.model, instance_type, instance_count, variables)
    cost, doubts = cost_of(choice, created, until, ctx.clock().date())
    checked = check_role(ctx, role, SAGEMAKER)
    image = image_uri(ctx.aws.region)
    tags = plan_tags(ctx, cost.ceiling_usd, until)
    steps = endpoint_steps(name, found.uri, image, variables, checked.arn, choice, tags, until)
    check_steps(ctx, steps)
    taken, free = check_free(ctx, ENDPOINT, name, "endpoint")
    quota, shortage = check_quota(ctx, choice)
    capacity = check_capacity(found.model, choice.instance_type, variables)
    findings = [*found.findings, *capacity, *doubts, *shortage, *checked.findings, *taken]
    body = PlanBody(
        plan_id=new_plan_id(created),
        action="deploy",
        title=f"Deploy {found.job_id or found.uri} to endpoint {name} until {until:%Y-%m-%d %H:%M} UTC",
        name=name,
        model=found.model,
        platform=target,
        principal=ctx.aws.principal(),
        sandbox=ctx.mode.sandbox,
        steps=tuple(steps),
        image=image,
        cost=cost,
        findings=(*findings, lifetime_finding(until, choice.usd_per_hour), _image_finding(image)),
        facts=(*found.facts, checked.fact, quota),
        preconditions=(*_preconditions(ctx, choice, checked), *free),
        spec={
            "base": base,
            "target": target,
            "name": name,
            "instance_type": instance_type,
            "instance_count": instance_count,
            "environment": {**variables},
            "delete_after": delete_after,
            "role": role,
        },
        created_at=created,
        expires_at=expires,
    )
    return store_plan(ctx, body)


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
