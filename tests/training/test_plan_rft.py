"""A reinforcement plan names its reward function, calls it once on real rows, and blocks when it is not fit."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from novaforge.guards.errors import InputError
from novaforge.guards.plan import AwsStep
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.preconditions import moved
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.tool import plan_training

Write = Callable[..., str]
GOOD = {"max_steps": 5, "save_steps": 5, "top_k": 0, "number_generation": 8, "reasoning_effort": None}


def plan(ctx: ToolContext, data: str, **arguments: Any) -> PlanView:
    given = {"method": "RFT_LORA", "model": "nova_lite_2", "platform": "sagemaker", "overrides": GOOD}
    return plan_training(ctx, data=data, **({"output": "s3://novaforge-sandbox/rft-tests/a"} | given | arguments))


def by_rule(view: PlanView, severity: str) -> set[str]:
    return {rule for item in view.findings if item.severity == severity for rule in item.rule.split()}


@pytest.mark.parametrize("spelling", ["arn", "name", "resource id"])
def test_the_reward_function_may_be_named_in_three_ways(
    ctx: ToolContext, write_rows: Write, reward_arn: str, spelling: str
) -> None:
    name = reward_arn.rpartition(":")[2]
    reward = {"arn": reward_arn, "name": name, "resource id": f"lambda:function/{name}"}[spelling]
    view = plan(ctx, write_rows("RFT_LORA"), reward=reward)
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None
    job = record.plan.rendered()[-1]
    assert isinstance(job, AwsStep)
    sent: Any = job.request
    assert sent["HyperParameters"]["reward_lambda_arn"] == reward_arn
    assert sent["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] == "S3Prefix"
    recipe = yaml.safe_load(view.recipe or "")
    assert recipe["run"]["reward_lambda_arn"] == reward_arn
    assert recipe["training_config"]["rollout"]["rewards"]["api_endpoint"]["lambda_arn"] == reward_arn
    assert sent["ResourceConfig"]["InstanceCount"] == 2
    assert by_rule(view, "block") == set() and view.state == "planned"


def test_a_verified_reward_is_a_fact_and_its_code_a_precondition(
    ctx: ToolContext, write_rows: Write, reward_arn: str
) -> None:
    view = plan(ctx, write_rows("RFT_LORA"), reward=reward_arn)
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None
    fact = next(item for item in record.plan.facts if item.name == "reward")
    assert isinstance(fact.value, dict) and fact.value["rows_checked"] == 10
    assert "reward function" in {item.name for item in record.plan.preconditions}
    assert moved(ctx, record.plan) == []


def test_what_was_not_measured_is_listed_as_not_checked(ctx: ToolContext, write_rows: Write, reward_arn: str) -> None:
    view = plan(ctx, write_rows("RFT_LORA"), reward=reward_arn)
    assert {"ME2", "ME3", "ME4", "ME5"} <= by_rule(view, "not_checked")


def test_a_reward_function_that_is_not_there_blocks(ctx: ToolContext, write_rows: Write) -> None:
    assert "RL0" in by_rule(plan(ctx, write_rows("RFT_LORA"), reward="no-such-function"), "block")


def test_awss_default_of_greedy_rollouts_is_put_to_the_person(
    ctx: ToolContext, write_rows: Write, reward_arn: str
) -> None:
    view = plan(ctx, write_rows("RFT_LORA", rows=640), reward=reward_arn, overrides=None)
    assert by_rule(view, "confirm") >= {"RL2"}
    assert by_rule(view, "warn") >= {"RL1", "SL5"}
    assert by_rule(view, "block") == set()


@pytest.mark.parametrize(
    "reward",
    [
        "arn:aws:lambda:eu-west-1:111122223333:function:f",
        "arn:aws:lambda:us-east-1:999999999999:function:f",
        "arn:aws:lambda:us-east-1:111122223333:function:f:7",
        "arn:aws:iam::111122223333:role/f",
    ],
)
def test_a_function_of_another_place_or_a_version_is_refused(ctx: ToolContext, write_rows: Write, reward: str) -> None:
    with pytest.raises(InputError) as caught:
        plan(ctx, write_rows("RFT_LORA"), reward=reward)
    assert caught.value.data["field"] == "reward"


def test_validation_data_is_refused_since_it_would_be_ignored(
    ctx: ToolContext, write_rows: Write, reward_arn: str
) -> None:
    path = write_rows("RFT_LORA")
    with pytest.raises(InputError) as caught:
        plan(ctx, path, reward=reward_arn, validation_data=path)
    assert caught.value.data["field"] == "validation_data"
