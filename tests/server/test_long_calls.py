"""Calls that take long: a handle instead of a wait, progress meanwhile, and a cancelled call whose work ends."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import CallToolResult

from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.jobs import registry
from novaforge.tools.datasets.results import InspectResult
from novaforge.tools.plans.tool import PlansResult
from tests.server.holding import Gate

INSPECT = "novaforge.tools.datasets.tool.inspect"
TRANSFORM = {"method": "SFT_LORA", "model": "nova_lite_2", "columns": {"query": "text", "response": "label"}}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Hold every inspection at its beginning."""
    from novaforge.tools.datasets.inspection import inspect as real

    held = Gate()

    def inspect(ctx: ToolContext, *arguments: Any) -> InspectResult:
        ctx.rows_done(12)
        ctx.progress(100.0, 200.0, "12 rows read")
        held.wait(ctx)
        return real(ctx, *arguments)

    monkeypatch.setattr(INSPECT, inspect)
    yield held
    held.opened.set()


async def until(event: threading.Event) -> None:
    assert await anyio.to_thread.run_sync(event.wait, 120)


async def until_begun(gate: Gate) -> None:
    assert await anyio.to_thread.run_sync(lambda: gate.begun.acquire(timeout=120))


@pytest.mark.anyio
async def test_a_pass_that_outlasts_its_call_is_a_job_with_the_whole_result_in_the_end(
    seat: Any, rows: Path, gate: Gate
) -> None:
    async with seat(answer_within_s=0.0) as one:
        first = await one.call("inspect_dataset", source=str(rows))
        assert first["status"] == "running" and first["job_id"].startswith("data-") and first["rows"] == 0
        await until_begun(gate)
        shown = await one.call("get_job", job_id=first["job_id"])
        assert (shown["phase"], shown["stage"], shown["progress"]["rows"]) == ("running", "12 rows read", 12)
        assert shown["progress"]["expected_end"] == shown["expected"]["end"]
        assert [job["job_id"] for job in (await one.call("list_jobs", status="running"))["jobs"]] == [first["job_id"]]
        assert "no log" in (await one.call("tail_logs", job_id=first["job_id"]))["next_step"]
        again = await one.call("inspect_dataset", source=str(rows))
        assert (again["status"], again["job_id"]) == ("running", first["job_id"])
        gate.opened.set()
        done = await one.until_phase(first["job_id"], "completed")
        assert done["result"]["rows"] == 400 and done["result"]["status"] == "done" and done["result"]["shape"]
        raw = await one.raw("get_job", job_id=first["job_id"])
        assert "400 rows" in raw.content[0].text and not gate.begun.acquire(blocking=False)


@pytest.mark.anyio
async def test_the_same_call_gets_the_result_when_it_is_there(seat: Any, rows: Path, gate: Gate) -> None:
    async with seat(answer_within_s=0.0) as one:
        job_id = (await one.call("inspect_dataset", source=str(rows)))["job_id"]
        await until_begun(gate)
        gate.opened.set()
        job = one.state.data_jobs.get(job_id)
        await anyio.to_thread.run_sync(lambda: wait_for_end(job))
        done = await one.call("inspect_dataset", source=str(rows))
        assert (done["status"], done["rows"]) == ("done", 400)


def wait_for_end(job: Any) -> None:
    with job.changed:
        assert job.changed.wait_for(lambda: job.ended, 20)


@pytest.mark.anyio
@pytest.mark.parametrize("flags", [{}, {"read_only": True}])
async def test_a_read_only_server_stops_passes_over_data_and_no_other_job(
    seat: Any, rows: Path, gate: Gate, flags: dict[str, bool]
) -> None:
    async with seat(answer_within_s=0.0, sandbox=False, region="us-east-1", **flags) as one:
        stop = next(tool for tool in (await one.client.list_tools()).tools if tool.name == "stop_job")
        assert stop.annotations.read_only_hint and "data job" in stop.description
        job_id = (await one.call("inspect_dataset", source=str(rows)))["job_id"]
        assert (await one.call("stop_job", job_id=job_id))["phase"] in {"stopping", "stopped"}
        shown = await one.until_phase(job_id, "stopped")
        assert "cancelled" in shown["failure"]["cause"] or "stopped" in shown["failure"]["cause"]
        assert "read-only" in await one.error("stop_job", job_id="some-training-job")


