"""An evaluation plan runs gen_qa on the cheapest machine the account may use, on the base model or a checkpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.plan import AwsStep
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.tool import plan_evaluation

Write = Callable[..., str]
OUT = "s3://novaforge-sandbox/evaluation-tests/a"


def plan(ctx: ToolContext, **arguments: Any) -> PlanView:
    given = {"task": "gen_qa", "model": "nova_lite_2", "platform": "sagemaker", "output": OUT}
    return plan_evaluation(ctx, **(given | arguments))


def request(ctx: ToolContext, view: PlanView) -> Any:
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None
    step = record.plan.rendered()[-1]
    assert isinstance(step, AwsStep)
    return step.request


def machine(ctx: ToolContext, view: PlanView) -> str:
    return str(request(ctx, view)["ResourceConfig"]["InstanceType"])


def test_a_baseline_needs_no_base_and_its_file_is_called_gen_qa(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, data=write_rows("EVALUATION", name="test.jsonl"))
    sent = request(ctx, view)
    assert view.action == "evaluate" and view.state == "planned"
    assert sent["HyperParameters"]["base_model"] == "nova-lite-2/prod"
    source = sent["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert source["S3DataType"] == "S3Prefix" and source["S3Uri"].endswith("/gen_qa.jsonl")
    assert sent["AlgorithmSpecification"]["TrainingImage"].endswith(":SM-TJ-Eval-V2-latest")
    recipe = yaml.safe_load(view.recipe or "")
    assert recipe["evaluation"] == {"task": "gen_qa", "strategy": "gen_qa", "metric": "all"}
    assert "processor" not in recipe


def test_the_cheapest_machine_with_quota_is_chosen(
    ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write
) -> None:
    data = write_rows("EVALUATION")
    assert machine(ctx, plan(ctx, data=data)) == "ml.p4d.24xlarge"
    with sandbox.settings(quotas={"ml.p5.48xlarge for training job usage": 1}):
        assert machine(ctx, plan(ctx, data=data)) == "ml.p5.48xlarge"


def test_a_dearer_machine_than_needed_is_pointed_out(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, data=write_rows("EVALUATION"), instance_type="ml.p5.48xlarge")
    (found,) = [item for item in view.findings if item.rule == "CO5"]
    assert "ml.p4d.24xlarge" in found.message


def test_a_file_on_s3_of_another_name_blocks(ctx: ToolContext, write_rows: Write) -> None:
    data = Path(write_rows("EVALUATION")).read_bytes()
    ctx.storage.put("s3://novaforge-sandbox/evaluation-data/rows.jsonl", data)
    ctx.storage.put("s3://novaforge-sandbox/evaluation-data/gen_qa.jsonl", data)
    blocked = plan(ctx, data="s3://novaforge-sandbox/evaluation-data/rows.jsonl")
    assert [item.rule for item in blocked.findings if item.severity == "block"] == ["DA1"]
    assert plan(ctx, data="s3://novaforge-sandbox/evaluation-data/gen_qa.jsonl").state == "planned"


def test_generation_settings_may_be_overridden_within_bounds(ctx: ToolContext, write_rows: Write) -> None:
    data = write_rows("EVALUATION")
    view = plan(ctx, data=data, overrides={"max_new_tokens": 64, "temperature": 0, "reasoning_effort": "low"})
    inference = yaml.safe_load(view.recipe or "")["inference"]
    assert (inference["max_new_tokens"], inference["temperature"], inference["reasoning_effort"]) == (64, 0.0, "low")
    with pytest.raises(InputError):
        plan(ctx, data=data, overrides={"max_new_tokens": 40000})
    with pytest.raises(RefusedError):
        plan(ctx, data=data, overrides={"lambda_arn": "arn:aws:lambda:us-east-1:111122223333:function:f"})


def test_an_evaluation_that_could_only_answer_nothing_is_refused(ctx: ToolContext, write_rows: Write) -> None:
    with pytest.raises(InputError, match="every answer would be empty"):
        plan(ctx, data=write_rows("EVALUATION"), overrides={"max_new_tokens": 0})


def test_a_checkpoint_is_evaluated_in_its_place(ctx: ToolContext, write_rows: Write) -> None:
    checkpoint = "s3://customer-escrow-111122223333-smtj-x/run/1"
    view = plan(ctx, data=write_rows("EVALUATION"), base=checkpoint)
    assert request(ctx, view)["HyperParameters"]["base_model_location"] == checkpoint
    assert yaml.safe_load(view.recipe or "")["run"]["model_name_or_path"] == checkpoint


def test_an_evaluation_without_data_and_other_tasks_are_refused(ctx: ToolContext, write_rows: Write) -> None:
    with pytest.raises(InputError):
        plan(ctx)
    with pytest.raises(RefusedError):
        plan(ctx, data=write_rows("EVALUATION"), task="mmlu")
