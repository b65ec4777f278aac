"""Blocks of the README that benchmarks write, and the line that says where their figures come from."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def machine(script: str) -> str:
    """Say when, where and on what a run was made, and by which script."""
    model = next(
        (line.partition(": ")[2] for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    mark = " with changes" if changed.stdout.strip() else ""
    cores = len(os.sched_getaffinity(0))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores ({model}), Python {platform.python_version()}, "
        f"commit {commit.stdout.strip() or 'unknown'}{mark}, written by `python benchmarks/{script}.py`."
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def write_block(path: Path, name: str, text: str) -> None:
    """Put text between the markers of a block in a file; raises ValueError when they are not there."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(f"<!-- bench:{name} -->")
    _, end, after = rest.partition("<!-- /bench -->")
    if not begin or not end:
        raise ValueError(f"{path} has no <!-- bench:{name} --> ... <!-- /bench -->")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
