"""Rows per second of transform_dataset beside a bare csv + orjson loop over the same file, in one run.

    python benchmarks/data_path.py [ROWS]

The floor reads the CSV and writes the same JSON objects to one file, with no check, split, hash or manifest. Each case runs
in its own process, one after the other, so that its peak memory is its own. Times are wall seconds on this machine, now;
compare the ratios, not the seconds.
"""

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson

SEED = 42
LABELS = ("HQ", "LQ_EDIT", "LQ_CLOSE")
SPLIT = {"train": 0.8, "validation": 0.1, "test": 0.1}
CASES = ("floor", "SFT_LORA", "SFT_LORA split", "RFT_LORA split", "EVALUATION", "inspect", "validate")


def write_source(path: Path, rows: int) -> None:
    """Write rows of about 900 characters with line breaks, quotes and non-ASCII text."""
    draw = random.Random(SEED)
    words = ["function", "value", 'say "no"', "naïve", "line\nbreak", "list, item", "x = 1;", "query", "日本", "the"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Id", "Body", "Y"])
        for number in range(rows):
            body = " ".join(draw.choices(words, k=max(5, int(draw.lognormvariate(4.8, 0.6)))))
            writer.writerow([number, f"{number} {body}", LABELS[number % 3]])


def floor(source: Path, target: Path) -> None:
    """Read the CSV and write Converse rows; nothing else."""
    with source.open(encoding="utf-8", newline="") as read, target.open("wb") as written:
        reader = csv.reader(read)
        next(reader)
        for _, body, label in reader:
            turns = [{"role": "user", "content": [{"text": body}]}, {"role": "assistant", "content": [{"text": label}]}]
            row = {"schemaVersion": "bedrock-conversation-2024", "messages": turns}
            written.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def product(case: str, source: Path, folder: Path) -> None:
    """Run one tool on the source."""
    from novaforge.guards.policy import Policy
    from novaforge.tools.aws.session import Aws
    from novaforge.tools.aws.storage import Storage
    from novaforge.tools.context import Mode, ToolContext
    from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset, validate_dataset

    nothing = cast(Any, None)  # no ledger and no audit log are touched here
    ctx = ToolContext(
        Mode(), Policy(), nothing, Aws(), Storage(Aws(), (folder,)), nothing, clock=lambda: datetime.now(UTC)
    )
    if case == "inspect":
        inspect_dataset(ctx, source=str(source))
    elif case == "validate":
        validate_dataset(ctx, source=str(folder / "floor.jsonl"), method="SFT_LORA", model="nova_lite_2")
    else:
        method, _, split = case.partition(" ")
        target = folder / case.replace(" ", "-")
        columns = {"query": "Body", "response": "Y"}
        transform_dataset(
            ctx, source=str(source), target=str(target), method=cast(Any, method), model="nova_lite_2", columns=columns,
            split=SPLIT if split else None, seed=SEED,
        )  # fmt: skip


def run_case(case: str, folder: Path) -> None:
    """Run one case in this process and print seconds and peak memory in MB; imports are not counted."""
    source = folder / "source.csv"
    if case != "floor":
        import novaforge.tools.datasets.tool  # noqa: F401 - the server has long imported it when a tool is called
    began = time.perf_counter()
    floor(source, folder / "floor.jsonl") if case == "floor" else product(case, source, folder)
    seconds = time.perf_counter() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Print one line per case."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_source(folder / "source.csv", rows)
        size = (folder / "source.csv").stat().st_size
        print(f"{rows} rows, {size / 1e6:.0f} MB of CSV")
        print(f"{'case':16} {'seconds':>8} {'rows/s':>9} {'x floor':>8} {'peak MB':>8}")
        base = 0.0
        for case in CASES:
            command = [sys.executable, __file__, "--case", case, name]
            shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            seconds, peak = map(float, shown)
            base = base or seconds
            print(f"{case:16} {seconds:8.2f} {rows / seconds:9.0f} {seconds / base:8.2f} {peak:8.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        run_case(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
