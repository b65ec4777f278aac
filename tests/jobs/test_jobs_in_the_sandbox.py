"""The job tools against the sandbox's own API: what the fakes of the other tests assume is what boto3 sees."""

import threading
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from novaforge.guards.policy import Policy
from novaforge.server.sandbox.settings import ROLE_ARN, JobFault
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.jobs.artifacts import archive_of
from novaforge.tools.jobs.results import LogTail
from novaforge.tools.jobs.tail import follow
from novaforge.tools.jobs.tool import get_job, list_jobs, stop_job
from novaforge.tools.records import JobRecord, Ledger


@pytest.fixture
def ctx(world: Any, aws: Any, storage: Any) -> ToolContext:
    return ToolContext(
        mode=Mode(sandbox=True, writes_allowed=True),
        policy=Policy(),
        ledger=cast(Ledger, world.ledger),
        aws=aws,
        storage=storage,
        audit=world.audit,
        clock=lambda: datetime.now(UTC),
    )


def start(ctx: ToolContext, world: Any, name: str, kind: str = "training") -> JobRecord:
    """Start a job the way a plan does and put its row in the ledger."""
    prefix = f"s3://novaforge-sandbox/{name}"
    recipe = "run:\n  name: x\n" + (
        "evaluation:\n  task: gen_qa\n" if kind == "evaluation" else "training_config: {}\n"
    )
    ctx.storage.put(f"{prefix}/recipe.yaml", recipe.encode())
    image = "708977205387.dkr.ecr.us-east-1.amazonaws.com/nova-fine-tune-repo:SM-TJ-SFT-V2-latest"
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{prefix}/recipe.yaml", "S3DataDistributionType": "FullyReplicated"}
    ctx.aws.call(
        "sagemaker",
        "create_training_job",
        TrainingJobName=name,
        RoleArn=ROLE_ARN,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "recipe", "DataSource": {"S3DataSource": source}}],
        HyperParameters={"sagemaker_recipe_local_path": "/opt/ml/input/data/recipe/recipe.yaml", "base_model": "nova-lite-2/prod"},
        OutputDataConfig={"S3OutputPath": f"{prefix}/out/"},
        ResourceConfig={"InstanceType": "ml.p5.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )  # fmt: skip
    return cast(JobRecord, world.add(name, kind, instance_count=1))


def nap(seconds: float) -> None:
    """Give the worker a moment, however long was asked for."""
    threading.Event().wait(0.02)


def follow_to_the_end(ctx: ToolContext, name: str) -> list[str]:
    """Page through the log until the job has ended and nothing more comes."""
    cursor, seen = None, list[str]()
    while True:
        page: LogTail = follow(
            ctx, job_id=name, cursor=cursor, limit=2, pattern=None, wait_s=30, plot=False,
            sleep=nap,
        )  # fmt: skip
        cursor = page.cursor
        seen += [line.text for line in page.untrusted_lines]
        if not page.more and page.phase in {"completed", "failed", "stopped"}:
            return seen


def test_a_training_is_followed_line_by_line_to_its_checkpoint(ctx: ToolContext, world: Any) -> None:
    start(ctx, world, "follow-training")
    seen = follow_to_the_end(ctx, "follow-training")
    trained = [line for line in seen if "reduced_train_loss" in line]
    assert [line.split("global_step: ")[1].split(" ")[0] for line in trained] == ["1", "2", "3"]
    assert seen[-1] == "Training is complete"
    job = get_job(ctx, job_id="follow-training")
    assert job.phase == "completed" and job.checkpoint is not None
    assert job.checkpoint.startswith("s3://customer-escrow-111122223333-smtj-")
    assert job.stages[0]["status"] == "Starting" and job.progress["step"] == 4
    page = follow(
        ctx, job_id="follow-training", cursor=None, limit=500, pattern="loss", wait_s=0, plot=True, sleep=lambda s: None
    )
    assert (len(page.untrusted_lines), page.metrics["loss"]["count"], len(page.images)) == (3, 3, 1)


def test_an_evaluation_leaves_an_archive_that_can_be_read(ctx: ToolContext, world: Any) -> None:
    start(ctx, world, "follow-evaluation", "evaluation")
    follow_to_the_end(ctx, "follow-evaluation")
    archive = archive_of(ctx, "follow-evaluation")
    (name,) = archive.names()
    with archive.open(name) as file:
        assert b"exact_match" in file.read()


def test_a_job_is_stopped_and_says_so_in_the_end(ctx: ToolContext, world: Any, sandbox: Any) -> None:
    with sandbox.settings(stand_in={"steps": 1000, "step_s": 0.05}):
        start(ctx, world, "follow-stop")
        while get_job(ctx, job_id="follow-stop").phase == "waiting":
            nap(1)
        assert stop_job(ctx, job_id="follow-stop").phase in {"stopping", "stopped"}
        follow_to_the_end(ctx, "follow-stop")
    job = get_job(ctx, job_id="follow-stop")
    assert (job.phase, job.checkpoint) == ("stopped", None)
    assert "on request" in str(job.failure["cause"])


def test_a_capacity_failure_is_explained(ctx: ToolContext, world: Any, sandbox: Any) -> None:
    sandbox.add_faults(JobFault(name_contains="follow-capacity", capacity_error=True))
    start(ctx, world, "follow-capacity")
    follow_to_the_end(ctx, "follow-capacity")
    job = get_job(ctx, job_id="follow-capacity")
    assert (job.phase, job.billable_s) == ("failed", 0)
    assert "no machines" in str(job.failure["cause"])
    assert [row.phase for row in list_jobs(ctx, status="failed").jobs] == ["failed"]
