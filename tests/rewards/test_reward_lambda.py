"""A reward function on its way to Lambda: planned exactly, created once, tested where it runs, deleted with its role."""

import base64
import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.plan import AwsStep
from novaforge.tools.plans.view import PlanView
from novaforge.tools.rewards.contract import check_deployed
from novaforge.tools.rewards.tool import check_reward, plan_reward

if TYPE_CHECKING:
    from tests.conftest import Desk

_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f"reward-test_{next(_numbers)}"


def rules(plan: PlanView, severity: str = "block") -> set[str]:
    return {finding.rule for finding in plan.findings if finding.severity == severity}


def request_of(plan: PlanView, call: str) -> Any:
    return next(item["request"] for item in plan.requests if item.get("call") == call)


def test_the_plan_holds_the_zip_the_role_and_nothing_that_costs(
    desk: "Desk", reward_file: Callable[..., str], name: str
) -> None:
    path = reward_file()
    plan = plan_reward(desk.ctx, function=path, name=name, platform="sagemaker")
    assert plan.state == "planned" and plan.ceiling_usd == 0 and "cents" in plan.cost_basis
    assert [item.get("call") for item in plan.requests] == [
        "iam:create_role", "iam:put_role_policy", "lambda:create_function",
    ]  # fmt: skip
    function = request_of(plan, "lambda:create_function")
    steps = [step for step in desk.plan(plan.plan_id).rendered() if isinstance(step, AwsStep)]
    stored: Any = next(step.request for step in steps if step.operation == "create_function")
    content = base64.b64decode(stored["Code"]["ZipFile"]["$base64"])
    assert zipfile.ZipFile(io.BytesIO(content)).read("lambda_function.py") == Path(path).read_bytes()
    shown = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert function["Code"]["ZipFile"] == shown
    assert (function["Runtime"], function["Handler"]) == ("python3.12", "lambda_function.lambda_handler")
    assert function["Tags"]["novaforge:plan"] == plan.digest
    role = request_of(plan, "iam:create_role")["RoleName"]
    assert role.startswith("nf-reward-") and plan.digest[:12] in role and function["Role"].endswith(f":role/{role}")
    policy = json.loads(request_of(plan, "iam:put_role_policy")["PolicyDocument"])
    assert {action.partition(":")[0] for action in policy["Statement"][0]["Action"]} == {"logs"}
    assert all(f"/aws/lambda/{name}" in resource for resource in policy["Statement"][0]["Resource"])


def test_the_same_file_plans_the_same_code(desk: "Desk", reward_file: Callable[..., str], name: str) -> None:
    path = reward_file()
    plans = [plan_reward(desk.ctx, function=path, name=name, platform="sagemaker") for _ in range(2)]
    codes = [request_of(plan, "lambda:create_function")["Code"] for plan in plans]
    assert codes[0] == codes[1]


def test_an_applied_plan_makes_a_function_that_passes_where_it_runs(
    desk: "Desk", reward_file: Callable[..., str], data_file: Callable[..., str], name: str
) -> None:
    plan = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker")
    outcome = desk.apply(plan.plan_id)
    assert outcome.status == "started" and outcome.reward_arn, outcome.text()
    assert {row.kind for row in desk.ledger.resources()} == {"iam:role", "lambda:function"}
    check = check_reward(desk.ctx, function=outcome.reward_arn, data=data_file(), samples=10, platform="sagemaker")
    assert check.ok and check.findings == [] and check.scores.mean["reference"] == 1.0
    assert "plan_training" in check.next_step
    rows = [json.loads(line) for line in Path(data_file()).read_text(encoding="utf-8").splitlines()]
    assert check_deployed(desk.ctx, outcome.reward_arn, rows) == []
    assert [finding.rule for finding in check_deployed(desk.ctx, name, rows[:5])] == ["RL4"]


def test_a_deployed_function_that_breaks_the_contract_is_found_before_training(
    desk: "Desk", reward_file: Callable[..., str], data_file: Callable[..., str], name: str
) -> None:
    code = "def lambda_handler(event, context):\n    return {'statusCode': 200, 'body': '[]'}\n"
    plan = plan_reward(desk.ctx, function=reward_file(code), name=name, platform="sagemaker")
    assert desk.apply(plan.plan_id).status == "started"
    rows = [json.loads(line) for line in Path(data_file()).read_text(encoding="utf-8").splitlines()]
    (finding,) = check_deployed(desk.ctx, name, rows)
    assert (finding.rule, finding.severity) == ("RL8", "block") and "envelope" in finding.message
    failing = "def lambda_handler(event, context):\n    raise KeyError('secret row text')\n"
    other = plan_reward(desk.ctx, function=reward_file(failing), name=f"{name}-2", platform="sagemaker")
    assert desk.apply(other.plan_id).status == "started"
    (finding,) = check_deployed(desk.ctx, f"{name}-2", rows)
    assert "KeyError" in finding.message and "secret" not in finding.message


