"""The reward function is called with the real event, and an answer that breaks the contract ends the job."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.recipe import Recipe
from novaforge.server.sandbox.worker.reward import RewardFunction, reward_arn

if TYPE_CHECKING:
    from tests.sandbox_worker.conftest import Bench, Event, Rewards

ARN = "arn:aws:lambda:us-east-1:111122223333:function:SageMaker-reward"
SAMPLES = [{"id": f"t{index}", "messages": [], "reference_answer": "x", "extra": index} for index in range(5)]


def _scored(event: "Event") -> list[dict[str, Any]]:
    return [{"id": sample["id"], "aggregate_reward_score": float(sample["extra"])} for sample in event]


def _function(bench: "Bench", rewards: "Rewards", **settings: Any) -> RewardFunction:
    folder = bench.job("job", url=rewards.url, settings=settings)
    return RewardFunction(Job.open(folder), ARN, 2)


def test_scores_come_back_in_order_over_several_calls(bench: "Bench", rewards: "Rewards") -> None:
    rewards.answer = lambda event: (200, {}, _scored(event))
    assert _function(bench, rewards, reward_batch=2).scores(SAMPLES) == [0, 1, 2, 3, 4]
    assert sorted(len(event) for event in rewards.events) == [1, 2, 2]
    assert sorted((sample for event in rewards.events for sample in event), key=lambda s: s["id"]) == SAMPLES


BROKEN: list[tuple[Any, str]] = [
    ({"statusCode": 200, "body": "[]"}, "dict, not a list"),
    ([], "0 results to 5 samples"),
    (b"<html>", "not JSON"),
    ([{"aggregate_reward_score": 1}] * 5, "without id"),
    ([{"id": "t1", "aggregate_reward_score": 1}] * 5, "order has to be kept"),
    ([{"id": "t0", "aggregate_reward_score": "1"}] * 5, "no number"),
    ([{"id": "t0", "aggregate_reward_score": True}] * 5, "no number"),
    (b'[{"id": "t0", "aggregate_reward_score": NaN}' + b', {"id": "t0"}' * 4 + b"]", "no number"),
    ([{"id": "t0"}] * 5, "no number"),
]


@pytest.mark.parametrize(("body", "why"), BROKEN)
def test_an_answer_that_breaks_the_contract_is_named(bench: "Bench", rewards: "Rewards", body: Any, why: str) -> None:
    rewards.answer = lambda event: (200, {}, body)
    with pytest.raises(InputError, match=why) as caught:
        _function(bench, rewards).scores(SAMPLES)
    assert ARN in str(caught.value)


def test_an_exception_in_the_function_is_told_with_its_type(bench: "Bench", rewards: "Rewards") -> None:
    error = {"errorType": "KeyError", "errorMessage": "'label'"}
    rewards.answer = lambda event: (200, {"X-Amz-Function-Error": "Unhandled"}, error)
    with pytest.raises(InputError, match="KeyError: 'label'"):
        _function(bench, rewards).scores(SAMPLES)


def test_a_function_that_does_not_exist_is_told(bench: "Bench", rewards: "Rewards") -> None:
    headers = {"x-amzn-errortype": "ResourceNotFoundException"}
    rewards.answer = lambda event: (404, headers, {"Message": "Function not found"})
    with pytest.raises(InputError, match="Function not found"):
        _function(bench, rewards).scores(SAMPLES)


def test_the_request_names_the_function_before_the_recipe_does(bench: "Bench") -> None:
    folder = bench.job("job")
    recipe = {"run": {"reward_lambda_arn": "arn:aws:lambda:us-east-1:1:function:other"}}
    assert reward_arn(Job.open(folder), Recipe(recipe)) == ARN
    (folder / "request.json").write_text(json.dumps({"HyperParameters": {}}))
    assert reward_arn(Job.open(folder), Recipe(recipe)).endswith(":other")
    with pytest.raises(InputError, match="no reward function"):
        reward_arn(Job.open(folder), Recipe({"run": {"reward_lambda_arn": ""}}))


def test_the_recipe_may_name_it_among_the_rewards(bench: "Bench", tmp_path: Path) -> None:
    folder = bench.job("job")
    (folder / "request.json").write_text("{}")
    recipe = Recipe({"training_config": {"rollout": {"rewards": {"api_endpoint": {"lambda_arn": ARN}}}}})
    assert reward_arn(Job.open(folder), recipe) == ARN
