"""What a person is asked before a plan is applied, and what their answer means.

The question is a function of the stored plan alone: no clock, no live price. It therefore comes out the same each time it
is rendered, and its SHA-256 says exactly what was shown.
"""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from novaforge.guards.plan import AwsStep, CreatedResource, NodeGroup, Plan, Price
from novaforge.guards.text import one_line, one_word
from novaforge.guards.values import cents, cents_up, dollars, sha256_text

Judgement = Literal["approved", "rejected", "wrong_amount"]

# An amount as a person copies it from the question: cents always, thousands separated or not, with or without $.
_AMOUNT = re.compile(r"\$?\s?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})\.[0-9]{2}")
_REMOVING = ("delete_", "detach_", "remove_", "stop_")
MOST_OTHERS = 50
"""How many files and policies a question names one by one; a form has to stay readable."""


def _portable(schema: JsonDict) -> None:
    schema.pop("additionalProperties", None)  # not among the keys MCP allows in a form's schema


class Answer(BaseModel):
    """A person's answer; both fields have to be given, so that accepting an empty form is no answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_portable)

    decision: Literal["approve", "reject"] = Field(description="approve starts exactly this plan; reject closes it")
    typed_amount: str = Field(
        description="to approve, type the ceiling in dollars and cents as shown, such as $1,012.74; to reject, type no"
    )


def ceiling_text(plan: Plan) -> str:
    """Return the amount a person types, such as $1,012.74: the ceiling, rounded up to a whole cent."""
    return dollars(cents_up(plan.cost.ceiling_usd))


def judge(plan: Plan, answer: Answer) -> Judgement:
    """Say what an answer means: approved only when the typed amount is the plan's ceiling to the cent."""
    if answer.decision == "reject":
        return "rejected"
    return "approved" if amount(answer.typed_amount) == cents_up(plan.cost.ceiling_usd) else "wrong_amount"


def amount(typed: str) -> Decimal | None:
    """Return a typed amount in dollars and cents, or None when it is not written as one."""
    text = typed.strip()
    return Decimal(re.sub(r"[$,\s]", "", text)) if _AMOUNT.fullmatch(text) else None


def prompt_sha256(plan: Plan) -> str:
    """Return the SHA-256 of the question a person is shown."""
    return sha256_text(question(plan))


def question(plan: Plan) -> str:
    """Return the whole question; whatever a model or a file may have worded stands last, cleaned and labelled."""
    parts = [
        [f"Approve plan {one_word(plan.plan_id)}? Nothing has been started yet.", *_what(plan)],
        _money(plan),
        _listed("By approving you also accept:", _accepted(plan)),
        _listed("Creates:", _creates(plan.created())),
        _listed("Deletes:", _deletes(plan)),
        [
            f"Valid until {plan.expires_at.isoformat(timespec='seconds')}. Plan digest {one_word(plan.digest)}.",
            f"To approve, choose approve and type the ceiling exactly: {ceiling_text(plan)}",
        ],
        _listed("Wording chosen by the requesting model (data, not part of this question):", _wording(plan)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _what(plan: Plan) -> list[str]:
    words = [plan.action, plan.model, plan.method, plan.platform]
    where = f"Account {one_word(plan.principal.account)}, region {one_word(plan.principal.region)}"
    return [
        "What: " + " ".join(one_word(word) for word in words if word),
        where + (" (sandbox: no real money)" if plan.sandbox else ""),
        f"Calls: {', '.join(_calls(plan)) or 'none'}",
    ]


def _calls(plan: Plan) -> Iterable[str]:
    uploads = sum(step.kind == "upload" for step in plan.steps)
    if uploads:
        yield f"{uploads} S3 upload{'s' if uploads > 1 else ''}"
    names = [
        f"{one_word(step.service)}:{one_word(step.operation)}{' (bills)' if step.bills else ''}"
        for step in plan.steps
        if isinstance(step, AwsStep)
    ]
    for name, count in Counter(names).items():
        yield f"{count} x {name}" if count > 1 else name


def _money(plan: Plan) -> list[str]:
    cost = plan.cost
    lines = [_machines(group, cost.prices) for group in cost.nodes]
    if cost.max_runtime_s:
        lines.append(f"Longest run: {_duration(cost.max_runtime_s)}")
    if cost.expected_usd is not None:
        lines.append(f"Expected: {dollars(cost.expected_usd)}")
    return [*lines, f"Ceiling: {ceiling_text(plan)}"]


def _machines(group: NodeGroup, prices: tuple[Price, ...]) -> str:
    price = next((price for price in prices if price.instance_type == group.instance_type), None)
    text = f"Machines: {group.count} x {one_word(group.instance_type)} ({one_word(group.role)})"
    if price is None or price.usd_per_hour is None:
        return f"{text}, price not known"
    source = f"{one_line(price.source)}, {price.as_of.isoformat()}"
    return f"{text} at {_rate(price.usd_per_hour)} per hour each ({source})"


def _rate(usd: Decimal) -> str:
    """Write an hourly price with all its digits: times many hours, the fractions of a cent count."""
    return dollars(usd) if usd == cents(usd) else f"${usd:f}"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def _accepted(plan: Plan) -> list[str]:
    return [f"{one_word(finding.rule)}: {one_line(finding.message, 300)}" for finding in plan.to_confirm]


def _creates(made: list[CreatedResource]) -> list[str]:
    return [_created(item) for item in made]


def _created(item: CreatedResource) -> str:
    until = f", to be deleted after {item.delete_after.isoformat(timespec='minutes')}" if item.delete_after else ""
    return f"{one_word(item.kind)} {one_word(item.name)}, deleted with {one_line(item.delete_with, 80)}{until}"


def _deletes(plan: Plan) -> list[str]:
    """Name every resource; what hangs on one, and files, stand after them and are counted when there are many."""
    steps = [step for step in plan.rendered() if isinstance(step, AwsStep)]
    resources = [one_word(step.deletes) for step in steps if step.deletes]
    others = [_removed(step) for step in steps if not step.deletes and step.operation.startswith(_REMOVING)]
    more = len(others) - MOST_OTHERS
    return [*resources, *others[:MOST_OTHERS], *([f"and {more} more, listed by get_plan"] if more > 0 else [])]


def _removed(step: AwsStep) -> str:
    what = " ".join(one_word(value) for value in step.request.values() if isinstance(value, str))
    return f"{one_word(step.service)}:{one_word(step.operation)} {what}"


def _wording(plan: Plan) -> list[str]:
    output = [f"output: {one_line(plan.output)}"] if plan.output else []
    return [f"title: {one_line(plan.title)}", f"name: {one_line(plan.name)}", *output]


def _listed(heading: str, lines: list[str]) -> list[str]:
    return [heading, *(f"- {line}" for line in lines)] if lines else []
