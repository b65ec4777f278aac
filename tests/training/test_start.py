"""Where a job starts from, and what the ledger knows of it, decide what is asked before it is paid for."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.view import PlanView
from novaforge.tools.records import JobRecord
from novaforge.tools.training.tool import plan_evaluation, plan_training

Write = Callable[..., str]
CHECKPOINT = "s3://customer-escrow-111122223333-smtj-x/first/1"
GOOD: dict[str, Any] = {"max_steps": 20, "warmup_steps": 3, "save_steps": 20, "reasoning_enabled": False}


def train(ctx: ToolContext, data: str, **arguments: Any) -> PlanView:
    given: dict[str, Any] = {"method": "SFT_LORA", "output": "s3://novaforge-sandbox/start/next", "overrides": GOOD}
    return plan_training(ctx, model="nova_lite_2", platform="sagemaker", data=data, **(given | arguments))


def record(ctx: ToolContext, view: PlanView, job_id: str, **changes: Any) -> JobRecord:
    """Put a finished job of a plan on record."""
    plan = ctx.ledger.plan(view.plan_id)
    assert plan is not None
    values: dict[str, Any] = {
        "job_id": job_id,
        "plan_id": view.plan_id,
        "plan_digest": view.digest,
        "kind": "training" if view.action == "train" else "evaluation",
        "name": "first",
        "model": "nova_lite_2",
        "method": plan.plan.method,
        "platform": "sagemaker",
        "account": "111122223333",
        "region": "us-east-1",
        "output": plan.plan.output,
        "instance_type": "ml.p5.48xlarge",
        "instance_count": 4,
        "usd_per_hour": Decimal("63.296"),
        "ceiling_usd": view.ceiling_usd,
        "max_runtime_s": view.max_runtime_s,
        "created_at": ctx.clock() - timedelta(hours=1),
        "phase": "completed",
        "spec": plan.plan.spec,
    }
    job = JobRecord.model_validate(values | changes)
    ctx.ledger.put_job(job)
    return job


def first_stage(ctx: ToolContext, write_rows: Write, **overrides: Any) -> JobRecord:
    view = train(ctx, write_rows("SFT_LORA"), output="s3://novaforge-sandbox/start/first", overrides=GOOD | overrides)
    return record(ctx, view, "nf-first-0", checkpoint=CHECKPOINT)


def rules(view: PlanView) -> set[str]:
    return {rule for item in view.findings for rule in item.rule.split()}


def evaluate(ctx: ToolContext, data: str, **arguments: Any) -> PlanView:
    output = "s3://novaforge-sandbox/start/evaluation"
    given: dict[str, Any] = {"task": "gen_qa", "model": "nova_lite_2", "platform": "sagemaker", "output": output}
    return plan_evaluation(ctx, data=data, **(given | arguments))


def test_a_job_id_stands_for_its_checkpoint(ctx: ToolContext, write_rows: Write) -> None:
    first_stage(ctx, write_rows)
    view = train(ctx, write_rows("SFT_LORA"), base="nf-first-0")
    request: Any = view.requests[-1]["request"]
    assert request["HyperParameters"]["base_model_location"] == CHECKPOINT
    assert "nf-first-0" in view.title
    evaluation = evaluate(ctx, write_rows("EVALUATION"), base="nf-first-0")
    plan = ctx.ledger.plan(evaluation.plan_id)
    assert plan is not None and plan.plan.spec["base_job"] == "nf-first-0"


def test_the_same_rate_in_a_later_stage_is_pointed_out(ctx: ToolContext, write_rows: Write) -> None:
    first_stage(ctx, write_rows)
    assert "WU6" in rules(train(ctx, write_rows("SFT_LORA"), base="nf-first-0"))
    lower = train(ctx, write_rows("SFT_LORA"), base="nf-first-0", overrides=GOOD | {"lr": 5e-6})
    assert "WU6" not in rules(lower)


def test_a_checkpoint_uri_of_a_known_job_is_recognised(ctx: ToolContext, write_rows: Write) -> None:
    first_stage(ctx, write_rows)
    view = train(ctx, write_rows("SFT_LORA"), base=CHECKPOINT)
    (found,) = [item for item in view.findings if item.rule == "WU6"]
    assert found.severity == "warn"


def test_a_checkpoint_of_unknown_origin_is_not_checked(ctx: ToolContext, write_rows: Write) -> None:
    view = train(ctx, write_rows("SFT_LORA"), base="s3://customer-escrow-9-smtj-y/z")
    unseen = {rule for item in view.findings if item.severity == "not_checked" for rule in item.rule.split()}
    assert {"WU6", "ME11"} <= unseen


def test_an_empty_folder_is_no_checkpoint_and_a_filled_one_is_known(ctx: ToolContext, write_rows: Write) -> None:
    with pytest.raises(InputError, match="Nothing is stored below"):
        train(ctx, write_rows("SFT_LORA"), base="s3://novaforge-sandbox/no/such/checkpoint/")
    with ctx.storage.create("s3://novaforge-sandbox/some/checkpoint/weights.bin") as sink:
        sink.write(b"weights")
    view = train(ctx, write_rows("SFT_LORA"), base="s3://novaforge-sandbox/some/checkpoint/")
    assert view.facts["base"] == {"checkpoint": "s3://novaforge-sandbox/some/checkpoint/", "empty": False}


def test_another_reasoning_mode_than_trained_is_put_to_the_person(ctx: ToolContext, write_rows: Write) -> None:
    first_stage(ctx, write_rows, reasoning_enabled=True)
    data = write_rows("EVALUATION")
    assert "RE6" in rules(evaluate(ctx, data, base="nf-first-0"))
    assert "RE6" not in rules(evaluate(ctx, data, base="nf-first-0", overrides={"reasoning_effort": "low"}))


def test_the_output_path_of_a_job_is_not_its_checkpoint(ctx: ToolContext, write_rows: Write) -> None:
    job = first_stage(ctx, write_rows)
    view = train(ctx, write_rows("SFT_LORA"), base=f"{job.output}/nf-first-0/output/model")
    assert view.state == "blocked" and "ME13" in rules(view)


@pytest.mark.parametrize(
    ("phase", "base", "asked"),
    [("completed", None, False), ("running", None, True), ("failed", None, True), ("completed", CHECKPOINT, True)],
)
def test_only_an_evaluation_of_the_base_model_counts_as_a_baseline(
    ctx: ToolContext, write_rows: Write, phase: str, base: str | None, asked: bool
) -> None:
    record(ctx, evaluate(ctx, write_rows("EVALUATION"), base=base), "nf-eval-0", phase=phase)
    assert ("ME1" in rules(train(ctx, write_rows("SFT_LORA")))) == asked


def test_a_job_that_left_no_checkpoint_yet_is_refused(ctx: ToolContext, write_rows: Write) -> None:
    record(ctx, evaluate(ctx, write_rows("EVALUATION")), "nf-eval-1")
    with pytest.raises(InputError):
        train(ctx, write_rows("SFT_LORA"), base="nf-eval-1")


def test_a_job_of_another_model_is_refused(ctx: ToolContext, write_rows: Write) -> None:
    view = train(ctx, write_rows("SFT_LORA"), output="s3://novaforge-sandbox/start/first")
    record(ctx, view, "nf-other", model="nova_pro", checkpoint=CHECKPOINT)
    with pytest.raises(InputError) as caught:
        train(ctx, write_rows("SFT_LORA"), base="nf-other")
    assert caught.value.data["field"] == "base"
