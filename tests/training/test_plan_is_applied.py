"""A stored plan is all that is needed to start its job: uploads, request and record come from it alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from novaforge.guards.consent import ceiling_text, prompt_sha256
from novaforge.server.sandbox.settings import HUB_ACCOUNT
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.view import PlanView
from novaforge.tools.records import Approval
from novaforge.tools.training.tool import plan_evaluation, plan_training

Write = Callable[..., str]


def approve(ctx: ToolContext, view: PlanView) -> None:
    """Say yes as a person at a terminal would."""
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None
    answer = Approval(
        approval_id=f"approval-{view.plan_id}",
        plan_id=view.plan_id,
        plan_digest=view.digest,
        prompt_sha256=prompt_sha256(record.plan),
        channel="terminal",
        approver="tester",
        requester="agent",
        answer="approve",
        typed_value=ceiling_text(record.plan),
        at=ctx.clock(),
        expires_at=ctx.clock() + timedelta(minutes=10),
    )
    assert ctx.ledger.approve(answer)


def test_an_evaluation_starts_from_its_plan_and_reads_what_the_plan_uploaded(
    ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write
) -> None:
    view = plan_evaluation(
        ctx,
        task="gen_qa",
        model="nova_lite_2",
        platform="sagemaker",
        data=write_rows("EVALUATION"),
        output="s3://novaforge-sandbox/applied/evaluation",
    )
    approve(ctx, view)
    result = apply(ctx, view.plan_id)
    assert result.status == "started", result
    assert result.job_id == f"nf-gen-qa-nova-lite-2-{view.digest[:12]}"
    job = ctx.ledger.job(result.job_id)
    assert job is not None and (job.kind, job.ceiling_usd) == ("evaluation", view.ceiling_usd)
    assert sandbox.wait_for_job(result.job_id) == "Completed"
    prefix = f"s3://novaforge-sandbox/novaforge/{view.digest[:12]}"
    assert ctx.storage.list(prefix) == [f"{prefix}/evaluation/gen_qa.jsonl", f"{prefix}/recipe/recipe.yaml"]
    assert ctx.storage.read(f"{prefix}/recipe/recipe.yaml").decode() == view.recipe
    again = apply(ctx, view.plan_id)
    assert (again.status, again.job_id) == ("already_started", result.job_id)


def test_the_same_plan_made_again_while_its_job_runs_is_blocked(
    ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write
) -> None:
    arguments: dict[str, Any] = {
        "task": "gen_qa",
        "model": "nova_lite_2",
        "platform": "sagemaker",
        "data": write_rows("EVALUATION"),
        "output": "s3://novaforge-sandbox/applied/twice",
    }
    first = plan_evaluation(ctx, **arguments)
    approve(ctx, first)
    with sandbox.settings(waiting_s=600.0):
        job_id = apply(ctx, first.plan_id).job_id
        second = plan_evaluation(ctx, **arguments)
        ctx.aws.call("sagemaker", "stop_training_job", TrainingJobName=job_id)
    assert second.state == "blocked"
    (found,) = [item for item in second.findings if item.rule == "PL10"]
    assert job_id is not None and job_id in found.message
    other = plan_evaluation(ctx, **arguments | {"output": "s3://novaforge-sandbox/applied/thrice"})
    assert other.state == "planned"


def test_a_plan_whose_data_changed_meanwhile_is_stale_and_starts_nothing(
    ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write
) -> None:
    view = plan_training(
        ctx,
        method="SFT_LORA",
        model="nova_lite_2",
        platform="sagemaker",
        data=write_rows("SFT_LORA"),
        output="s3://novaforge-sandbox/applied/stale",
        overrides={"max_steps": 20, "warmup_steps": 3, "save_steps": 20},
    )
    approve(ctx, view)
    write_rows("SFT_LORA", rows=64)
    before = set(sandbox.endpoint.sandbox.jobs)
    assert apply(ctx, view.plan_id).status == "stale"
    assert set(sandbox.endpoint.sandbox.jobs) == before


def test_a_plan_whose_recipe_changed_in_the_hub_is_stale_and_starts_nothing(
    ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write
) -> None:
    view = plan_evaluation(
        ctx,
        task="gen_qa",
        model="nova_lite_2",
        platform="sagemaker",
        data=write_rows("EVALUATION"),
        output="s3://novaforge-sandbox/applied/recipe",
    )
    approve(ctx, view)
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None and record.plan.recipe is not None
    bucket, key = split_s3(record.plan.recipe.template_uri)
    hub = sandbox.endpoint.sandbox.moto.client("s3", HUB_ACCOUNT)
    before = hub.get_object(Bucket=bucket, Key=key)["Body"].read()
    hub.put_object(Bucket=bucket, Key=key, Body=before + b"# a new release\n")
    try:
        result = apply(ctx, view.plan_id)
    finally:
        hub.put_object(Bucket=bucket, Key=key, Body=before)
    assert result.status == "stale"
    assert [(item["name"], item["path"]) for item in result.differences] == [("recipe", "$.template_sha256")]
    assert not ctx.storage.list(f"s3://novaforge-sandbox/novaforge/{view.digest[:12]}")
