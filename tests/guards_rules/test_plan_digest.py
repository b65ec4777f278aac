"""The arithmetic of money and time that plans rest on, and the digest that covers every part of a plan."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from novaforge.guards.findings import Fact, Finding
from novaforge.guards.plan import (
    AwsStep,
    Cost,
    CreatedResource,
    InputIdentity,
    NodeGroup,
    Plan,
    PlanBody,
    Precondition,
    Price,
    Principal,
    RecipeSource,
    UploadStep,
    ceiling,
    freeze,
    intact,
)
from novaforge.guards.values import canonical_json, cents_up, day_start, dollars

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CREATE = AwsStep(
    name="job", service="sagemaker", operation="create_training_job", bills=True,
    request={"TrainingJobName": "nf-%%DIGEST12%%", "Tags": [{"Key": "novaforge:plan", "Value": "%%DIGEST%%"}]},
    creates=CreatedResource(kind="sagemaker:training-job", name="nf-%%DIGEST12%%", delete_with="stop_job"),
)  # fmt: skip
PRICE = Price(
    instance_type="ml.p5.48xlarge", region="us-east-1", component="training", usd_per_hour=Decimal("98.32"),
    source="snapshot", as_of=date(2026, 11, 1),
)  # fmt: skip
BODY = PlanBody(
    plan_id="plan_1", action="train", title="t", name="n", model="nova_lite_2", method="SFT_LORA", platform="sagemaker",
    principal=Principal(account="111122223333", arn="arn:aws:iam::1:user/ann", region="us-east-1"), sandbox=False,
    steps=(UploadStep(name="data", uri="s3://b/k", file="/data/x", sha256="0" * 64, bytes=10), CREATE),
    recipe=RecipeSource(
        name="r", hub_content="h", hub_version="1.0.0", template_uri="s3://h/r", template_sha256="1" * 64, text="steps: 1",
    ),
    image="image:1", inputs=(InputIdentity(role="train", uri="s3://b/k", bytes=10, rows=3, etag="e"),),
    cost=Cost(
        nodes=(NodeGroup(role="worker", instance_type="ml.p5.48xlarge", count=4),), prices=(PRICE,), max_runtime_s=3600,
        ceiling_usd=Decimal("393.28"),
    ),
    findings=(Finding(rule="PL1", severity="warn", message="m"),), facts=(Fact(name="quota", known=True, value=4),),
    preconditions=(Precondition(name="p", kind="price", target={}, expected="98.32"),), output="s3://b/out",
    spec={"data": "x"}, created_at=NOON, expires_at=NOON + timedelta(minutes=30),
)  # fmt: skip

STEP = BODY.steps[1]
CHANGES: dict[str, dict[str, Any]] = {
    "ceiling": {"cost": BODY.cost.model_copy(update={"ceiling_usd": Decimal("393.27")})},
    "price": {
        "cost": BODY.cost.model_copy(update={"prices": (PRICE.model_copy(update={"usd_per_hour": Decimal(1)}),)})
    },
    "machines": {"cost": BODY.cost.model_copy(update={"nodes": ()})},
    "runtime": {"cost": BODY.cost.model_copy(update={"max_runtime_s": 3601})},
    "request": {"steps": (BODY.steps[0], STEP.model_copy(update={"request": {"TrainingJobName": "another"}}))},
    "upload": {"steps": (BODY.steps[0].model_copy(update={"sha256": "2" * 64}), STEP)},
    "order": {"steps": (STEP, BODY.steps[0])},
    "account": {"principal": BODY.principal.model_copy(update={"account": "999988887777"})},
    "region": {"principal": BODY.principal.model_copy(update={"region": "eu-west-2"})},
    "sandbox": {"sandbox": True},
    "input": {"inputs": (BODY.inputs[0].model_copy(update={"etag": "f"}),)},
    "finding": {"findings": ()},
    "precondition": {"preconditions": ()},
    "recipe": {"recipe": None},
    "image": {"image": "image:2"},
    "output": {"output": "s3://b/elsewhere"},
    "spec": {"spec": {"data": "y"}},
    "expiry": {"expires_at": NOON + timedelta(minutes=31)},
    "id": {"plan_id": "plan_2"},
}


@pytest.mark.parametrize("part", CHANGES)
def test_the_digest_covers_every_part_of_a_plan(part: str) -> None:
    plan, changed = freeze(BODY), BODY.model_copy(update=CHANGES[part])
    assert freeze(changed).digest != plan.digest
    assert intact(plan) and not intact(Plan(**dict(changed), digest=plan.digest))


def test_a_plan_read_back_is_the_same_plan_and_takes_no_unknown_field() -> None:
    plan = freeze(BODY)
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again == plan and intact(again)
    with pytest.raises(ValidationError):
        Plan.model_validate({**plan.model_dump(mode="json"), "skip_approval": True})


def test_what_is_sent_carries_the_digest_in_its_names_and_tags() -> None:
    plan = freeze(BODY)
    _, step = plan.rendered()
    assert isinstance(step, AwsStep)
    assert step.request == {
        "TrainingJobName": f"nf-{plan.digest[:12]}", "Tags": [{"Key": "novaforge:plan", "Value": plan.digest}],
    }  # fmt: skip
    assert [made.name for made in plan.created()] == [f"nf-{plan.digest[:12]}"]
    assert plan.fill("%%DIGEST%%/%%DIGEST12%%") == f"{plan.digest}/{plan.digest[:12]}"


NODES = st.lists(st.tuples(st.integers(1, 64), st.decimals("0.001", "999", places=4)), min_size=1, max_size=4)


@given(nodes=NODES, seconds=st.integers(1, 28 * 24 * 3600))
def test_the_ceiling_is_every_machine_times_its_price_times_the_limit_and_never_less(
    nodes: list[tuple[int, Decimal]], seconds: int
) -> None:
    groups = tuple(NodeGroup(role="r", instance_type=f"t{at}", count=count) for at, (count, _) in enumerate(nodes))
    prices = {f"t{at}": price for at, (_, price) in enumerate(nodes)}
    exact = sum((Fraction(price) * count for count, price in nodes), Fraction(0)) * seconds / 3600
    found = Fraction(ceiling(groups, prices, seconds))
    assert exact - Fraction(1, 10**12) <= found < exact + Fraction(1, 100)


@pytest.mark.parametrize(
    ("amount", "up", "shown"),
    [
        ("0", "0.00", "$0.00"),
        ("0.001", "0.01", "$0.00"),
        ("0.005", "0.01", "$0.01"),
        ("1012.741", "1012.75", "$1,012.74"),
    ],
)
def test_a_ceiling_is_rounded_up_and_an_amount_is_shown_to_the_nearest_cent(amount: str, up: str, shown: str) -> None:
    assert str(cents_up(Decimal(amount))) == up
    assert dollars(Decimal(amount)) == shown


def test_a_day_begins_at_midnight_utc() -> None:
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    assert day_start(midnight) == midnight
    assert day_start(datetime(2026, 11, 20, 23, 59, 59, 999999, tzinfo=UTC)) == midnight
    assert day_start(midnight - timedelta(microseconds=1)) == midnight - timedelta(days=1)


def test_canonical_json_has_one_text_per_value_and_refuses_floats_wherever_they_hide() -> None:
    assert canonical_json({"b": [1, None, "ü"], "a": True}) == '{"a":true,"b":[1,null,"ü"]}'
    for value in (1.0, [1.0], {"a": [{"b": 0.1}]}):
        with pytest.raises(TypeError, match="float"):
            canonical_json(value)  # type: ignore[arg-type]  # such values are the point
