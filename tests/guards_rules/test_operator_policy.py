"""The operator's limits on what a plan may use."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import JsonValue

from novaforge.guards.errors import ConfigError
from novaforge.guards.plan import AwsStep, Cost, InputIdentity, NodeGroup, PlanBody, Principal
from novaforge.guards.policy import Policy, check_policy, parse_policy, tier

ROLE = "arn:aws:iam::111122223333:role/team/Trainer"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def plan(operation: str = "create_training_job", **request: JsonValue) -> PlanBody:
    return PlanBody(
        plan_id="p-1", action="train", title="t", name="n", sandbox=True, created_at=NOON, expires_at=NOON,
        principal=Principal(account="111122223333", arn=ROLE, region="us-east-1"),
        steps=(AwsStep(name="s", service="x", operation=operation, request=request),),
        inputs=(InputIdentity(role="train", uri="s3://data/train.jsonl", bytes=1),),
        cost=Cost(nodes=(NodeGroup(role="job", instance_type="ml.p5.48xlarge", count=4),), ceiling_usd=Decimal(100)),
        output="s3://results/run",
    )  # fmt: skip


def broken(policy: Policy, body: PlanBody, spent: int = 0) -> dict[str, str]:
    found = check_policy(policy, body, Decimal(spent))
    assert all(finding.severity == "block" and finding.fix for finding in found)
    return {finding.rule: finding.message for finding in found}


@pytest.mark.parametrize(
    ("limit", "rule", "named"),
    [
        ({"regions": ["eu-west-1"]}, "POL-region", "us-east-1"),
        ({"instance_types": ["ml.g6.48xlarge"]}, "POL-instance", "ml.p5.48xlarge"),
        ({"buckets": ["data"]}, "POL-bucket", "results"),
        ({"roles": ["Other"]}, "POL-role", ROLE),
        ({"max_usd_per_plan": "99.99"}, "POL-plan-budget", "$99.99"),
        ({"max_usd_per_day": "149"}, "POL-day-budget", "$50"),
    ],
)
def test_each_limit_blocks_what_passes_it_and_names_it(limit: dict[str, object], rule: str, named: str) -> None:
    found = broken(Policy.model_validate(limit), plan(RoleArn=ROLE), spent=50)
    assert set(found) == {rule} and named in found[rule]


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"regions": ["us-east-1"], "instance_types": ["ml.p5.48xlarge"], "buckets": ["data", "results"]},
        {"max_usd_per_plan": "100", "max_usd_per_day": "150"},
        {"roles": ["Trainer"]},
        {"roles": [ROLE]},
    ],
)
def test_a_plan_within_the_limits_passes(limits: dict[str, object]) -> None:
    assert broken(Policy.model_validate(limits), plan(RoleArn=ROLE), spent=50) == {}


@pytest.mark.parametrize(
    ("operation", "key"),
    [("create_training_job", "RoleArn"), ("create_model", "ExecutionRoleArn"), ("create_function", "Role")],
)
def test_every_role_a_plan_passes_to_aws_is_looked_at(operation: str, key: str) -> None:
    assert set(broken(Policy(roles=("Other",)), plan(operation, **{key: ROLE}))) == {"POL-role"}


def test_a_key_the_policy_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_usd_per_week") as caught:
        parse_policy('max_usd_per_week = "1"', "policy.toml")
    assert "max_usd_per_day" in caught.value.fix


def test_only_a_ceiling_above_the_limit_wants_a_terminal() -> None:
    policy = Policy(terminal_above_usd=Decimal(100))
    assert [tier(policy, Decimal(usd)) for usd in ("99.99", "100", "100.01")] == ["form", "form", "terminal"]
    assert tier(Policy(), Decimal(10**9)) == "form"
    assert tier(Policy(terminal_above_usd=Decimal(0)), Decimal("0.01")) == "terminal"


def test_the_buckets_of_a_policy_do_not_forbid_local_files() -> None:
    local = InputIdentity(role="train", uri="/home/ann/train.jsonl", bytes=1)
    body = plan().model_copy(update={"inputs": (local,)})
    assert broken(Policy(buckets=("results",)), body) == {}


@pytest.mark.parametrize(("spent", "rules"), [(0, set[str]()), (1, {"POL-day-budget"})])
def test_a_budget_may_be_used_up_to_the_cent(spent: int, rules: set[str]) -> None:
    policy = Policy(max_usd_per_plan=Decimal(100), max_usd_per_day=Decimal(100))
    assert set(broken(policy, plan(), spent)) == rules
