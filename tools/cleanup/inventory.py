"""What this server made and what of it is there now: the ledger's rows, each looked up again in AWS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.findings import Finding
from novaforge.tools.aws.resources import Seen, look
from novaforge.tools.context import ToolContext
from novaforge.tools.records import ResourceRecord

DEPLOYMENT_KINDS = ("sagemaker:endpoint", "sagemaker:endpoint-config", "sagemaker:model")
REWARD_KINDS = ("lambda:function", "iam:role")
KINDS = (*DEPLOYMENT_KINDS, *REWARD_KINDS)
"""In the order of deletion: what bills first, what something else refers to after it."""
MAIN_KINDS = ("sagemaker:endpoint", "lambda:function")
"""What the other resources of the same plan exist for."""
DELETING = "Deleting"
UNSETTLED = ("submitting", "unknown")


@dataclass(frozen=True)
class Item:
    """A resource of ours that exists: its ledger row and how AWS describes it."""

    row: ResourceRecord
    seen: Seen


@dataclass
class Inventory:
    """Resources that may be deleted, those already gone, those left alone, and why."""

    items: list[Item] = field(default_factory=list[Item])
    gone: list[ResourceRecord] = field(default_factory=list[ResourceRecord])
    kept: list[ResourceRecord] = field(default_factory=list[ResourceRecord])
    findings: list[Finding] = field(default_factory=list[Finding])

    def keep(self, row: ResourceRecord, finding: Finding) -> None:
        """Leave a resource alone and say why."""
        self.kept.append(row)
        self.findings.append(finding)


def take_inventory(ctx: ToolContext, rows: Iterable[ResourceRecord], in_use: dict[str, str]) -> Inventory:
    """Look at every row in AWS; only what exists, carries the tag of its plan and is not in use may be deleted.

    `in_use` maps a resource id to what uses it.
    """
    found = Inventory()
    for row in rows:
        _look_at(ctx, row, in_use, found)
    _keep_dependents(found)
    return found


def forget_gone(ctx: ToolContext, gone: Iterable[ResourceRecord]) -> None:
    """Write down in the ledger that resources are gone which AWS does not know any more."""
    for row in gone:
        detail = {**row.detail, "ended": "was gone when looked for"}
        ctx.ledger.put_resource(row.model_copy(update={"deleted_at": ctx.clock(), "detail": detail}))


def elsewhere(ctx: ToolContext, row: ResourceRecord) -> bool:
    """Tell whether a resource lives in another account or region than this server looks at."""
    principal = ctx.aws.principal()
    return (row.account, row.region) != (principal.account, principal.region)


def being_made(ctx: ToolContext, row: ResourceRecord) -> bool:
    """Tell whether the plan that makes a resource is not finished: it may appear at any moment."""
    execution = ctx.ledger.execution(row.plan_digest)
    return execution is not None and execution.state in UNSETTLED


def label(row: ResourceRecord) -> str:
    """Return a resource as people write it."""
    return f"{row.kind.partition(':')[2]} {row.name}"


def _look_at(ctx: ToolContext, row: ResourceRecord, in_use: dict[str, str], found: Inventory) -> None:
    name = label(row)
    if elsewhere(ctx, row):
        place = f"account {row.account}, region {row.region}"
        found.keep(row, _unread(f"{name} is in {place}", "start the server for that account and region"))
        return
    if being_made(ctx, row):
        message = f"{name} is left alone: plan {row.plan_id} is not finished"
        found.keep(row, _left(message, f'call apply_plan(plan_id="{row.plan_id}") first'))
        return
    try:
        seen = look(ctx, row.kind, row.name)
    except NovaForgeError as error:
        found.keep(row, _unread(f"{name}: {error.message}", error.fix))
        return
    if seen is None:
        found.gone.append(row)
    elif seen.status == DELETING:
        message = f"{name} is being deleted already"
        found.findings.append(
            Finding(rule="CL2", severity="info", message=message, fix="get_spend shows when it is gone")
        )
    elif seen.plan_tag != row.plan_digest:
        message = f"{name} is left alone: it does not carry this server's tag for it, so it may be somebody else's"
        found.keep(row, Finding(rule="CL1", severity="warn", message=message, fix="delete it by hand if it is yours"))
    elif user := in_use.get(row.resource_id):
        found.keep(row, _left(f"{name} is left alone: {user} uses it", "stop that job, or wait for its end"))
    else:
        found.items.append(Item(row, seen))


def _keep_dependents(found: Inventory) -> None:
    """Keep what belongs to an endpoint or function that stays: without it, that one would break."""
    main = {row.plan_digest: row for row in found.kept if row.kind in MAIN_KINDS}
    dependents = [item for item in found.items if item.row.plan_digest in main]
    for item in dependents:
        found.items.remove(item)
        found.keep(item.row, _left(f"{label(item.row)} is left alone: {label(main[item.row.plan_digest])} stays", ""))


def in_deletion_order(items: Sequence[Item]) -> list[Item]:
    """Return the items in an order AWS accepts; endpoints still being created, which it may refuse, with theirs last."""
    late = {item.row.plan_digest for item in items if item.seen.status in {"Creating", "Updating", "SystemUpdating"}}
    return sorted(
        items,
        key=lambda item: (item.row.plan_digest in late, KINDS.index(item.row.kind), item.row.name),
    )


def _left(message: str, fix: str) -> Finding:
    return Finding(rule="CL2", severity="warn", message=message, fix=fix)


def _unread(message: str, fix: str) -> Finding:
    return Finding(rule="CL1", severity="not_checked", message=message, fix=fix)
