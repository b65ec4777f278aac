"""Plan the deployment of a reward function: a Lambda and, where none is given, a role that may only write its logs."""

import hashlib
import json
import re
from dataclasses import dataclass, field

from pydantic import JsonValue

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import (
    DIGEST12_TOKEN,
    AwsStep,
    Cost,
    CreatedResource,
    InputIdentity,
    PlanBody,
    Precondition,
    Principal,
    Probe,
    Step,
    Wait,
)
from novaforge.guards.values import JsonObject
from novaforge.tools.arguments import PlatformName
from novaforge.tools.aws.roles import check_role, partition
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.checks import check_steps
from novaforge.tools.plans.draft import new_plan_id, plan_tags, plan_times, store_plan
from novaforge.tools.plans.free import check_free
from novaforge.tools.plans.preconditions import expect
from novaforge.tools.plans.view import PlanView
from novaforge.tools.rewards.package import HANDLER, MEMORY_MB, RUNTIME, TIMEOUT_S, as_json, zip_of
from novaforge.tools.rewards.runner import local_runner
from novaforge.tools.rewards.source import Source, read_source

LAMBDA = "lambda.amazonaws.com"
LOGS_POLICY = "write-own-logs"
BASIS = "Creating a function costs nothing; Lambda bills each call and its milliseconds, cents for a training run."
LOAD_S = 10.0
_NAME = re.compile(r"[A-Za-z0-9-_]{1,64}")


def plan_reward(
    ctx: ToolContext, *, function: str, name: str, platform: PlatformName, role: str | None = None
) -> PlanView:
    """Plan a Lambda function made from one local reward file. An existing function is never changed.

    Raises InputError for a file or name that cannot be used, RefusedError for a platform that does not work yet.
    """
    _refuse_early(name, platform)
    source = read_source(ctx, function)
    identity = _code_identity(ctx, function, source)
    principal = ctx.aws.principal()
    created, expires = plan_times(ctx)
    tags = plan_tags(ctx, Cost().ceiling_usd, expires)
    chosen = _role(ctx, principal, name, role, tags)
    taken, free = check_free(ctx, "lambda:function", name, "Lambda function")
    steps: list[Step] = [*chosen.steps, _function_step(name, chosen.arn, source.code, tags)]
    check_steps(ctx, steps)
    body = PlanBody(
        plan_id=new_plan_id(created),
        action="create_reward",
        title=f"Create the reward function {name}" + ("" if role else " and a role for it"),
        name=name,
        platform=platform,
        principal=principal,
        sandbox=ctx.mode.sandbox,
        steps=tuple(steps),
        inputs=(identity,),
        cost=Cost(basis=BASIS),
        findings=(*source.findings, *_load_findings(source), *taken, *chosen.findings, _untested(function)),
        preconditions=(
            expect(ctx, "caller", "caller", {}),
            expect(ctx, "reward code", "object", {"uri": identity.uri}),
            *chosen.preconditions,
            *free,
        ),
        spec={"function": function, "name": name, "platform": platform, "role": role},
        created_at=created,
        expires_at=expires,
    )
    return store_plan(ctx, body)


def _refuse_early(name: str, platform: PlatformName) -> None:
    if platform != "sagemaker":
        raise RefusedError(
            f"Reward functions for platform {platform} cannot be planned yet.",
            rule="platform",
            fix='use platform="sagemaker"; test_reward checks functions for the others',
        )
    if not _NAME.fullmatch(name):
        fix = "use 1 to 64 letters, digits, hyphens and underscores"
        raise InputError(f"{name!r} cannot be the name of a Lambda function.", field="name", value=name, fix=fix)


@dataclass(frozen=True)
class _Role:
    """The function's role: the steps that make it when none was given, and what was found about a given one."""

    arn: str
    steps: list[Step] = field(default_factory=list[Step])
    findings: list[Finding] = field(default_factory=list[Finding])
    preconditions: list[Precondition] = field(default_factory=list[Precondition])


