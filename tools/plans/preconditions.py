"""Read again, just before a paid call, the values a plan was made from."""

from collections.abc import Callable

from pydantic import JsonValue

from novaforge.guards.errors import AwsError, ConfigError, InputError, NotFoundError, NovaForgeError
from novaforge.guards.plan import Plan, Precondition
from novaforge.guards.staleness import Difference, differences
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.resources import read_absent, read_objects, read_resource
from novaforge.tools.catalog.prices import Component, price
from novaforge.tools.context import ToolContext
from novaforge.tools.training.readers import read_recipe
from novaforge.tools.training.rewards import read_function
from novaforge.tools.training.roles import read_role

Reader = Callable[[ToolContext, JsonObject], JsonValue]


def read_caller(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return account and region of the caller, read afresh."""
    ctx.aws.forget_principal()
    principal = ctx.aws.principal()
    return {"account": principal.account, "region": principal.region}


def read_object(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return the identity of a file or object, or None when it is gone."""
    try:
        stat = ctx.storage.stat(str(target["uri"]))
    except InputError:
        return None
    return {"bytes": stat.bytes, "etag": stat.etag, "version_id": stat.version_id, "sha256": stat.sha256}


def read_empty_prefix(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return whether nothing exists below a prefix."""
    return not ctx.storage.list(str(target["uri"]), limit=1)


def read_price(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return the dollars per hour of a machine as text, or None where nobody says."""
    component: Component = "hosting" if target["component"] == "hosting" else "training"
    found = price(ctx, str(target["instance_type"]), str(target["region"]), component).usd_per_hour
    return None if found is None else str(found)


READERS: dict[str, Reader] = {
    "caller": read_caller,
    "object": read_object,
    "empty_prefix": read_empty_prefix,
    "price": read_price,
    "resource": read_resource,
    "absent": read_absent,
    "objects": read_objects,
    "recipe": read_recipe,
    "role": read_role,
    "function": read_function,
}


def expect(ctx: ToolContext, name: str, kind: str, target: JsonObject) -> Precondition:
    """Read a value now and return the precondition that it stays so."""
    return Precondition(name=name, kind=kind, target=target, expected=READERS[kind](ctx, target))


def moved(ctx: ToolContext, plan: Plan) -> list[Difference]:
    """Return every field that differs from the plan; a value that cannot be read any more counts as moved."""
    differing, unreadable = reread(ctx, plan)
    return differing + unreadable


def reread(ctx: ToolContext, plan: Plan) -> tuple[list[Difference], list[Difference]]:
    """Return the fields that differ from the plan, and the preconditions that cannot be read, with the reason as `now`.

    Account and region are compared whether the plan lists them or not.
    """
    differing: list[Difference] = []
    unreadable: list[Difference] = []
    for precondition in (_caller(plan), *plan.preconditions):
        try:
            now = READERS[precondition.kind](ctx, precondition.target)
        except NovaForgeError as error:
            lost = Difference(name=precondition.name, path="$", planned=precondition.expected, now=error.as_text())
            (unreadable if _passing(error) else differing).append(lost)
            continue
        differing += differences(precondition, now, ctx.policy.price_drift_percent)
    return _once(differing), unreadable


def _passing(error: NovaForgeError) -> bool:
    """Tell a failure to look from the answer that the thing is gone."""
    return isinstance(error, AwsError | ConfigError) and not isinstance(error, NotFoundError)


def _caller(plan: Plan) -> Precondition:
    expected: JsonObject = {"account": plan.principal.account, "region": plan.principal.region}
    return Precondition(name="caller", kind="caller", target={}, expected=expected)


def _once(found: list[Difference]) -> list[Difference]:
    return [difference for index, difference in enumerate(found) if difference not in found[:index]]
