"""Asking the deployed reward function for scores, as the RFT container does."""

import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from novaforge.guards.errors import InputError
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.recipe import Recipe

_TIMEOUT_S = 900  # the longest a Lambda function may run

Sample = dict[str, Any]


def reward_arn(job: Job, recipe: Recipe) -> str:
    """Return the reward function's ARN: the request's hyperparameter, else the recipe's; raises InputError."""
    in_recipe = recipe.value("run.reward_lambda_arn", "training_config.rollout.rewards.api_endpoint.lambda_arn")
    recipe.value("training_config.rollout.rewards.api_endpoint.lambda_arn")  # the same ARN a second time
    arn = (job.request.get("HyperParameters") or {}).get("reward_lambda_arn") or in_recipe
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        raise InputError("The job names no reward function.", field="reward_lambda_arn", value=arn)
    return arn


class RewardFunction:
    """The deployed function behind an ARN; `concurrency` calls run at once, `batch` samples in each."""

    def __init__(self, job: Job, arn: str, concurrency: int) -> None:
        self._arn = arn
        self._batch = job.settings.reward_batch
        self._concurrency = max(1, concurrency)
        self._lambda = boto3.client(
            "lambda",
            endpoint_url=job.worker["endpoint_url"],
            region_name=job.worker["region"],
            aws_access_key_id=job.worker["access_key"],
            aws_secret_access_key=job.worker["secret_key"],
            config=Config(
                read_timeout=_TIMEOUT_S,
                max_pool_connections=self._concurrency,
                retries={"mode": "standard", "total_max_attempts": 3},
            ),
        )

    def scores(self, samples: Sequence[Sample]) -> list[float]:
        """Return one score per sample, in order; raises InputError when the function fails or breaks its contract."""
        batches = [samples[start : start + self._batch] for start in range(0, len(samples), self._batch)]
        with ThreadPoolExecutor(min(self._concurrency, len(batches))) as pool:
            return [score for part in pool.map(self._call, batches) for score in part]

    def _call(self, samples: Sequence[Sample]) -> list[float]:
        try:
            answer = self._lambda.invoke(FunctionName=self._arn, Payload=json.dumps(list(samples)).encode())
            body = answer["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            raise self._error(f"could not be called: {error}") from error
        if answer.get("FunctionError"):
            raise self._error(f"raised an error: {_failure(body)}")
        try:
            result = json.loads(body)
        except ValueError as error:
            raise self._error(f"answered something that is not JSON: {body[:200]!r}") from error
        return self._checked(samples, result)

    def _checked(self, samples: Sequence[Sample], result: Any) -> list[float]:
        if not isinstance(result, list):
            raise self._error(f"answered {type(result).__name__}, not a list of results")
        if len(result) != len(samples):
            raise self._error(f"answered {len(result)} results to {len(samples)} samples")
        return [self._score(sample, item) for sample, item in zip(samples, result, strict=True)]

    def _score(self, sample: Sample, item: Any) -> float:
        if not isinstance(item, Mapping) or "id" not in item:
            raise self._error(f"answered a result without id: {json.dumps(item)[:200]}")
        if str(item["id"]) != str(sample["id"]):
            raise self._error(f"answered id {item['id']!r} where {sample['id']!r} was asked; the order has to be kept")
        score = item.get("aggregate_reward_score")
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise self._error(f"gave sample {sample['id']!r} the aggregate_reward_score {score!r}, which is no number")
        return float(score)

    def _error(self, what: str) -> InputError:
        return InputError(f"The reward function {self._arn} {what}.", field="reward_lambda_arn")


def _failure(body: bytes) -> str:
    try:
        error = json.loads(body)
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
