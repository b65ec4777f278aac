"""Plan the deletion of what this server made."""

from collections.abc import Sequence
from decimal import Decimal

from novaforge.guards.errors import RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import Cost, PlanBody, Precondition, Step
from novaforge.guards.values import JsonObject, dollars
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.cleanup.artifacts import Files, collect
from novaforge.tools.cleanup.inventory import Inventory, Item, forget_gone, in_deletion_order, label, take_inventory
from novaforge.tools.cleanup.jobs import live_jobs
from novaforge.tools.cleanup.scope import Scope, select
from novaforge.tools.cleanup.steps import confirmation, deletion
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.checks import check_steps
from novaforge.tools.plans.draft import new_plan_id, plan_times, store_plan
from novaforge.tools.plans.preconditions import expect
from novaforge.tools.plans.view import PlanView

STAYS = (
    "checkpoints in AWS's escrow bucket (nobody can delete them), CloudWatch log groups, the job records in SageMaker,"
    " files written by transform_dataset"
)
ARTIFACTS_STAY = "job outputs and uploads in S3 (include_artifacts deletes them)"


def plan_cleanup(
    ctx: ToolContext, *, scope: Scope, ids: list[str] | None = None, include_artifacts: bool = False
) -> PlanView:
    """Plan the deletion of endpoints, configurations, models, Lambdas and roles that the ledger and their tag call ours.

    Raises RefusedError (rule nothing-to-clean) when nothing can be deleted, InputError for ids that are not ours.
    """
    selection = select(ctx, scope, ids, include_artifacts=include_artifacts)
    live = live_jobs(ctx)
    inventory = take_inventory(ctx, selection.rows, live.uses())
    forget_gone(ctx, inventory.gone)
    files = collect(ctx, [live.newest(job) for job in selection.jobs]) if include_artifacts else Files()
    items = in_deletion_order(inventory.items)
    steps, notes = _steps(ctx, items, files)
    findings = [*inventory.findings, *notes, *files.findings, *live.findings(), *_gone(inventory), *_policy(ctx, files)]
    if not steps:
        raise _nothing(scope, findings)
    check_steps(ctx, steps)
    created, expires = plan_times(ctx)
    body = PlanBody(
        plan_id=new_plan_id(created),
        action="clean_up",
        title=f"Delete {len(items)} resources" + (f" and {len(files.uris)} objects" if files.uris else ""),
        name=f"cleanup-{scope}",
        principal=ctx.aws.principal(),
        sandbox=ctx.mode.sandbox,
        steps=tuple(steps),
        cost=Cost(basis=_basis(items)),
        findings=(*findings, _stays(include_artifacts=include_artifacts)),
        preconditions=tuple(_preconditions(ctx, items, files)),
        spec={"scope": scope, "ids": [*ids] if ids else None, "include_artifacts": include_artifacts},
        created_at=created,
        expires_at=expires,
    )
    return store_plan(ctx, body)


def _steps(ctx: ToolContext, items: Sequence[Item], files: Files) -> tuple[list[Step], list[Finding]]:
    """Return the deletions, and at the end the looks at whether the endpoints are really gone."""
    steps: list[Step] = []
    findings: list[Finding] = []
    for item in items:
        more, found = deletion(ctx, item)
        steps += more
        findings += found
    endpoints = [item for item in items if item.row.kind == "sagemaker:endpoint"]
    return [*steps, *files.steps(), *map(confirmation, endpoints)], findings


def _preconditions(ctx: ToolContext, items: Sequence[Item], files: Files) -> list[Precondition]:
    found = [expect(ctx, "caller", "caller", {})]
    for item in items:
        target: JsonObject = {"kind": item.row.kind, "name": item.row.name}
        found.append(expect(ctx, label(item.row), "resource", target))
    return [*found, *files.preconditions]


def _basis(items: Sequence[Item]) -> str:
    rates = [item.row.usd_per_hour for item in items if item.row.usd_per_hour is not None]
    ends = f"; it ends {dollars(sum(rates, Decimal(0)))} per hour" if rates else ""
    return f"Deleting costs nothing{ends}."


def _gone(inventory: Inventory) -> list[Finding]:
    names = ", ".join(label(row) for row in inventory.gone)
    return [Finding(rule="CL2", severity="info", message=f"already gone: {names}")] if names else []


def _stays(*, include_artifacts: bool) -> Finding:
    stays = STAYS if include_artifacts else f"{STAYS}, {ARTIFACTS_STAY}"
    return Finding(rule="CL5", severity="info", message=f"not deleted: {stays}")


def _policy(ctx: ToolContext, files: Files) -> list[Finding]:
    """The policy's buckets bind deletions too."""
    buckets = {split_s3(uri)[0] for uri in files.uris}
    refused = sorted(bucket for bucket in buckets if ctx.policy.buckets and bucket not in ctx.policy.buckets)
    fix = "leave include_artifacts out, or ask the operator"
    return [
        Finding(rule="POL-bucket", severity="block", message=f"the policy does not allow bucket {bucket}", fix=fix)
        for bucket in refused
    ]


def _nothing(scope: str, findings: Sequence[Finding]) -> RefusedError:
    said = "; ".join(finding.message for finding in findings)
    return RefusedError(
        f'There is nothing to delete in scope "{scope}"' + (f": {said}." if said else "."),
        rule="nothing-to-clean",
        fix="nothing needs to be done for what is already gone; the message names what was left alone and why",
        findings=[finding.model_dump(mode="json") for finding in findings],
    )