def _role(ctx: ToolContext, principal: Principal, name: str, role: str | None, tags: list[JsonObject]) -> _Role:
    if role is not None:
        checked = check_role(ctx, role, LAMBDA)
        stays = [expect(ctx, "function's role", "role", {"arn": checked.arn})] if checked.usable else []
        return _Role(checked.arn, [], checked.findings, stays)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    role_name = f"nf-reward-{slug}-{DIGEST12_TOKEN}".replace("--", "-")
    arn = f"arn:{partition(principal.arn)}:iam::{principal.account}:role/{role_name}"
    return _Role(arn, [_create_role(role_name, name, tags), _put_policy(principal, role_name, name)])


def _code_identity(ctx: ToolContext, function: str, source: Source) -> InputIdentity:
    """Return the file's identity; raises InputError when it was replaced between being read and being hashed."""
    seen = ctx.storage.stat(str(ctx.storage.local(function)))
    if seen.sha256 != hashlib.sha256(source.code).hexdigest():
        fix = "call plan_reward again"
        raise InputError(f"{function} changed while it was read.", field="function", value=function, fix=fix)
    return InputIdentity(role="reward code", uri=seen.uri, bytes=seen.bytes, sha256=seen.sha256)


def _create_role(role_name: str, function: str, tags: list[JsonObject]) -> Step:
    trust = _policy({"Effect": "Allow", "Principal": {"Service": LAMBDA}, "Action": "sts:AssumeRole"})
    return AwsStep(
        name="create the function's role",
        service="iam",
        operation="create_role",
        request={
            "RoleName": role_name,
            "AssumeRolePolicyDocument": trust,
            "Description": f"Lets the reward function {function} write its logs.",
            "Tags": [*tags],
        },
        creates=CreatedResource(kind="iam:role", name=role_name, delete_with="iam:DeleteRolePolicy, iam:DeleteRole"),
        probe=Probe(operation="get_role", request={"RoleName": role_name}, arn_path="Role.Arn"),
    )


def _put_policy(principal: Principal, role_name: str, function: str) -> Step:
    group = (
        f"arn:{partition(principal.arn)}:logs:{principal.region}:{principal.account}:log-group:/aws/lambda/{function}"
    )
    actions: list[JsonValue] = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    document = _policy({"Effect": "Allow", "Action": actions, "Resource": [group, f"{group}:*"]})
    return AwsStep(
        name="let the role write the function's logs and nothing else",
        service="iam",
        operation="put_role_policy",
        request={"RoleName": role_name, "PolicyName": LOGS_POLICY, "PolicyDocument": document},
    )


def _function_step(name: str, role_arn: str, code: bytes, tags: list[JsonObject]) -> Step:
    return AwsStep(
        name="create the function",
        service="lambda",
        operation="create_function",
        request={
            "FunctionName": name,
            "Runtime": RUNTIME,
            "Role": role_arn,
            "Handler": HANDLER,
            "Code": {"ZipFile": as_json(zip_of(code))},
            "Description": "Reward function of a Nova RFT training",
            "Timeout": TIMEOUT_S,
            "MemorySize": MEMORY_MB,
            "Tags": {str(tag["Key"]): tag["Value"] for tag in tags},
        },
        creates=CreatedResource(kind="lambda:function", name=name, delete_with="lambda:DeleteFunction"),
        probe=Probe(operation="get_function", request={"FunctionName": name}, arn_path="Configuration.FunctionArn"),
        wait=Wait(
            operation="get_function_configuration",
            request={"FunctionName": name},
            field="State",
            until=("Active",),
            failed=("Failed",),
        ),
    )


def _policy(statement: JsonObject) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, sort_keys=True)


def _load_findings(source: Source) -> list[Finding]:
    """Import the file in a limited process: what fails to load here fails to load on Lambda."""
    (call,) = local_runner(source.code, needs_boto3=source.needs_boto3)([[]], LOAD_S)
    if "while the file was loaded" not in call.error:
        return []
    fix = "run test_reward to see the error"
    return [Finding(rule="RL8", severity="block", message="the reward file cannot be loaded", fix=fix)]


def _untested(function: str) -> Finding:
    message = "whether the code keeps the reward contract on your rows"
    fix = f'call test_reward(function="{function}", data=...); plan_training checks it again'
    return Finding(rule="RL4", severity="not_checked", message=message, fix=fix)
