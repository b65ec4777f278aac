"""The calls that delete one resource, in the order AWS accepts."""

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import AwsStep, Step, Wait
from novaforge.tools.aws.resources import look
from novaforge.tools.cleanup.inventory import Item, label
from novaforge.tools.context import ToolContext

_CALLS = {
    "sagemaker:endpoint": ("sagemaker", "delete_endpoint", "EndpointName"),
    "sagemaker:endpoint-config": ("sagemaker", "delete_endpoint_config", "EndpointConfigName"),
    "sagemaker:model": ("sagemaker", "delete_model", "ModelName"),
    "lambda:function": ("lambda", "delete_function", "FunctionName"),
    "iam:role": ("iam", "delete_role", "RoleName"),
}


def deletion(ctx: ToolContext, item: Item) -> tuple[list[Step], list[Finding]]:
    """Return the steps that delete a resource and what hangs on it, and what the person should know about it."""
    before, findings = _unhang(ctx, item) if item.row.kind == "iam:role" else ([], _state_findings(item))
    service, operation, key = _CALLS[item.row.kind]
    last = AwsStep(
        name=f"delete {label(item.row)}",
        service=service,
        operation=operation,
        request={key: item.row.name},
        deletes=item.row.resource_id,
    )
    return [*before, last], findings


def confirmation(item: Item) -> Step:
    """Return a step that waits until an endpoint is really gone: it bills until then, and deleting takes minutes."""
    request = {"EndpointName": item.row.name}
    return AwsStep(
        name=f"see that {label(item.row)} is gone",
        service="sagemaker",
        operation="describe_endpoint",
        request={**request},
        wait=Wait(operation="describe_endpoint", request={**request}, field="EndpointStatus", gone=True),
    )


def _state_findings(item: Item) -> list[Finding]:
    if item.seen.status not in {"Creating", "Updating", "SystemUpdating"}:
        return []
    message = f"{label(item.row)} is {item.seen.status}: AWS may refuse to delete it until that has ended"
    fix = "if it does, plan the cleanup again in some minutes; until then it may bill"
    return [Finding(rule="CL3", severity="warn", message=message, fix=fix)]


def _unhang(ctx: ToolContext, item: Item) -> tuple[list[Step], list[Finding]]:
    """Take policies and instance profiles off a role; policies are detached, never deleted, since others may use them."""
    name, parts = item.row.name, item.seen.parts
    steps: list[Step] = [
        _iam(f"detach {arn} from {name}", "detach_role_policy", RoleName=name, PolicyArn=arn)
        for arn in parts.get("attached", [])
    ]
    steps += [
        _iam(f"delete inline policy {policy} of {name}", "delete_role_policy", RoleName=name, PolicyName=policy)
        for policy in parts.get("inline", [])
    ]
    findings: list[Finding] = []
    for profile in parts.get("profiles", []):
        more, found = _instance_profile(ctx, item, profile)
        steps += more
        findings += found
    return steps, findings


def _instance_profile(ctx: ToolContext, item: Item, profile: str) -> tuple[list[Step], list[Finding]]:
    """Take the role out of an instance profile, and delete the profile where it carries our tag."""
    name = item.row.name
    steps = [
        _iam(
            f"take {name} out of instance profile {profile}",
            "remove_role_from_instance_profile",
            InstanceProfileName=profile,
            RoleName=name,
        )
    ]
    try:
        seen = look(ctx, "iam:instance-profile", profile)
    except NovaForgeError as error:
        message = f"whose instance profile {profile} is: {error.message}; only the role is taken out of it"
        return steps, [Finding(rule="CL1", severity="not_checked", message=message, fix=error.fix)]
    if seen is not None and seen.plan_tag == item.row.plan_digest:
        delete = _iam(f"delete instance profile {profile}", "delete_instance_profile", InstanceProfileName=profile)
        return [*steps, delete], []
    message = f"instance profile {profile} is not ours: the role {name} is taken out of it, the profile stays"
    return steps, [Finding(rule="CL1", severity="confirm", message=message, fix="see what uses the profile")]


def _iam(name: str, operation: str, **request: str) -> Step:
    return AwsStep(name=name, service="iam", operation=operation, request={**request})
