"""Hourly prices: the live Price List API first, a dated snapshot else, and never a guess."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.plan import Price
from novaforge.tools.catalog.data import load
from novaforge.tools.context import ToolContext

Component = Literal["training", "hosting"]

PRICING_REGION = "us-east-1"
"""The Price List API answers for all regions from here."""

PRODUCT_KINDS: dict[Component, str] = {"training": "Training", "hosting": "Hosting"}
"""Values of the price list's attribute platoinstancetype."""


def price(ctx: ToolContext, instance_type: str, region: str, component: Component) -> Price:
    """Return the on-demand USD per hour of one machine; usd_per_hour is None where nobody says."""
    try:
        live = _live(ctx, instance_type, region, component)
    except NovaForgeError:
        # Many callers may not read the price list; the snapshot says that it is one, and of which day.
        live = None
    return live or snapshot(instance_type, region, component, ctx.clock().date())


def snapshot(instance_type: str, region: str, component: Component, today: date) -> Price:
    """Return the price of the shipped table with its date, or usd_per_hour None with today's."""
    table = load("prices.json")
    found = table["usd_per_hour"].get(region, {}).get(instance_type)
    if found is None:
        return Price(
            instance_type=instance_type, region=region, component=component, usd_per_hour=None, source="", as_of=today
        )
    origin = table["sources"][region]
    return Price(
        instance_type=instance_type,
        region=region,
        component=component,
        usd_per_hour=Decimal(found),
        source=f"snapshot: {origin['text']}",
        as_of=date.fromisoformat(origin["as_of"]),
    )


def _live(ctx: ToolContext, instance_type: str, region: str, component: Component) -> Price | None:
    wanted = {
        "productFamily": "ML Instance",
        "regionCode": region,
        "instanceName": instance_type,
        "platoinstancetype": PRODUCT_KINDS[component],
    }
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    answer = ctx.aws.call(
        "pricing", "get_products", region=PRICING_REGION, ServiceCode="AmazonSageMaker", Filters=filters
    )
    rates = [rate for item in answer.get("PriceList", []) for rate in _rates(item)]
    if not rates:
        return None
    # Two rates for one machine would be two readings of the list; the dearer one never understates a ceiling.
    return Price(
        instance_type=instance_type,
        region=region,
        component=component,
        usd_per_hour=max(rates),
        source="AWS Price List API",
        as_of=ctx.clock().date(),
    )


def _rates(item: Any) -> Iterator[Decimal]:
    """Yield the positive on-demand hourly rates of one product of the price list."""
    product = json.loads(item) if isinstance(item, str) else item
    kind = str(product.get("product", {}).get("attributes", {}).get("platoinstancetype", ""))
    if "Free" in kind:
        return
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            if str(dimension.get("unit", "Hrs")).lower() not in {"hrs", "hour", "hours"}:
                continue
            try:
                rate = Decimal(str(dimension.get("pricePerUnit", {}).get("USD", "")))
            except InvalidOperation:
                continue
            if rate > 0:
                yield rate
