"""A plan as the tools return it."""

import base64
import hashlib

from pydantic import JsonValue

from novaforge.guards.plan import Plan, Price
from novaforge.guards.values import JsonObject, Usd, Utc, dollars
from novaforge.tools.records import PlanRecord
from novaforge.tools.results import FindingView, ToolResult, finding_views, show_findings


class PlanView(ToolResult):
    """A dry run: what would be sent, what it may cost, what was found. Nothing has been started."""

    plan_id: str
    state: str
    action: str
    title: str
    digest: str
    ceiling_usd: Usd
    expected_usd: Usd | None
    cost_basis: str
    max_runtime_s: int
    nodes: list[JsonObject]
    findings: list[FindingView]
    facts: dict[str, JsonValue]
    inputs: list[JsonObject]
    requests: list[JsonObject]
    recipe: str
    creates: list[JsonObject]
    expires_at: Utc

    def text(self) -> str:
        """Return the plan in a few lines."""
        money = f"ceiling {dollars(self.ceiling_usd)}"
        if self.expected_usd is not None:
            money += f", expected {dollars(self.expected_usd)}"
        lines = [f"Plan {self.plan_id} ({self.state}): {self.title}", money]
        lines += [f"{node['count']} x {node['instance_type']} ({node['role']}), {_price(node)}" for node in self.nodes]
        return "\n".join([*lines, show_findings(self.findings), self.next_step]).replace("\n\n", "\n")


def view_plan(record: PlanRecord) -> PlanView:
    """Return a plan for the wire, its requests with the digest filled in."""
    plan = record.plan
    return PlanView(
        plan_id=plan.plan_id,
        state=record.state,
        action=plan.action,
        title=plan.title,
        digest=plan.digest,
        ceiling_usd=plan.cost.ceiling_usd,
        expected_usd=plan.cost.expected_usd,
        cost_basis=plan.cost.basis,
        max_runtime_s=plan.cost.max_runtime_s,
        nodes=_nodes(plan),
        findings=finding_views(plan.findings),
        facts={fact.name: fact.value if fact.known else f"not checked: {fact.reason}" for fact in plan.facts},
        inputs=[item.model_dump(mode="json", exclude_none=True) for item in plan.inputs],
        requests=_requests(plan),
        recipe=plan.fill(plan.recipe.text) if plan.recipe else "",
        creates=[made.model_dump(mode="json") for made in plan.created()],
        expires_at=plan.expires_at,
        sandbox=plan.sandbox,
        next_step=default_next_step(record),
    )


def default_next_step(record: PlanRecord) -> str:
    """Say what to do with a plan in its state."""
    plan_id = record.plan.plan_id
    return {
        "blocked": "Correct the [block] findings and make a new plan; this one cannot be applied.",
        "planned": f'Show the plan to the person, then call apply_plan(plan_id="{plan_id}"); it asks them for approval.',
        "approved": f'Approved. Call apply_plan(plan_id="{plan_id}") before the approval expires.',
        "submitting": f'Being started. Call apply_plan(plan_id="{plan_id}") again to learn the outcome.',
        "submitted": "Started. Follow it with get_job, or list_jobs.",
    }.get(record.state, "This plan can no longer be applied; make a new one.")


def _nodes(plan: Plan) -> list[JsonObject]:
    """Return the machines that bill, each with its price, the price's source and its date."""
    prices = {price.instance_type: price for price in plan.cost.prices}
    return [group.model_dump(mode="json") | _priced(prices.get(group.instance_type)) for group in plan.cost.nodes]


def _priced(price: Price | None) -> JsonObject:
    hourly = str(price.usd_per_hour) if price and price.usd_per_hour is not None else None
    as_of = price.as_of.isoformat() if price else None
    return {"usd_per_hour": hourly, "price_source": price.source if price else "", "price_as_of": as_of}


def _price(node: JsonObject) -> str:
    hourly = node["usd_per_hour"]
    return f"${hourly} an hour each ({node['price_source']}, {node['price_as_of']})" if hourly else "price unknown"


def _requests(plan: Plan) -> list[JsonObject]:
    shown: list[JsonObject] = []
    for step in plan.rendered():
        if step.kind == "upload":
            shown.append({"step": step.name, "upload": step.uri, "bytes": step.bytes, "sha256": step.sha256})
        else:
            call = f"{step.service}:{step.operation}"
            shown.append({"step": step.name, "call": call, "request": _without_bytes(step.request)})
    return shown


def _without_bytes(value: JsonValue) -> JsonValue:
    """Show bytes by size and hash; the plan itself keeps them."""
    if isinstance(value, list):
        return [_without_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(encoded := value.get("$base64"), str):
        content = base64.b64decode(encoded)
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {key: _without_bytes(item) for key, item in value.items()}
