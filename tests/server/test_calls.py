"""Calls through a real client: unknown arguments, errors, prompts, resources, both eras."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client, MCPError
from mcp.types import PromptReference, TextContent

from novaforge.server.app import build_server
from novaforge.server.settings import Settings


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    server = build_server(Settings(state=tmp_path, roots=(tmp_path,), region="us-east-1"))
    async with Client(server, mode=request.param) as connected:
        yield connected


def text_of(result: object) -> str:
    content = getattr(result, "content", [])
    return "\n".join(block.text for block in content if isinstance(block, TextContent))


@pytest.mark.anyio
async def test_an_unknown_argument_is_refused_by_name_with_the_nearest_known_one(client: Client) -> None:
    result = await client.call_tool("inspect_dataset", {"sorce": "x.csv"})
    assert result.is_error
    assert "'sorce'" in text_of(result) and "source" in text_of(result)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("inspect_dataset", {}, "inspect_dataset needs source."),
        ("inspect_dataset", {"source": 5}, "source should be a valid string, not 5."),
        ("list_options", {"method": "sft_lora"}, "method should be 'SFT_LORA', 'SFT_FULL'"),
        ("get_evaluation", {"job_id": "x", "worst": "many"}, "not 'many'."),
        ("apply_plan", {}, "apply_plan needs plan_id."),
    ],
)
async def test_an_argument_of_the_wrong_kind_is_refused_in_plain_words(
    tmp_path: Path, tool: str, arguments: dict[str, object], said: str
) -> None:
    server = build_server(Settings(state=tmp_path, roots=(tmp_path,), region="us-east-1", allow_write=True))
    async with Client(server) as connected:
        result = await connected.call_tool(tool, arguments)
    assert result.is_error and said in text_of(result)
    assert "pydantic" not in text_of(result) and "Nothing was done." in text_of(result)


@pytest.mark.anyio
async def test_a_failure_names_field_value_and_fix(client: Client) -> None:
    result = await client.call_tool("inspect_dataset", {"source": "/etc/passwd"})
    assert result.is_error
    assert "outside the folders" in text_of(result)
    data = json.loads(text_of(result).splitlines()[-1])
    assert data["error"] == "input" and data["value"] == "/etc/passwd" and data["fix"]


@pytest.mark.anyio
async def test_a_result_is_structured_and_has_a_short_text(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("text,label\nhello there,a\nsecond row,b\n", encoding="utf-8")
    result = await client.call_tool("inspect_dataset", {"source": str(source)})
    assert not result.is_error
    assert result.structured_content is not None and result.structured_content["rows"] == 2
    assert 0 < len(text_of(result)) < 4000


@pytest.mark.anyio
async def test_prompts_are_listed_rendered_and_completed(client: Client) -> None:
    prompts = (await client.list_prompts()).prompts
    assert {prompt.name for prompt in prompts} == {
        "customize_model",
        "classify_text",
        "improve_with_rft",
        "diagnose_job",
        "clean_up",
    }
    completable = [(p.name, a.name) for p in prompts for a in p.arguments or []]
    offered = {
        (name, argument): (
            await client.complete(PromptReference(type="ref/prompt", name=name), {"name": argument, "value": ""})
        ).completion.values
        for name, argument in completable
    }
    assert offered["clean_up", "scope"] == ["all", "deployments", "rewards", "plan"]
    assert offered["customize_model", "model"] == ["nova_lite_2"]
    assert offered["diagnose_job", "job_id"] == []


@pytest.mark.anyio
async def test_resources_are_readable(client: Client) -> None:
    uris = {str(resource.uri) for resource in (await client.list_resources()).resources}
    assert {"novaforge://plans", "novaforge://jobs", "novaforge://catalog", "novaforge://audit"} <= uris
    read = await client.read_resource("novaforge://plans")
    assert json.loads(getattr(read.contents[0], "text", "")) == []


@pytest.mark.anyio
async def test_an_unknown_plan_is_a_clear_error(client: Client) -> None:
    result = await client.call_tool("get_plan", {"plan_id": "plan_nope"})
    assert result.is_error and "plan_nope" in text_of(result)


@pytest.mark.anyio
async def test_a_prompt_without_its_required_argument_says_which(client: Client) -> None:
    prompts = (await client.list_prompts()).prompts
    demanding = next(prompt for prompt in prompts if any(item.required for item in prompt.arguments or []))
    name = next(item.name for item in demanding.arguments or [] if item.required)
    with pytest.raises(MCPError, match=name):
        await client.get_prompt(demanding.name, {})


@pytest.mark.anyio
async def test_a_prompt_names_the_tools_of_the_loop(client: Client) -> None:
    prompt = (await client.list_prompts()).prompts[0]
    arguments = {item.name: "s3://bucket/x" for item in prompt.arguments or [] if item.required}
    rendered = await client.get_prompt(prompt.name, arguments)
    assert "apply_plan" in str(rendered.messages[0].content)


@pytest.mark.anyio
async def test_an_s3_uri_with_control_characters_is_refused_and_not_a_crash(client: Client) -> None:
    result = await client.call_tool("inspect_dataset", {"source": "s3://bucket/a\x1b[2Jb"})
    assert result.is_error and "is not an S3 URI" in text_of(result)


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "a\0b"])
async def test_what_cannot_be_a_path_is_refused_and_not_a_crash(client: Client, path: str) -> None:
    result = await client.call_tool("inspect_dataset", {"source": path})
    assert result.is_error and "is not a path" in text_of(result)
