"""What every client sees first: twenty tools, small, annotated, with schemas that mean something."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client

from novaforge.prompts.loader import playbooks
from novaforge.server.app import build_server, instructions
from novaforge.server.schemas import SAID_ONCE
from novaforge.server.settings import Settings
from novaforge.server.toolspecs import TOOLS

BUDGET_BYTES = 28_000


async def listed(tmp_path: Path, **settings: Any) -> list[dict[str, Any]]:
    async with Client(build_server(Settings(state=tmp_path, **settings))) as client:
        tools = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


@pytest.mark.anyio
async def test_twenty_tools_fit_the_budget(tmp_path: Path) -> None:
    tools = await listed(tmp_path, sandbox=True)
    assert len(tools) == 20
    assert len(json.dumps({"tools": tools}, separators=(",", ":")).encode()) <= BUDGET_BYTES


@pytest.mark.anyio
async def test_every_tool_is_annotated_and_typed_both_ways(tmp_path: Path) -> None:
    for tool in await listed(tmp_path, sandbox=True):
        hints = set(tool["annotations"])
        assert "readOnlyHint" in hints, tool["name"]
        changing = {"destructiveHint", "idempotentHint", "openWorldHint"}
        assert tool["annotations"]["readOnlyHint"] or changing <= hints, tool["name"]
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
        assert tool["inputSchema"]["additionalProperties"] is False
        typed = [name for name, prop in tool["outputSchema"]["properties"].items() if prop]
        assert len(typed) + len(SAID_ONCE) >= 3, f"{tool['name']} says too little about its result"


@pytest.mark.anyio
async def test_the_order_is_stable(tmp_path: Path) -> None:
    first, second = await listed(tmp_path, sandbox=True), await listed(tmp_path, sandbox=True)
    assert first == second


@pytest.mark.anyio
async def test_without_allow_write_nothing_that_changes_aws_is_offered(tmp_path: Path) -> None:
    names = {tool["name"] for tool in await listed(tmp_path)}
    assert "apply_plan" not in names and {"plan_training", "stop_job"} <= names


@pytest.mark.anyio
async def test_read_only_wins_over_sandbox_and_allow_write(tmp_path: Path) -> None:
    tools = await listed(tmp_path, sandbox=True, allow_write=True, read_only=True)
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools)


@pytest.mark.anyio
async def test_toolsets_show_only_what_was_asked_for(tmp_path: Path) -> None:
    tools = await listed(tmp_path, sandbox=True, toolsets=("data",))
    assert {tool["name"] for tool in tools} == {"inspect_dataset", "transform_dataset", "validate_dataset"}


def test_instructions_fit_in_two_kilobytes_and_name_real_tools() -> None:
    text = instructions()
    assert len(text.encode()) <= 2048
    known = {spec.name for spec in TOOLS}
    for verb in ("inspect_dataset", "plan_training", "apply_plan", "get_spend"):
        assert verb in text and verb in known


def test_no_tool_takes_a_confirmation() -> None:
    for spec in TOOLS:
        names = set(inspect.signature(spec.load()).parameters) if spec.name != "apply_plan" else set()
        assert not [name for name in names if re.search("confirm|approve|force|yes", name)]


def test_playbooks_name_only_real_tools_and_arguments() -> None:
    arguments = {
        spec.name: set(inspect.signature(spec.load()).parameters) if spec.name != "apply_plan" else {"plan_id"}
        for spec in TOOLS
    }
    for playbook in playbooks():
        text = playbook.render(**{item.name: "x" for item in playbook.arguments})
        for name, inside in re.findall(r"\b([a-z]+_[a-z_]+)\(([^()]*)\)", text):
            if name == "lambda_handler":  # what a reward file defines, not a tool
                continue
            assert name in arguments, f"{playbook.name} names {name}"
            for argument in re.findall(r"\b([a-z_]+)\s*=", inside):
                assert argument in arguments[name], f"{playbook.name}: {name} has no {argument}"
