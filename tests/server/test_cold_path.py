"""A server over stdio: nothing but protocol on stdout, no network and no credentials before a tool needs them."""

import sys
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters


def parameters(folder: Path, *flags: str, **env: str) -> StdioServerParameters:
    words = ["-m", "novaforge.server", "serve", "--state", str(folder), "--root", str(folder), *flags]
    return StdioServerParameters(command=sys.executable, args=words, env=env)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_server_without_credentials_starts_and_names_what_is_missing_when_asked(
    tmp_path: Path, mode: str
) -> None:
    env = {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1"}
    env |= {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    with anyio.fail_after(30):
        async with Client(parameters(tmp_path, **env), mode=mode) as client:
            assert len((await client.list_tools()).tools) == 19
            result = await client.call_tool("get_plan", {})
            assert not result.is_error
            arguments = {
                "task": "gen_qa",
                "model": "nova_lite_2",
                "platform": "sagemaker",
                "output": "s3://b/x",
                "data": "s3://b/gen_qa.jsonl",
            }
            missing = await client.call_tool("plan_evaluation", arguments)
            assert missing.is_error and "credentials" in str(missing.content)


@pytest.mark.anyio
async def test_listing_tools_starts_no_sandbox(tmp_path: Path) -> None:
    with anyio.fail_after(30):
        async with Client(parameters(tmp_path, "--sandbox")) as client:
            assert len((await client.list_tools()).tools) == 20
    assert not (tmp_path / "sandbox").exists()
