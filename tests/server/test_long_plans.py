"""Plans over data that take longer to read than a call may: no plan and a job's name first, the plan from what it read later."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.facts import TrainingFile
from tests.server.holding import Gate

TRAIN = {
    "method": "SFT_LORA",
    "overrides": {"max_steps": 20, "warmup_steps": 3, "save_steps": 20, "reasoning_enabled": False},
}
CALLS: dict[str, dict[str, Any]] = {"plan_training": TRAIN, "plan_evaluation": {"task": "gen_qa"}}


class Pass(Gate):
    """The pass over a plan's data: goes on when it is opened or cancelled."""

    def __call__(self, ctx: ToolContext, uri: str, **wanted: str) -> TrainingFile:
        from novaforge.tools.datasets.facts import training_file

        ctx.rows_done(12)
        ctx.progress(100.0, 200.0, "12 rows read")
        self.wait(ctx)
        return training_file(ctx, uri, **wanted)

    @property
    def again(self) -> bool:
        """Whether there was another pass than those awaited."""
        return self.begun.acquire(blocking=False)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pass]:
    """Hold every pass over a plan's data at its beginning."""
    held = Pass()
    monkeypatch.setattr("novaforge.tools.datasets.jobs.readings.training_file", held)
    yield held
    held.opened.set()


def converse(index: int, word: str) -> dict[str, Any]:
    turns = [("user", f"{word} {index}?"), ("assistant", f"label{index % 3}")]
    messages = [{"role": role, "content": [{"text": text}]} for role, text in turns]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": messages}


def question(index: int, word: str) -> dict[str, Any]:
    return {"query": f"{word} {index}?", "response": f"label{index % 3}"}


ROWS = {"plan_training": converse, "plan_evaluation": question}


