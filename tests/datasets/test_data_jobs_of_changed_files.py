"""What a pass told of a file is no answer once the file was written again."""

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.jobs.job import DataJob
from novaforge.tools.datasets.jobs.registry import DataJobs
from novaforge.tools.datasets.results import TransformResult

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


def test_a_file_that_changed_is_read_again(desk: "Desk") -> None:
    source = Path(desk.write("data.csv", "q,a\n1,2\n"))
    result = TransformResult(rows_written=7, manifest_uri=desk.write("out/manifest.json", "{}"))
    jobs = DataJobs(desk.folder / "work", answer_within_s=0)
    ctx = replace(desk.ctx, work_dir=desk.folder / "work")
    release, runs = threading.Event(), threading.Semaphore(0)

    def work(ctx: ToolContext) -> TransformResult:
        runs.release()
        assert release.wait(300)
        return result

    def call() -> None:
        job = jobs.run(ctx, "transform_dataset", {"source": str(source)}, work, progress=lambda *told: None)
        release.set()
        assert isinstance(job, DataJob)
        with job.changed:
            assert job.changed.wait_for(lambda: job.ended, 300)

    now = desk.ctx.clock().timestamp()
    os.utime(source, (now - 60, now - 60))
    for _ in range(3):
        call()
    assert runs.acquire(blocking=False) and not runs.acquire(blocking=False), "nothing changed: one pass is enough"
    os.utime(source, (now + 60, now + 60))
    call()
    assert runs.acquire(blocking=False)


@pytest.mark.parametrize("written", [True, False])
def test_what_nobody_was_told_yet_is_told_if_it_was_written_and_read_again_if_not(desk: "Desk", written: bool) -> None:
    source = Path(desk.write("data.csv", "q,a\n1,2\n"))
    manifest = desk.write("out/manifest.json", "{}") if written else ""
    jobs = DataJobs(desk.folder / "work", answer_within_s=0)
    runs, release = threading.Semaphore(0), threading.Event()

    def work(ctx: ToolContext) -> TransformResult:
        runs.release()
        assert release.wait(60)
        return TransformResult(rows_written=7, manifest_uri=manifest)

    def call() -> DataJob:
        job = jobs.run(desk.ctx, "validate_dataset", {"source": str(source)}, work, progress=lambda *told: None)
        release.set()
        assert isinstance(job, DataJob)
        with job.changed:
            assert job.changed.wait_for(lambda: job.ended, 60)
        return job

    now = desk.ctx.clock().timestamp()
    os.utime(source, (now - 60, now - 60))
    first = call()
    os.utime(source, (now + 60, now + 60))
    assert (call() is first) == written
    assert runs.acquire(blocking=False) and runs.acquire(blocking=False) != written
