"""Which machines a job gets, what they cost, and for how long at most."""

from dataclasses import dataclass

from novaforge.guards.cost import RUNTIME_LIMIT_S, Estimate, default_runtime
from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.plan import Cost, NodeGroup, Price, ceiling
from novaforge.guards.values import cents
from novaforge.tools.catalog.prices import price
from novaforge.tools.catalog.support import Combination
from novaforge.tools.context import ToolContext
from novaforge.tools.platforms.base import Quota
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.training.hub import HubRecipe


@dataclass(frozen=True)
class Machines:
    """The machines of one job with price and quota; `cheaper_type` is one that would do as well for less."""

    instance_type: str
    count: int
    legal_counts: tuple[int, ...]
    doubtful_counts: tuple[int, ...]
    price: Price
    quota: Quota
    cheaper_type: str | None = None


def choose_machines(
    ctx: ToolContext, combination: Combination, hub: HubRecipe, instance_type: str | None, count: int | None
) -> Machines:
    """Return the machines asked for, or the preferred type with the smallest legal count.

    An illegal count is left to the rules, so that a plan can show it. Raises InputError for a type the recipe does not
    run on, RefusedError when its price is not known.
    """
    # What the hub lists outweighs documents that disagree with it.
    legal = hub.listed_counts or combination.counts
    doubtful = () if hub.listed_counts else combination.doubtful_counts
    nodes = _count(count, legal)
    quotas = platform_of(combination.platform).check(ctx, list(hub.instance_types))
    chosen = instance_type or _default_type(combination, hub, quotas, nodes)
    if chosen not in hub.instance_types:
        raise InputError(
            f"{combination.words} does not run on {chosen}.",
            field="instance_type",
            value=chosen,
            fix=f"use one of: {', '.join(hub.instance_types)}",
        )
    rate = _known_price(ctx, chosen)
    cheaper = _cheaper(ctx, combination, chosen, rate, quotas, nodes)
    return Machines(chosen, nodes, legal, doubtful, rate, quotas[chosen], cheaper)


def job_cost(machines: Machines, estimate: Estimate, max_runtime_s: int | None) -> Cost:
    """Return what a job may cost: the ceiling is every node x price x runtime limit.

    Raises InputError for a limit the service does not take.
    """
    limit = default_runtime(estimate.seconds) if max_runtime_s is None else max_runtime_s
    if not 1 <= limit <= RUNTIME_LIMIT_S:
        raise InputError(
            f"max_runtime_s {limit} is outside 1 to {RUNTIME_LIMIT_S}.",
            field="max_runtime_s",
            value=limit,
            fix="seconds; the service allows 28 days",
        )
    usd = machines.price.usd_per_hour
    assert usd is not None  # choose_machines refuses an unknown price
    nodes = (NodeGroup(role="job", instance_type=machines.instance_type, count=machines.count),)
    chosen = "" if max_runtime_s is not None else "; runtime limit: twice the estimate, at least 1 h"
    return Cost(
        nodes=nodes,
        prices=(machines.price,),
        max_runtime_s=limit,
        expected_s=estimate.seconds,
        basis=estimate.basis + chosen,
        # A run that is cut off at its limit bills no longer than that.
        expected_usd=cents(usd * machines.count * min(estimate.seconds, limit) / 3600),
        ceiling_usd=ceiling(nodes, {machines.instance_type: usd}, limit),
    )


def _count(count: int | None, legal: tuple[int, ...]) -> int:
    nodes = min(legal) if count is None else count
    if nodes < 1:
        raise InputError(
            f"instance_count {nodes} is below 1.",
            field="instance_count",
            value=nodes,
            fix=f"use one of: {', '.join(map(str, legal))}",
        )
    return nodes


def _default_type(combination: Combination, hub: HubRecipe, quotas: dict[str, Quota], nodes: int) -> str:
    """Return the first preferred type with quota left; without any, the last preferred one, which says what lacks."""
    preferred = [name for name in combination.prefer if name in hub.instance_types] or list(hub.instance_types)
    return next((name for name in preferred if quotas[name].enough_for(nodes)), preferred[-1])


def _known_price(ctx: ToolContext, instance_type: str) -> Price:
    found = price(ctx, instance_type, ctx.aws.region, "training")
    if found.usd_per_hour is None:
        raise RefusedError(
            f"The price of {instance_type} in {ctx.aws.region} is not known, so no ceiling can be shown.",
            rule="CO1",
            fix="allow pricing:GetProducts, or use an instance type that list_options shows with a price",
        )
    return found


def _cheaper(
    ctx: ToolContext, combination: Combination, chosen: str, rate: Price, quotas: dict[str, Quota], nodes: int
) -> str | None:
    """Return a preferred type that costs less per hour and has quota left, for evaluations only."""
    if combination.method != "EVALUATION":
        return None
    for name in combination.prefer:
        if name == chosen or name not in quotas or not quotas[name].enough_for(nodes):
            continue
        other = price(ctx, name, ctx.aws.region, "training").usd_per_hour
        if other is not None and rate.usd_per_hour is not None and other < rate.usd_per_hour:
            return name
    return None