def write(path: Path, tool: str = "plan_training", word: str = "Question") -> Path:
    rows = [ROWS[tool](index, word) for index in range(320)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def arguments(tool: str, path: Path, **more: Any) -> dict[str, Any]:
    where = {"model": "nova_lite_2", "platform": "sagemaker", "data": str(path)}
    return {**CALLS[tool], **where, "output": f"s3://novaforge-sandbox/long-plans/{tool}", **more}


def said(error: str) -> dict[str, Any]:
    """Return the data of an error result."""
    data: dict[str, Any] = json.loads(error.split("\n", 1)[1])
    return data


async def running(one: Any, tool: str, path: Path, **more: Any) -> list[str]:
    """Call a planner that cannot answer in time and return the jobs it names."""
    error = await one.error(tool, **arguments(tool, path, **more))
    data = said(error)
    assert (data["error"], data["status"]) == ("running", "running") and "No plan was made" in error
    jobs = [job["job_id"] for job in data["jobs"]]
    assert all(job.startswith("data-") and f'get_job(job_id="{job}")' in data["fix"] for job in jobs)
    assert f"{tool} again with the same arguments" in data["fix"]
    assert (await one.call("get_plan"))["plans"] == []
    return jobs


async def begun(reading: Pass) -> None:
    assert await anyio.to_thread.run_sync(lambda: reading.begun.acquire(timeout=120))


async def read_later(one: Any, reading: Pass, tool: str, path: Path) -> str:
    """Have a plan's data read by a job, to its end; returns the job."""
    (job_id,) = await running(one, tool, path)
    await begun(reading)
    reading.opened.set()
    await one.until_phase(job_id, "completed")
    return job_id


@pytest.mark.anyio
@pytest.mark.parametrize("tool", CALLS)
async def test_a_plan_is_made_by_the_call_after_its_data_were_read(
    seat: Any, tmp_path: Path, reading: Pass, tool: str
) -> None:
    path = write(tmp_path / "rows.jsonl", tool)
    async with seat(answer_within_s=0.0) as one:
        (job_id,) = await running(one, tool, path)
        await begun(reading)
        shown = await one.call("get_job", job_id=job_id)
        assert (shown["phase"], shown["method"], shown["progress"]["rows"]) == ("running", tool, 12)
        assert f"{tool} again" in shown["next_step"] and shown["billing"].endswith("nothing is billed.")
        assert await running(one, tool, path) == [job_id]
        reading.opened.set()
        done = await one.until_phase(job_id, "completed")
        assert done["result"]["rows"] == 320 and f"{tool} again" in done["next_step"]
        plan = await one.call(tool, **arguments(tool, path))
        (seen,) = plan["inputs"]
        assert (seen["rows"], seen["sha256"]) == (320, hashlib.sha256(path.read_bytes()).hexdigest())
        assert not reading.again and [item["plan_id"] for item in (await one.call("get_plan"))["plans"]] == [
            plan["plan_id"]
        ]


@pytest.mark.anyio
async def test_other_plans_over_the_same_data_use_what_was_read(seat: Any, tmp_path: Path, reading: Pass) -> None:
    path = write(tmp_path / "rows.jsonl")
    async with seat(answer_within_s=0.0) as one:
        await read_later(one, reading, "plan_training", path)
        for steps in (30, 40):
            overrides = {**TRAIN["overrides"], "max_steps": steps, "save_steps": steps}  # type: ignore[dict-item]  # a dict
            plan = await one.call("plan_training", **arguments("plan_training", path, overrides=overrides))
            assert plan["inputs"][0]["rows"] == 320
        assert not reading.again


@pytest.mark.anyio
async def test_a_later_server_uses_what_an_earlier_one_read(seat: Any, tmp_path: Path, reading: Pass) -> None:
    path = write(tmp_path / "rows.jsonl")
    async with seat(answer_within_s=0.0) as one:
        job_id = await read_later(one, reading, "plan_training", path)
        await anyio.to_thread.run_sync(ended, job_id)
    async with seat(answer_within_s=0.0) as two:
        plan = await two.call("plan_training", **arguments("plan_training", path))
        assert plan["inputs"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert not reading.again


def ended(job_id: str) -> None:
    """Wait until the thread of a job has written down how it ended."""
    for thread in threading.enumerate():
        if thread.name == job_id:
            thread.join(120)


@pytest.mark.anyio
async def test_data_that_changed_since_are_read_again(seat: Any, tmp_path: Path, reading: Pass) -> None:
    path = write(tmp_path / "rows.jsonl")
    before = path.stat()
    async with seat(answer_within_s=0.0) as one:
        job_id = await read_later(one, reading, "plan_training", path)
        write(path, word="Problems")  # as long as the word before
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        reading.opened.clear()
        assert await running(one, "plan_training", path) == [job_id]
        await begun(reading)
        reading.opened.set()
        await one.until_phase(job_id, "completed")
        plan = await one.call("plan_training", **arguments("plan_training", path))
        assert plan["inputs"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.anyio
async def test_both_files_of_a_plan_are_read_and_named(seat: Any, tmp_path: Path, reading: Pass) -> None:
    path, other = write(tmp_path / "rows.jsonl"), write(tmp_path / "more.jsonl", word="Another one")
    more = {"validation_data": str(other)}
    async with seat(answer_within_s=0.0) as one:
        jobs = await running(one, "plan_training", path, **more)
        assert len(set(jobs)) == 2
        for _ in jobs:
            await begun(reading)
        reading.opened.set()
        for job_id in jobs:
            await one.until_phase(job_id, "completed")
        plan = await one.call("plan_training", **arguments("plan_training", path, **more))
        assert [seen["role"] for seen in plan["inputs"]] == ["train", "validation"] and not reading.again


@pytest.mark.anyio
@pytest.mark.parametrize("tool", CALLS)
async def test_a_cancelled_call_ends_its_pass_and_makes_no_plan(
    seat: Any, tmp_path: Path, reading: Pass, tool: str
) -> None:
    path = write(tmp_path / "rows.jsonl", tool)
    async with seat() as one:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: one.client.call_tool(tool, arguments(tool, path)))
            await begun(reading)
            group.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(reading.cancelled.wait, 120)
        assert (await one.call("list_jobs"))["jobs"] == [] == (await one.call("get_plan"))["plans"]


@pytest.mark.anyio
async def test_a_stopped_pass_is_begun_anew_by_the_next_call(seat: Any, tmp_path: Path, reading: Pass) -> None:
    path = write(tmp_path / "rows.jsonl")
    async with seat(answer_within_s=0.0) as one:
        (job_id,) = await running(one, "plan_training", path)
        await begun(reading)
        assert (await one.call("stop_job", job_id=job_id))["phase"] in {"stopping", "stopped"}
        await one.until_phase(job_id, "stopped")
        assert await running(one, "plan_training", path) == [job_id]
        await begun(reading)
        reading.opened.set()
        await one.until_phase(job_id, "completed")
        assert (await one.call("plan_training", **arguments("plan_training", path)))["plan_id"]


@pytest.mark.anyio
async def test_what_was_wrong_with_the_data_is_told_by_the_next_call(seat: Any, tmp_path: Path, reading: Pass) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"")
    async with seat(answer_within_s=0.0) as one:
        (job_id,) = await running(one, "plan_training", path)
        await begun(reading)
        reading.opened.set()
        await anyio.to_thread.run_sync(ended, job_id)
        error = await one.error("plan_training", **arguments("plan_training", path))
        assert "is empty" in error and said(error)["error"] == "input"
