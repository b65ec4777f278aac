"""One case of the data benchmark, run in a process of its own: python benchmarks/data_cases.py CASE FOLDER.

The floors read the same file and write the same JSON objects with the fastest plain code: no check, split, hash or manifest.
Imports are not timed, since a server has long imported its tools when one is called. Prints one line of JSON.
"""

import csv
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
from data_sources import write_csv

SPLIT = {"train": 0.8, "validation": 0.1, "test": 0.1}
VERSION = "bedrock-conversation-2024"
TABLE, CHAT, CONVERSE = "source.csv", "chat.jsonl", "floor.jsonl"
OTHER = "other.jsonl"
"""A tenth as many other rows, to look for leaks in."""


class Case(NamedTuple):
    """One line of the table: what is read, the floor it is compared with, the tool and its arguments."""

    source: str
    floor: str
    tool: str
    arguments: dict[str, Any]
    peer: str = ""


_COLUMNS = {"query": "Body", "response": "Y", "system": "System"}
_TABLE = {"columns": _COLUMNS, "split": SPLIT}
LISTED = ("copies", "near copies", "shortcuts", "secrets")
"""The further checks for duplicates, leakage, label noise, shortcuts and secrets; the first two serve the first three."""
RULES_ALONE = "validate, format rules alone"
CASES: dict[str, Case] = {
    "floor: CSV to Converse": Case(TABLE, "", "floor_csv", {}),
    "SFT": Case(TABLE, "csv", "transform_dataset", {"method": "SFT_LORA", **_TABLE}, "SFT"),
    "RFT": Case(TABLE, "csv", "transform_dataset", {"method": "RFT_LORA", **_TABLE}, "RFT"),
    "EVALUATION": Case(TABLE, "csv", "transform_dataset", {"method": "EVALUATION", "columns": _COLUMNS}, "EVALUATION"),
    "inspect CSV": Case(TABLE, "csv", "inspect_dataset", {}),
    RULES_ALONE: Case(CONVERSE, "csv", "run_checks", {"checks": ()}),
    "validate, with duplicates, label noise, shortcuts, secrets": Case(
        CONVERSE, "csv", "run_checks", {"checks": LISTED}
    ),
    "validate, the same, and leakage into a second file of a tenth": Case(
        CONVERSE, "csv", "run_checks", {"checks": LISTED, "other": OTHER}
    ),
    "validate, with all further checks": Case(CONVERSE, "csv", "validate_dataset", {"method": "SFT_LORA"}),
    "floor: chat to Converse": Case(CHAT, "", "floor_chat", {}),
    "chat to SFT": Case(CHAT, "chat", "transform_dataset", {"method": "SFT_LORA", "split": SPLIT}, "chat"),
}
FLOORS = {"csv": "floor: CSV to Converse", "chat": "floor: chat to Converse"}


def write_other(folder: Path, rows: int) -> None:
    """Write the second file; its rows have nothing in common with the first but the form."""
    write_csv(folder / "other.csv", rows, seed=7)
    floor_csv(folder / "other.csv", folder / OTHER)
    (folder / "other.csv").unlink()


def floor_csv(source: Path, target: Path) -> None:
    """Read the CSV and write Converse rows; nothing else."""
    with source.open(encoding="utf-8", newline="") as read, target.open("wb") as written:
        reader = csv.reader(read)
        next(reader)
        for _, body, label, system in reader:
            turns = [{"role": "user", "content": [{"text": body}]}, {"role": "assistant", "content": [{"text": label}]}]
            row = {"schemaVersion": VERSION, "system": [{"text": system}], "messages": turns}
            written.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def floor_chat(source: Path, target: Path) -> None:
    """Read OpenAI chats and write Converse rows with the same texts, tool calls and tools; nothing else."""
    with source.open("rb") as read, target.open("wb") as written:
        for line in read:
            row = orjson.loads(line)
            system, *messages = row["messages"]
            tools = [{"toolSpec": _spec(tool["function"])} for tool in row["tools"]]
            turns = [_turn(message) for message in messages]
            made = {"schemaVersion": VERSION, "system": [{"text": system["content"]}], "messages": turns}
            written.write(orjson.dumps(made | {"toolConfig": {"tools": tools}}, option=orjson.OPT_APPEND_NEWLINE))


def _spec(function: dict[str, Any]) -> dict[str, Any]:
    schema = {"json": function["parameters"]}
    return {"name": function["name"], "description": function["description"], "inputSchema": schema}


def _turn(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        result = {"toolUseId": message["tool_call_id"], "content": [{"text": message["content"]}]}
        return {"role": "user", "content": [{"toolResult": result}]}
    content: list[dict[str, Any]] = [{"text": message["content"]}] if message["content"] else []
    for call in message.get("tool_calls", ()):
        function = call["function"]
        used = {"toolUseId": call["id"], "name": function["name"], "input": orjson.loads(function["arguments"])}
        content.append({"toolUse": used})
    return {"role": message["role"], "content": content}


def tool(name: str, folder: Path, arguments: dict[str, Any]) -> Callable[[], Any]:
    """Return a call of one of the dataset tools, ready to run."""
    from novaforge.guards.policy import Policy
    from novaforge.tools.aws.session import Aws
    from novaforge.tools.aws.storage import Storage
    from novaforge.tools.context import Mode, ToolContext
    from novaforge.tools.datasets import tool as tools

    nothing = cast(Any, None)  # no ledger and no audit log are touched here
    ctx = ToolContext(
        Mode(), Policy(), nothing, Aws(), Storage(Aws(), (folder,)), nothing, clock=lambda: datetime.now(UTC)
    )
    if name == "run_checks":
        return lambda: _run_checks(ctx, **arguments)
    function = getattr(tools, name)
    return lambda: function(ctx, **arguments)


def _run_checks(ctx: Any, source: str, checks: tuple[str, ...], other: str = "") -> None:
    """Check a file against the rules of its format, with some further checks or none; the tool itself has no such switch."""
    from novaforge.tools.datasets.formats.targets import row_format
    from novaforge.tools.datasets.progress import Heartbeat
    from novaforge.tools.datasets.validation import Extent, open_training_file, run_audit

    with open_training_file(ctx, source) as opened:
        wanted = row_format("SFT_LORA", "nova_lite_2")
        others = (str(Path(source).with_name(other)),) if other else ()
        audit, _ = run_audit(ctx, opened, wanted, Extent(checks, others, media=False), Heartbeat(ctx, opened))
        audit.row_findings()
        audit.file_findings()
        opened.identity()


def prepare(name: str, folder: Path) -> Callable[[], Any]:
    """Return what is to be timed."""
    case = CASES[name]
    source = folder / case.source
    if case.tool == "floor_csv":
        return lambda: floor_csv(source, folder / CONVERSE)
    if case.tool == "floor_chat":
        return lambda: floor_chat(source, folder / "floor_chat.jsonl")
    arguments: dict[str, Any] = {"source": str(source), **case.arguments}
    if case.tool in ("transform_dataset", "validate_dataset"):
        arguments["model"] = "nova_lite_2"
    if case.tool == "transform_dataset":
        arguments["target"] = str(folder / "out")
    return tool(case.tool, folder, arguments)


def main() -> None:
    """Run one case."""
    call = prepare(sys.argv[1], Path(sys.argv[2]))
    before = sum(os.times()[:4])
    began = time.perf_counter()
    call()
    told = {"wall": time.perf_counter() - began, "cpu_before": before}
    print(orjson.dumps(told).decode())


if __name__ == "__main__":
    main()
