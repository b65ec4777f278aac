"""Deployments, reward functions and finished jobs to clean up."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from novaforge.guards.values import JsonObject
from novaforge.server.sandbox.settings import ACCOUNT, BUCKET, REGION, ROLE_ARN
from novaforge.tools.deployment.plan import plan_deployment
from novaforge.tools.platforms.base import JobState
from novaforge.tools.records import JobRecord
from novaforge.tools.rewards.plan import plan_reward

if TYPE_CHECKING:
    from tests.conftest import Desk

_numbers = itertools.count(1)
REWARD = (
    'def lambda_handler(event, context):\n    return [{"id": s["id"], "aggregate_reward_score": 1.0} for s in event]\n'
)


@pytest.fixture
def deploy(desk: "Desk") -> Callable[[], str]:
    """Make an endpoint in service and return its name."""

    def make() -> str:
        name = f"clean-test-{next(_numbers)}"
        key = f"checkpoints/{name}/"
        desk.call("s3", "put_object", Bucket=BUCKET, Key=f"{key}weights.txt", Body=b"weights")
        plan = plan_deployment(desk.ctx, base=f"s3://{BUCKET}/{key}", target="sagemaker", name=name, delete_after="1h")
        assert desk.apply(plan.plan_id).status == "started"
        assert desk.sandbox.wait_for_endpoint(name) == "InService"
        return name

    return make


@pytest.fixture
def reward(desk: "Desk", tmp_path: Path) -> Callable[[], str]:
    """Make a reward function with its role and return the function's name."""

    def make() -> str:
        path = tmp_path / "reward.py"
        path.write_text(REWARD, encoding="utf-8")
        name = f"clean-reward-{next(_numbers)}"
        plan = plan_reward(desk.ctx, function=str(path), name=name, platform="sagemaker")
        assert desk.apply(plan.plan_id).status == "started"
        return name

    return make


@pytest.fixture
def job(desk: "Desk") -> Callable[..., JobRecord]:
    """Put a job in the ledger and in SageMaker, completed, with an output in S3; keyword arguments replace fields."""

    def make(**changes: object) -> JobRecord:
        number = next(_numbers)
        digest = f"{number:064x}"
        name = f"nf-clean-{number}"
        row = JobRecord(
            job_id=name, plan_id=f"plan_{number}", plan_digest=digest, kind="training", name="sft", model="nova_lite_2",
            method="SFT_LORA", platform="sagemaker", account=ACCOUNT, region=REGION, output=f"s3://{BUCKET}/out/{name}",
            instance_type="ml.p5.48xlarge", instance_count=2, usd_per_hour=Decimal(60), ceiling_usd=Decimal(500),
            max_runtime_s=3600, created_at=datetime.now(UTC), phase="completed", observed=seen("completed", 1800),
        ).model_copy(update=changes)  # fmt: skip
        start_job(desk, row, tag=digest)
        desk.ledger.put_job(row)
        return row

    return make


def seen(phase: str, billable_s: int) -> JsonObject:
    """Return a job's state as the ledger keeps it."""
    state = JobState(phase=phase, status=phase, stage=phase, billable_s=billable_s)  # type: ignore[arg-type]  # a phase
    return state.model_dump(mode="json")


def start_job(desk: "Desk", row: JobRecord, tag: str) -> None:
    """Run the job on the sandbox to its end; the worker is a fake one."""
    prefix = f"in/{row.job_id}/"
    desk.call("s3", "put_object", Bucket=BUCKET, Key=f"{prefix}train.jsonl", Body=b"{}\n")
    desk.call("s3", "put_object", Bucket=BUCKET, Key=f"{prefix}recipe/recipe.yaml", Body=b"run:\n  name: x\n")

    def channel(name: str, kind: str, key: str) -> dict[str, object]:
        source = {"S3DataType": kind, "S3Uri": f"s3://{BUCKET}/{key}", "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    desk.call(
        "sagemaker", "create_training_job", TrainingJobName=row.job_id, RoleArn=ROLE_ARN,
        AlgorithmSpecification={
            "TrainingImage": "708977205387.dkr.ecr.us-east-1.amazonaws.com/nova-fine-tune-repo:SM-TJ-SFT-V2-latest",
            "TrainingInputMode": "File",
        },
        HyperParameters={
            "base_model": "nova-lite-2/prod",
            "sagemaker_recipe_local_path": "/opt/ml/input/data/recipe/recipe.yaml",
        },
        InputDataConfig=[
            channel("train", "Converse", f"{prefix}train.jsonl"), channel("recipe", "S3Prefix", f"{prefix}recipe/"),
        ],
        OutputDataConfig={"S3OutputPath": row.output},
        ResourceConfig={"InstanceType": "ml.p5.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600}, Tags=[{"Key": "novaforge:plan", "Value": tag}],
    )  # fmt: skip
    assert desk.sandbox.wait_for_job(row.job_id) == "Completed", json.dumps(row.model_dump(mode="json"))
