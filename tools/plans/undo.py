"""Take back, in reverse order, what a failed plan made; what cannot be taken back stays in the ledger as a debt."""

from collections.abc import Callable
from typing import Literal

from novaforge.guards.plan import CreatedResource
from novaforge.tools.aws.resources import Seen, look
from novaforge.tools.plans.rows import gone, owing
from novaforge.tools.plans.run import UNDOING, Run, say
from novaforge.tools.records import ResourceRecord, resource_id


def undo(run: Run, why: str, end: Literal["failed", "not_created"]) -> list[str]:
    """Delete what this plan made and what carries its tag; returns the debts, one sentence each.

    Written down before it starts, with the state it ends in, so that after a crash it is continued rather than the plan.
    """
    run.note(step=f"{UNDOING}:{end}", error=why)
    run.ctx.checkpoint("before_undo")
    debts: list[str] = []
    for made in reversed(run.plan.created()):
        row = run.ctx.ledger.resource(resource_id(made.kind, made.name))
        if row and row.plan_digest == run.plan.digest and row.deleted_at is None:
            if debt := _take_back(run, made, row):
                debts.append(f"{row.kind} {row.name} could not be taken back: {debt}")
            run.ctx.checkpoint(f"after_undo:{row.resource_id}")
    return debts


def _take_back(run: Run, made: CreatedResource, row: ResourceRecord) -> str:
    """Delete one resource; returns why it is still there, or "" when it is gone or was never there."""
    try:
        seen = look(run.ctx, row.kind, row.name)
        if seen is None or seen.plan_tag != run.plan.digest:
            run.unmade(made, "was never made" if seen is None else "is not ours")
            return ""
        _DELETERS[row.kind](run, row.name, seen)
    except Exception as error:  # noqa: BLE001  # one debt must not keep the others from being taken back
        why = say(error)
        run.ctx.ledger.put_resource(owing(row, why))
        run.audit("undo.failed", resource=row.resource_id, error=why)
        return why
    run.ctx.ledger.put_resource(gone(row, run.now(), ended="taken back"))
    run.audit("resource.undone", resource=row.resource_id)
    return ""


def _endpoint(run: Run, name: str, seen: Seen) -> None:
    run.ctx.aws.call("sagemaker", "delete_endpoint", EndpointName=name)


def _endpoint_config(run: Run, name: str, seen: Seen) -> None:
    run.ctx.aws.call("sagemaker", "delete_endpoint_config", EndpointConfigName=name)


def _model(run: Run, name: str, seen: Seen) -> None:
    run.ctx.aws.call("sagemaker", "delete_model", ModelName=name)


def _training_job(run: Run, name: str, seen: Seen) -> None:
    if seen.status == "InProgress":
        run.ctx.aws.call("sagemaker", "stop_training_job", TrainingJobName=name)


def _function(run: Run, name: str, seen: Seen) -> None:
    run.ctx.aws.call("lambda", "delete_function", FunctionName=name)


def _role(run: Run, name: str, seen: Seen) -> None:
    """Delete a role with the inline policies we put in it; what others attached to it makes AWS refuse, rightly."""
    for policy in seen.parts.get("inline", []):
        run.ctx.aws.call("iam", "delete_role_policy", RoleName=name, PolicyName=policy)
    run.ctx.aws.call("iam", "delete_role", RoleName=name)


_DELETERS: dict[str, Callable[[Run, str, Seen], None]] = {
    "sagemaker:endpoint": _endpoint,
    "sagemaker:endpoint-config": _endpoint_config,
    "sagemaker:model": _model,
    "sagemaker:training-job": _training_job,
    "lambda:function": _function,
    "iam:role": _role,
}