def test_a_function_nobody_calls_a_reward_is_never_invoked(
    desk: "Desk", reward_file: Callable[..., str], data_file: Callable[..., str], name: str
) -> None:
    plan = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker")
    arn = desk.apply(plan.plan_id).reward_arn or ""
    desk.call("lambda", "untag_resource", Resource=arn, TagKeys=["novaforge:plan"])
    with pytest.raises(RefusedError, match="nothing says that it is a reward function"):
        check_reward(desk.ctx, function=name, data=data_file(), samples=10)
    rows = [json.loads(line) for line in Path(data_file()).read_text(encoding="utf-8").splitlines()]
    (finding,) = check_deployed(desk.ctx, arn, rows)
    assert (finding.rule, finding.severity) == ("RL8", "not_checked") and "novaforge:reward" in finding.fix
    groups = desk.call("logs", "describe_log_groups", logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert groups == [], "it never ran"

    desk.call("lambda", "tag_resource", Resource=arn, Tags={"novaforge:reward": "yes"})
    assert check_reward(desk.ctx, function=name, data=data_file(), samples=10).ok


def test_a_function_that_is_not_there_blocks(desk: "Desk", data_file: Callable[..., str]) -> None:
    (finding,) = check_deployed(desk.ctx, "no-such-function", [])
    assert finding.severity == "block"
    with pytest.raises(InputError, match="no Lambda function"):
        check_reward(desk.ctx, function="no-such-function", data=data_file())
    with pytest.raises(InputError, match="neither"):
        check_reward(desk.ctx, function="arn:aws:s3:::bucket", data=data_file())


def test_an_existing_function_is_never_overwritten(desk: "Desk", reward_file: Callable[..., str], name: str) -> None:
    first = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker")
    second = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker")
    assert desk.apply(first.plan_id).status == "started"
    assert rules(plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker")) == {"name-free"}
    late = desk.apply(second.plan_id)
    assert late.status == "stale" and "does not exist" in late.text()


def test_a_file_changed_after_planning_makes_the_plan_stale(
    desk: "Desk", reward_file: Callable[..., str], name: str
) -> None:
    plan = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker")
    reward_file("def lambda_handler(event, context):\n    return []\n")
    assert desk.apply(plan.plan_id).status == "stale"
    assert not desk.exists("lambda:function", name)


def test_a_given_role_must_exist_and_trust_lambda(desk: "Desk", reward_file: Callable[..., str], name: str) -> None:
    missing = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker", role="no-such-role")
    assert rules(missing) == {"PL8"} and missing.state == "blocked"
    wrong = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker", role="NovaForgeExecution")
    assert rules(wrong) == {"PL8"}
    trust = {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    made = desk.call("iam", "create_role", RoleName=f"own-{name}", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    good = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker", role=made)
    assert good.state == "planned" and [item.get("call") for item in good.requests] == ["lambda:create_function"]
    assert desk.apply(good.plan_id).status == "started"
    assert [row.kind for row in desk.ledger.resources()] == ["lambda:function"]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import numpy\ndef lambda_handler(event, context):\n    return []\n", "reward-imports"),
        ("handler = 1\n", "reward-handler"),
        ("raise RuntimeError('at import')\ndef lambda_handler(event, context):\n    return []\n", "RL8"),
    ],
)
def test_code_that_cannot_run_on_lambda_blocks(
    desk: "Desk", reward_file: Callable[..., str], name: str, code: str, rule: str
) -> None:
    plan = plan_reward(desk.ctx, function=reward_file(code), name=name, platform="sagemaker")
    assert plan.state == "blocked" and rule in rules(plan)


def test_names_and_platforms_that_cannot_work_are_refused_at_once(
    desk: "Desk", reward_file: Callable[..., str]
) -> None:
    with pytest.raises(InputError, match="name of a Lambda"):
        plan_reward(desk.ctx, function=reward_file(), name="with space", platform="sagemaker")
    with pytest.raises(RefusedError, match="hyperpod"):
        plan_reward(desk.ctx, function=reward_file(), name="x", platform="hyperpod")


def test_low_reserved_concurrency_and_long_timeouts_are_for_the_person_to_accept(
    desk: "Desk", reward_file: Callable[..., str], data_file: Callable[..., str], name: str
) -> None:
    plan = plan_reward(desk.ctx, function=reward_file(), name=name, platform="sagemaker")
    assert desk.apply(plan.plan_id).status == "started"
    desk.call("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=2)
    check = check_reward(desk.ctx, function=name, data=data_file(), samples=10, platform="hyperpod")
    assert {finding.rule: finding.severity for finding in check.findings} == {"RL7": "confirm", "RL5": "block"}
