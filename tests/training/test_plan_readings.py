"""A plan's data are read once, by a job that may outlast the call; what it found counts for exactly the file it read."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.errors import AwsError, InputError, RunningError
from novaforge.tools.aws.storage import Storage, split_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.facts import TrainingFile, training_file
from novaforge.tools.datasets.jobs import readings
from novaforge.tools.datasets.jobs.readings import AFTER_READING_S, InTurn
from novaforge.tools.datasets.jobs.registry import ANSWER_WITHIN_S, DataJobs
from novaforge.tools.jobs.tool import get_job
from novaforge.tools.plans.preconditions import read_object
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.tool import plan_evaluation, plan_training

Write = Callable[..., str]
GOOD: dict[str, Any] = {"max_steps": 20, "warmup_steps": 3, "save_steps": 20, "reasoning_enabled": False}


class Passes:
    """Every pass over a plan's data: what it was asked for; it waits at its beginning until it may go on."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, ctx: ToolContext, uri: str, **wanted: str) -> TrainingFile:
        self.asked.append({"uri": uri, **wanted})
        assert self.open.wait(120)
        return training_file(ctx, uri, **wanted)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Passes]:
    """Count and hold the passes."""
    made = Passes()
    monkeypatch.setattr(readings, "training_file", made)
    yield made
    made.open.set()


@pytest.fixture
def server(ctx: ToolContext, tmp_path: Path) -> Iterator[Callable[..., ToolContext]]:
    """Return a maker of contexts as a server has them, each with data jobs of its own over one folder."""
    made: list[DataJobs] = []

    def make(answer_within_s: float = 0.0) -> ToolContext:
        made.append(DataJobs(tmp_path / "work", answer_within_s))
        return replace(ctx, data_jobs=made[-1], work_dir=tmp_path / "work")

    yield make
    for jobs in made:
        jobs.close()


def train(ctx: ToolContext, data: str, **more: Any) -> PlanView:
    return plan_training(
        ctx, method="SFT_LORA", model="nova_lite_2", platform="sagemaker", data=data,
        output="s3://novaforge-sandbox/readings/out", overrides=GOOD, **more,
    )  # fmt: skip


def read_later(ctx: ToolContext, passes: Passes, data: str) -> str:
    """Have the data read by a job, to its very end; returns the job."""
    passes.open.clear()
    with pytest.raises(RunningError) as caught:
        train(ctx, data)
    passes.open.set()
    job_id = str(caught.value.data["jobs"][0]["job_id"])
    for thread in threading.enumerate():
        if thread.name == job_id:
            thread.join(120)
    return job_id


def test_data_read_in_time_are_an_ordinary_call_that_leaves_no_job(
    server: Callable[..., ToolContext], write_rows: Write, passes: Passes
) -> None:
    ctx = server(answer_within_s=600)
    for count in (1, 2):
        assert train(ctx, write_rows("SFT_LORA")).state == "planned" and len(passes.asked) == count
    assert ctx.data_jobs is not None and ctx.data_jobs.all() == []


def test_the_pass_is_told_all_that_the_plan_knows_of_its_rows(
    server: Callable[..., ToolContext], write_rows: Write, passes: Passes
) -> None:
    ctx = server(answer_within_s=600)
    train(ctx, data := write_rows("SFT_LORA"))
    plan_evaluation(
        ctx, task="gen_qa", model="nova_lite_2", platform="sagemaker", output="s3://novaforge-sandbox/readings/eval",
        data=(questions := write_rows("EVALUATION", name="gen_qa.jsonl")),
    )  # fmt: skip
    same = {"model": "nova_lite_2", "platform": "sagemaker"}
    assert passes.asked == [
        {"uri": data, "method": "SFT_LORA", **same},
        {"uri": questions, "method": "EVALUATION", **same, "task": "gen_qa"},
    ]


def test_time_that_a_call_spent_before_counts_and_some_is_left_for_what_follows(
    server: Callable[..., ToolContext], write_rows: Write, passes: Passes
) -> None:
    passes.open.clear()
    ctx = server(ANSWER_WITHIN_S)
    late = replace(ctx, begun=time.monotonic() - (ANSWER_WITHIN_S - AFTER_READING_S))
    with pytest.raises(RunningError, match=r"No plan was made"):
        train(late, write_rows("SFT_LORA"))
    assert ctx.ledger.plans() == []


def test_a_plan_keeps_what_was_read_and_reads_no_local_file_a_second_time(
    server: Callable[..., ToolContext], write_rows: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx, data = server(answer_within_s=600), write_rows("SFT_LORA")
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "_stat_local", lambda *given: pytest.fail("the file was hashed again"))
        view = train(ctx, data)
    assert_expected(ctx, view, data)


