"""A transform that is killed leaves nothing at the target or everything, and no process behind."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.output.recovery import recover

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds processes of a killed one in /proc"),
]
ROWS = 40_000
KILLS = 12
PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.tool import transform_dataset

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    ctx = ToolContext(
        Mode(), Policy(), None, Aws(), Storage(Aws(), (folder,)), None, lambda: datetime.now(UTC),
        work_dir=folder / "work",
    )
    print("ready", flush=True)
    transform_dataset(
        ctx, source=str(folder / "data.csv"), target=str(folder / "new" / "out"), method="SFT_LORA", model="nova_lite_2",
        split={"train": 0.8, "validation": 0.1, "test": 0.1}, filters={"exact_duplicates": True},
    )
    print("done", flush=True)
"""


@pytest.fixture
def source(desk: "Desk") -> Path:
    body = "some words of a question that is long enough to keep a process busy " * 8
    rows = "".join(f'"{number} {body}","{"ab"[number % 2]}"\n' for number in range(ROWS))
    desk.write("program.py", PROGRAM)
    return Path(desk.write("data.csv", "query,response\n" + rows))


def _start(folder: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, str(folder / "program.py"), str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def _of_session(session: int) -> list[int]:
    """Return the living processes of a session, which every process started below its leader belongs to."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def _wait_until_gone(session: int, seconds: float = 120) -> list[int]:
    until = time.monotonic() + seconds
    while (left := _of_session(session)) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def _complete(target: Path) -> bool:
    """Check every file of a published target against its manifest."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    files = {file["name"]: file for file in manifest["files"]}
    assert {"train.jsonl", "validation.jsonl", "test.jsonl"} <= files.keys()
    for name, file in files.items():
        data = (target / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"]), name
    assert sum(files[f"{role}.jsonl"]["rows"] for role in ("train", "validation", "test")) == ROWS
    return True


def test_killed_at_any_moment_it_leaves_nothing_or_all_of_it(desk: "Desk", source: Path) -> None:
    began = time.monotonic()
    process = _start(desk.folder)
    assert process.wait(600) == 0 and _wait_until_gone(process.pid) == []
    whole = time.monotonic() - began
    assert process.stdout is not None
    process.stdout.close()
    target = desk.folder / "new" / "out"
    assert _complete(target)
    _remove(desk.folder / "new")
    ctx = _with_work_dir(desk)
    assert recover(ctx) == [] and _left(desk) == []
    draw, ends = random.Random(7), {"nothing": 0, "all": 0}
    # The first comes at once, so that one is too early also where the run above took long by chance.
    for moment in [0.0, *(draw.uniform(0, whole) for _ in range(KILLS - 1))]:
        process = _start(desk.folder)
        time.sleep(moment)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(120)
        assert _wait_until_gone(process.pid) == [], "processes outlived the one that started them"
        assert process.stdout is not None
        process.stdout.close()
        ends["all" if target.exists() and _complete(target) else "nothing"] += 1
        recover(ctx)
        if target.exists():
            assert _complete(target)
            _remove(desk.folder / "new")
        assert _left(desk) == [], "recovery left something behind"
    assert ends["nothing"] > 0, "no kill came before the end"


def _with_work_dir(desk: "Desk") -> ToolContext:
    from dataclasses import replace

    return replace(desk.ctx, work_dir=desk.folder / "work")


def _left(desk: "Desk") -> list[str]:
    known = {"data.csv", "program.py", "work"}
    inside = [str(path) for path in (desk.folder / "work").rglob("*") if path.is_file()]
    return [path.name for path in desk.folder.iterdir() if path.name not in known] + inside


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)
