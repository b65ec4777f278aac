"""Our CreateTrainingJob request equals what sagemaker's ModelTrainer.from_recipe sends for the same recipe."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from novaforge.guards.plan import AwsStep
from novaforge.server.sandbox.settings import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.tool import plan_evaluation, plan_training

Write = Callable[..., str]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("sagemaker") is None, reason="the extra sagemaker is not installed"),
]

DELIBERATE = {
    "TrainingJobName": "ours comes from the plan's digest, so that a retry meets the same job; the SDK's from the clock",
    "Tags": "ours name the plan, its ceiling, owner and expiry; the SDK sends none",
    "StoppingCondition.MaxRuntimeInSeconds": "ours is what the ceiling was approved for; the SDK's silent default is 1 h",
    "ResourceConfig.KeepAlivePeriodInSeconds": "ours says 0, no warm pool that bills; the SDK leaves it out",
    "InputDataConfig.recipe.DataSource.S3DataSource.S3Uri": "each uploads the recipe to a prefix of its own",
}
"""Where the two requests differ on purpose, and why. Everything else must be equal."""

CHECKPOINT = "s3://customer-escrow-111122223333-smtj-parity/sft/checkpoint"


@pytest.fixture
def wide_role(ctx: ToolContext) -> str:
    """Return a role with every right: the SDK asks for network rights that our jobs never use."""
    name = "parity-wide"
    statement = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = ctx.aws.call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=trust)
    rights = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    ctx.aws.call("iam", "put_role_policy", RoleName=name, PolicyName="all", PolicyDocument=rights)
    return str(made["Role"]["Arn"])


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a request by path; channels go by name, tags stay whole."""
    if path == "InputDataConfig":
        value = {item["ChannelName"]: item for item in value}
    if isinstance(value, dict):
        for name, item in value.items():
            yield from flat(item, f"{path}.{name}" if path else name)
    else:
        yield path, value


def request_of(ctx: ToolContext, view: PlanView) -> dict[str, Any]:
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None
    step = record.plan.rendered()[-1]
    assert isinstance(step, AwsStep)
    return step.request


def sdk_job(ours: dict[str, Any], recipe: Path, name: str) -> dict[str, Any]:
    """Return what the SDK is told: the same recipe, machines, image, role, data and output, nothing else."""
    sources = {item["ChannelName"]: item["DataSource"]["S3DataSource"] for item in ours["InputDataConfig"]}
    return {
        "name": name,
        "bucket": BUCKET,
        "recipe": str(recipe),
        "image": ours["AlgorithmSpecification"]["TrainingImage"],
        "role": ours["RoleArn"],
        "output": ours["OutputDataConfig"]["S3OutputPath"],
        "instance_type": ours["ResourceConfig"]["InstanceType"],
        "instance_count": ours["ResourceConfig"]["InstanceCount"],
        "channels": [[key, item["S3DataType"], item["S3Uri"]] for key, item in sources.items() if key != "recipe"],
    }


def submit(sandbox: RunningSandbox, jobs: list[dict[str, Any]], folder: Path) -> None:
    """Let the SDK send its requests to the sandbox, in a process of its own, without telemetry."""
    quiet = folder / "sagemaker.yaml"
    quiet.write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n", encoding="utf-8"
    )
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(quiet),
    }
    script = Path(__file__).with_name("sdk_submit.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(jobs),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_requests_differ_only_where_we_mean_it(
    ctx: ToolContext,
    sandbox: RunningSandbox,
    write_rows: Write,
    reward_arn: str,
    wide_role: str,
    tmp_path: Path,
) -> None:
    prefix = f"s3://{BUCKET}/parity"
    for method, name in (("SFT_LORA", "sft.jsonl"), ("RFT_LORA", "rft.jsonl"), ("EVALUATION", "gen_qa.jsonl")):
        ctx.storage.put(f"{prefix}/{name}", Path(write_rows(method, name=name)).read_bytes())
    common: Any = {"model": "nova_lite_2", "platform": "sagemaker", "role": wide_role}
    sft: Any = {"overrides": {"max_steps": 20, "warmup_steps": 3, "lr": "2e-5"}, **common}
    views = {
        "parity-sft": plan_training(ctx, method="SFT_LORA", data=f"{prefix}/sft.jsonl", output=f"{prefix}/sft", **sft),
        "parity-rft": plan_training(
            ctx,
            method="RFT_LORA",
            data=f"{prefix}/rft.jsonl",
            output=f"{prefix}/rft",
            base=CHECKPOINT,
            reward=reward_arn,
            **common,
        ),
        "parity-eval": plan_evaluation(
            ctx, task="gen_qa", data=f"{prefix}/gen_qa.jsonl", output=f"{prefix}/eval", **common
        ),
    }
    jobs: list[dict[str, Any]] = []
    for name, view in views.items():
        recipe = tmp_path / f"{name}.yaml"
        recipe.write_text(view.recipe or "", encoding="utf-8")
        jobs.append(sdk_job(request_of(ctx, view), recipe, name))
    submit(sandbox, jobs, tmp_path)
    for name, view in views.items():
        ours = dict(flat(request_of(ctx, view)))
        (theirs_whole,) = [job.request for key, job in sandbox.endpoint.sandbox.jobs.items() if key.startswith(name)]
        theirs = dict(flat(theirs_whole))
        differing = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
        assert differing == set(DELIBERATE), name
        uri = str(theirs["InputDataConfig.recipe.DataSource.S3DataSource.S3Uri"])
        assert yaml.safe_load(ctx.storage.read(uri)) == yaml.safe_load(view.recipe or ""), name