def assert_expected(ctx: ToolContext, view: PlanView, data: str) -> None:
    """The precondition is what reading it again before the first call gives."""
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None
    (condition,) = [item for item in record.plan.preconditions if item.name == "train data"]
    assert condition.expected == read_object(ctx, condition.target) and condition.target == {"uri": data}


def test_an_object_that_was_written_again_is_read_again(
    server: Callable[..., ToolContext], write_rows: Write, passes: Passes, tmp_path: Path
) -> None:
    ctx, uri = server(), f"s3://novaforge-sandbox/readings/{tmp_path.name}.jsonl"
    bucket, key = split_s3(uri)
    for rows in (320, 330):
        ctx.aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=Path(write_rows("SFT_LORA", rows)).read_bytes())
        read_later(ctx, passes, uri)
        view = train(ctx, uri)
        assert view.inputs[0]["rows"] == rows and view.inputs[0]["etag"]
        assert_expected(ctx, view, uri)
    assert len(passes.asked) == 2


def test_a_file_that_is_gone_is_an_error_and_one_nobody_can_ask_about_is_not_read_again(
    server: Callable[..., ToolContext], write_rows: Write, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx, data = server(), write_rows("SFT_LORA")
    read_later(ctx, passes, data)

    def throttled(*given: Any) -> Any:
        raise AwsError("S3 did not answer.", operation="HeadObject", code="SlowDown")

    with monkeypatch.context() as patch:
        patch.setattr(readings, "find_files", throttled)
        with pytest.raises(AwsError):
            train(ctx, data)
    assert train(ctx, data).inputs[0]["rows"] == 320 and len(passes.asked) == 1
    Path(data).unlink()
    read_later(ctx, passes, data)
    with pytest.raises(InputError, match="There is no file"):
        train(ctx, data)


def test_facts_that_another_version_kept_are_not_used(
    server: Callable[..., ToolContext], write_rows: Write, passes: Passes, tmp_path: Path
) -> None:
    data = write_rows("SFT_LORA")
    kept = tmp_path / "work" / "jobs" / f"{read_later(server(), passes, data)}.jsonl"
    assert train(server(), data).inputs[0]["rows"] == 320 and len(passes.asked) == 1
    lines = [json.loads(line) for line in kept.read_bytes().splitlines()]
    lines[-1]["result"]["file"] = {"lines": 320}
    kept.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    later = server()
    read_later(later, passes, data)
    assert train(later, data).inputs[0]["rows"] == 320 and len(passes.asked) == 2


def test_facts_that_an_older_version_found_are_not_used_though_they_fit(
    server: Callable[..., ToolContext], write_rows: Write, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_rows("SFT_LORA")
    with monkeypatch.context() as patch:
        patch.setattr(readings, "tool_version", lambda: "0.0.1")
        read_later(server(), passes, data)
    later = server()
    read_later(later, passes, data)
    assert train(later, data).inputs[0]["rows"] == 320 and len(passes.asked) == 2


def test_what_is_kept_and_told_of_a_reading_has_no_label_that_looks_like_a_secret(
    server: Callable[..., ToolContext], passes: Passes, tmp_path: Path
) -> None:
    secrets = [f"npm_{letter * 12}7{'bC3' * 7}dE" for letter in "aQ"]
    rows = [{"query": f"Question {index}?", "response": [*secrets, "plain"][index % 3]} for index in range(30)]
    data = tmp_path / "gen_qa.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ctx = server()
    passes.open.clear()
    with pytest.raises(RunningError) as caught:
        plan_evaluation(
            ctx, task="gen_qa", model="nova_lite_2", platform="sagemaker", data=str(data),
            output="s3://novaforge-sandbox/readings/secrets",
        )  # fmt: skip
    passes.open.set()
    job_id = str(caught.value.data["jobs"][0]["job_id"])
    for thread in [each for each in threading.enumerate() if each.name == job_id]:
        thread.join(120)
    told = get_job(ctx, job_id=job_id).model_dump_json()
    kept = (tmp_path / "work" / "jobs" / f"{job_id}.jsonl").read_text(encoding="utf-8")
    assert not [secret for secret in secrets if secret in told or secret in kept]
    assert json.loads(told)["result"]["file"]["labels"] == {
        "hidden:secret_or_personal_1": 10, "hidden:secret_or_personal_2": 10, "plain": 10,
    }  # fmt: skip


def test_the_progress_of_files_in_turn_grows_all_the_time() -> None:
    told: list[tuple[float, float | None, str]] = []
    progress = InTurn(lambda *report: told.append(report))
    for total in (10.0, 4.0, None):
        progress.begin()
        progress(1.0, total, "a")
        progress(3.0, total, "b")
    assert [done for done, *_ in told] == [1, 3, 4, 6, 7, 9]
    assert [total for _, total, _ in told] == [10, 10, 7, 7, None, None]


def test_an_empty_name_is_no_file(ctx: ToolContext) -> None:
    with pytest.raises(InputError):
        train(ctx, "")
