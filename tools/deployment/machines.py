"""Choose the machines of an endpoint, price them, and see whether the account may have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from novaforge.guards.errors import AwsError, ConfigError, InputError
from novaforge.guards.findings import Fact, Finding, known, not_checked
from novaforge.guards.plan import Cost, NodeGroup, Price, ceiling
from novaforge.guards.values import dollars
from novaforge.tools.aws.quotas import SOURCE, named_quotas
from novaforge.tools.catalog.prices import price
from novaforge.tools.context import ToolContext
from novaforge.tools.deployment.capacity import asked, fits, known_type, tiers

STALE_DAYS = 7
"""CO1: an older price is shown to the person by name."""


@dataclass(frozen=True)
class Choice:
    """The machines of a deployment and what one of them costs."""

    instance_type: str
    count: int
    price: Price

    @property
    def usd_per_hour(self) -> Decimal | None:
        """Dollars per hour of all machines together."""
        return None if self.price.usd_per_hour is None else self.price.usd_per_hour * self.count


def choose(
    ctx: ToolContext, model: str, instance_type: str | None, count: int | None, environment: Mapping[str, str]
) -> Choice:
    """Return the machines asked for, else the cheapest that serve the environment, or come closest to it.

    Raises InputError for an instance type that does not serve the model and for a count below 1.
    """
    number = 1 if count is None else count
    if number < 1:
        raise InputError(f"instance_count is {number}.", field="instance_count", value=number, fix="give 1 or more")
    region = ctx.aws.region
    if instance_type is not None:
        chosen = known_type(model, instance_type)
        return Choice(chosen, number, price(ctx, chosen, region, "hosting"))
    options = tiers(model)
    fitting = [name for name, served in options.items() if fits(served, *asked(environment))] or [*options][-1:]
    prices = [price(ctx, name, region, "hosting") for name in fitting]
    # A machine without a price comes last: it is never chosen as the cheapest.
    best = min(prices, key=lambda item: (item.usd_per_hour is None, item.usd_per_hour or 0))
    return Choice(best.instance_type, number, best)


def cost_of(choice: Choice, start: datetime, until: datetime, today: date) -> tuple[Cost, list[Finding]]:
    """Return what the endpoint costs until its planned end, and what is doubtful about the price (rule CO1)."""
    seconds = int((until - start).total_seconds())
    nodes = (NodeGroup(role="endpoint", instance_type=choice.instance_type, count=choice.count),)
    rate = choice.price.usd_per_hour
    if rate is None:
        message = (
            f"the hourly price of {choice.instance_type} in {choice.price.region} is not known, so there is no ceiling"
        )
        finding = Finding(rule="CO1", severity="block", message=message, fix="choose another instance type or region")
        return Cost(nodes=nodes, prices=(choice.price,), max_runtime_s=seconds, basis="price unknown"), [finding]
    total = ceiling(nodes, {choice.instance_type: rate}, seconds)
    cost = Cost(
        nodes=nodes,
        prices=(choice.price,),
        max_runtime_s=seconds,
        expected_s=seconds,
        basis=f"{choice.count} x {dollars(rate)} per hour from creation to {until:%Y-%m-%d %H:%M} UTC, used or not;"
        " the ceiling holds only if the endpoint is deleted by then",
        expected_usd=total,
        ceiling_usd=total,
    )
    return cost, _price_age(choice.price, today)


def check_quota(ctx: ToolContext, choice: Choice) -> tuple[Fact, list[Finding]]:
    """PL3: compare the account's quota with the machines asked for and those our own endpoints hold."""
    name = f"{choice.instance_type} for endpoint usage"
    try:
        quota = next(named_quotas(ctx, [name]), None)
    except (AwsError, ConfigError) as error:
        finding = Finding(rule="PL3", severity="not_checked", message=f"quota: {error.message}", fix=error.fix)
        return not_checked(f"quota {name}", error.message, SOURCE), [finding]
    if quota is None:
        reason = f"Service Quotas lists no {name!r}"
        finding = Finding(rule="PL3", severity="not_checked", message=reason, fix="look in the Service Quotas console")
        return not_checked(f"quota {name}", reason, SOURCE), [finding]
    allowed, used = quota.limit, _held(ctx, choice.instance_type)
    fact = known(f"quota {name}", {"allowed": allowed, "held by our endpoints": used}, SOURCE)
    if choice.count + used <= allowed:
        return fact, []
    message = f"quota {name!r} is {allowed}, our endpoints hold {used}, this one needs {choice.count}"
    fix = f"ask for more in the Service Quotas console (code {quota.code}), or delete an endpoint"
    return fact, [Finding(rule="PL3", severity="block", message=message, fix=fix)]


def _held(ctx: ToolContext, instance_type: str) -> int:
    """Count the machines of this type that endpoints in our ledger hold."""
    plans = {item.plan_id for item in ctx.ledger.resources(kind="sagemaker:endpoint")}
    found = [record.plan for plan_id in plans if (record := ctx.ledger.plan(plan_id))]
    groups = [group for plan in found for group in plan.cost.nodes]
    return sum(group.count for group in groups if group.instance_type == instance_type)


def _price_age(found: Price, today: date) -> list[Finding]:
    age = (today - found.as_of).days
    if age <= STALE_DAYS:
        return []
    message = f"the price of {found.instance_type} is {age} days old ({found.source})"
    return [Finding(rule="CO1", severity="confirm", message=message, fix="compare with the AWS price list")]