@pytest.mark.anyio
async def test_a_cancelled_call_ends_its_pass(seat: Any, rows: Path, gate: Gate) -> None:
    async with seat() as one:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: one.client.call_tool("inspect_dataset", {"source": str(rows)}))
            await until_begun(gate)
            group.cancel_scope.cancel()
        await until(gate.cancelled)
        assert (await one.call("list_jobs"))["jobs"] == []


@pytest.mark.anyio
async def test_a_cancelled_call_of_a_tool_that_changes_nothing_hears_of_it(
    seat: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()

    def get_plan(ctx: ToolContext, *, plan_id: str | None = None) -> PlansResult:
        gate.wait(ctx)
        raise AssertionError("nobody opens the gate")

    monkeypatch.setattr("novaforge.tools.plans.tool.get_plan", get_plan)
    async with seat() as one:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: one.client.call_tool("get_plan", {}))
            await until_begun(gate)
            group.cancel_scope.cancel()
        await until(gate.cancelled)


def outside_state(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "state" not in path.parts}


@pytest.mark.anyio
async def test_a_cancelled_transform_leaves_nothing(
    seat: Any, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from novaforge.tools.datasets.transform import transform as real

    begun, ended = threading.Semaphore(0), threading.Event()

    def transform(ctx: ToolContext, request: Any) -> Any:
        def hold(name: str) -> None:
            if name == "publish:sealed":
                begun.release()
                while not ctx.cancelled():
                    ended.wait(0.01)

        try:
            return real(replace(ctx, checkpoint=hold), request)
        finally:
            ended.set()

    monkeypatch.setattr("novaforge.tools.datasets.tool.transform", transform)
    before = outside_state(tmp_path)
    async with seat() as one:
        arguments = TRANSFORM | {"source": str(rows), "target": str(tmp_path / "out" / "sft")}
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: one.client.call_tool("transform_dataset", arguments))
            assert await anyio.to_thread.run_sync(lambda: begun.acquire(timeout=120))
            group.cancel_scope.cancel()
        await until(ended)
        assert outside_state(tmp_path) == before
        assert not list((one.state.settings.work_dir / "journals").iterdir())
        monkeypatch.setattr("novaforge.tools.datasets.tool.transform", real)
        assert (await one.call("transform_dataset", **arguments))["rows_written"] == 400


@pytest.mark.anyio
async def test_progress_comes_while_a_pass_stands_still(
    seat: Any, rows: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SAY_EVERY_S", 0.0)
    monkeypatch.setattr(registry, "LOOK_EVERY_S", 0.01)
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))
        if len(told) == 3:
            gate.opened.set()

    async with seat() as one:
        result = await one.client.call_tool("inspect_dataset", {"source": str(rows)}, progress_callback=hear)
        assert isinstance(result, CallToolResult) and not result.is_error
    assert len(told) >= 3 and told[0][1:] == (200.0, "12 rows read")
    assert [done for done, *_ in told] == sorted({done for done, *_ in told})


@pytest.mark.anyio
async def test_a_writing_server_takes_back_what_a_killed_one_left(seat: Any, rows: Path, tmp_path: Path) -> None:
    journals = tmp_path / "state" / "sandbox" / "data" / "journals"
    journals.mkdir(parents=True)
    staging = tmp_path / ".out.novaforge-abc"
    staging.mkdir()
    line = '{"step": "begin", "schema": "novaforge.journal/1", "token": "abc"}\n'
    (journals / "abc.jsonl").write_text(
        line + f'{{"step": "staging", "path": "{staging}", "folders": []}}\n', encoding="utf-8"
    )
    async with seat() as one:
        await one.call("list_jobs")
        for thread in threading.enumerate():
            if thread.name == "recovery":
                await anyio.to_thread.run_sync(thread.join, 20)
    assert not staging.exists() and not list(journals.iterdir())
