"""The tool list_options: what can be done now, on which machines, for how much."""

from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.plan import Price
from novaforge.guards.values import Frozen, JsonObject, cents
from novaforge.tools.arguments import Method, Model, PlatformName
from novaforge.tools.catalog.data import load
from novaforge.tools.catalog.prices import price, snapshot
from novaforge.tools.catalog.recipes import override_params, template_tree
from novaforge.tools.catalog.support import Combination, matching
from novaforge.tools.context import ToolContext
from novaforge.tools.results import ToolResult
from novaforge.tools.training.leaves import open_leaves
from novaforge.tools.training.render import limits_of

FALLBACK_REGION = "us-east-1"


class Option(Frozen):
    """One combination: machines with hourly price and legal counts, and what the recipe lets one override."""

    model: str
    method: str
    platform: str
    recipe: str
    instances: list[JsonObject]
    overrides: dict[str, JsonObject]


class OptionsResult(ToolResult):
    """What works now."""

    options: list[Option]
    region: str
    source: str

    def text(self) -> str:
        """Return one line per combination and machine."""
        lines = [line for option in self.options for line in _lines(option)]
        return "\n".join([*lines, self.next_step])


def list_options(
    ctx: ToolContext,
    *,
    model: Model | None = None,
    method: Method | None = None,
    platform: PlatformName | None = None,
) -> OptionsResult:
    """List what can be planned now; raises RefusedError, naming what works, for any other combination."""
    found = matching(model, method, platform)
    region = _region(ctx)
    prices = _prices(ctx, region, found)
    catalog = load("recipes.json")
    return OptionsResult(
        options=[_option(item, prices) for item in found],
        region=region,
        source=f"{catalog['source']}; checked {catalog['checked_on']}",
        sandbox=ctx.mode.sandbox,
        next_step="inspect_dataset on your data, then transform_dataset for the method, then plan_evaluation of the base"
        " model as a baseline.",
    )


def _region(ctx: ToolContext) -> str:
    try:
        return ctx.aws.region
    except NovaForgeError:
        # Looking around must work before anything is configured; the result says which region the prices are for.
        return FALLBACK_REGION


def _prices(ctx: ToolContext, region: str, found: tuple[Combination, ...]) -> dict[str, Price]:
    prices: dict[str, Price] = {}
    live = True
    for instance_type in dict.fromkeys(name for item in found for name in item.recipe.instance_types):
        ask = price if live else _snapshot
        prices[instance_type] = ask(ctx, instance_type, region, "training")
        # One unreadable answer is enough: asking again for each machine would only wait again.
        live = live and not prices[instance_type].source.startswith("snapshot")
    return prices


def _snapshot(ctx: ToolContext, instance_type: str, region: str, component: Any) -> Price:
    return snapshot(instance_type, region, component, ctx.clock().date())


def _option(item: Combination, prices: dict[str, Price]) -> Option:
    return Option(
        model=item.model,
        method=item.method,
        platform=item.platform,
        recipe=item.recipe.name,
        instances=[_instance(item, prices[name]) for name in item.recipe.instance_types],
        overrides=_bounds(item.recipe.name),
    )


def _instance(item: Combination, found: Price) -> JsonObject:
    counts: list[JsonValue] = list(item.counts)
    return {
        "instance_type": found.instance_type,
        "counts": counts,
        "usd_per_hour": None if found.usd_per_hour is None else str(found.usd_per_hour),
        "price_source": found.source or "no price in the price list or the snapshot: it cannot be planned",
        "price_as_of": found.as_of.isoformat(),
        "usd_per_hour_smallest": _smallest(item.counts, found.usd_per_hour),
    }


def _smallest(counts: tuple[int, ...], usd: Decimal | None) -> str | None:
    return None if usd is None else str(cents(usd * min(counts)))


def _bounds(recipe: str) -> dict[str, JsonObject]:
    """Return default and bounds by the recipe's leaf names, which plan_training takes as override keys."""
    params = override_params(recipe)
    shown: dict[str, JsonObject] = {}
    for leaf in open_leaves(template_tree(recipe)):
        entry = limits_of(leaf, params)
        shown[leaf.name] = {name: entry[name] for name in ("type", "default", "min", "max", "enum") if name in entry}
    return shown


def _lines(option: Option) -> list[str]:
    head = f"{option.method} of {option.model} on {option.platform} (recipe {option.recipe})"
    rows = [
        f"  {item['instance_type']}: nodes {', '.join(map(str, _counts(item)))}; USD {item['usd_per_hour'] or 'unknown'}"
        f" per node and hour ({item['price_source']}, {item['price_as_of']})"
        for item in option.instances
    ]
    return [head, *rows]


def _counts(item: JsonObject) -> list[JsonValue]:
    counts = item["counts"]
    return counts if isinstance(counts, list) else []
