"""Bad input is a clear finding or error before anybody is asked; inputs stay untouched and nothing half-written stays."""

import hashlib
import secrets
from pathlib import Path
from typing import Any

import pytest

from novaforge.server.sandbox.testing import RunningSandbox

COMMON = {"model": "nova_lite_2", "platform": "sagemaker"}
COLUMNS = {"query": "text", "response": "label"}


def fresh() -> str:
    return f"s3://novaforge-sandbox/{secrets.token_hex(4)}"


async def transform(one: Any, source: Path, target: str, **more: Any) -> Any:
    arguments = COMMON | {"source": str(source), "target": target, "method": "SFT_LORA", "columns": COLUMNS} | more
    return await one.raw("transform_dataset", **arguments)


async def plan(one: Any, data: str, **more: Any) -> Any:
    overrides = {"max_steps": 20, "warmup_steps": 3, "save_steps": 20, "reasoning_enabled": False}
    arguments = COMMON | {
        "method": "SFT_LORA", "data": data, "output": fresh(), "instance_type": "ml.p5.48xlarge", "instance_count": 4,
        "overrides": overrides,
    }  # fmt: skip
    return await one.raw("plan_training", **(arguments | more))


async def good_data(one: Any, rows: Path) -> str:
    result = await transform(one, rows, fresh())
    assert not result.is_error
    return str(result.structured_content["files"][0]["uri"])


def said(result: Any) -> str:
    return "\n".join(block.text for block in result.content) + str(result.structured_content or "")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("missing_column.csv", b"body,label\nx,y\n", "text"),
        ("empty.csv", b"", "empty"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "picture.csv"),
        ("header_only.csv", b"text,label\n", "row"),
    ],
)
async def test_a_file_that_cannot_serve_is_refused_and_leaves_nothing(
    seat: Any, tmp_path: Path, name: str, content: bytes, wanted: str
) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    target = tmp_path / "target"
    async with seat() as one:
        result = await transform(one, source, str(target))
        assert result.is_error and wanted in said(result).lower()
        assert source.read_bytes() == content
        assert not list(target.rglob("*"))
        assert one.person.asked == []


@pytest.mark.anyio
async def test_rows_that_cannot_serve_are_counted_and_listed_with_line_and_reason(seat: Any, tmp_path: Path) -> None:
    source = tmp_path / "mixed.jsonl"
    good = [b'{"text": "question %d", "label": "a"}' % n for n in range(40)]
    huge = b'{"text": "' + b"x" * 1_100_000 + b'", "label": "a"}'
    source.write_bytes(
        b"\n".join([*good, b'{"text": broken', huge, b'{"text": "\xff\xfe", "label": "a"}', b'{"label": "a"}']) + b"\n"
    )
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    async with seat() as one:
        result = await transform(one, source, str(tmp_path / "out"))
        assert not result.is_error, said(result)
        assert result.structured_content["rows_written"] == 40
        listed = (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8")
        assert all(f'"line":{number}' in listed.replace(" ", "") for number in (41, 42, 43, 44))
        assert "xxxx" not in listed
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before


@pytest.mark.anyio
async def test_an_unknown_override_is_refused_with_the_nearest_names(seat: Any, rows: Path) -> None:
    async with seat() as one:
        result = await plan(one, await good_data(one, rows), overrides={"max_stepz": 20})
        assert result.is_error and "max_stepz" in said(result) and "max_steps" in said(result)


@pytest.mark.anyio
async def test_an_illegal_instance_count_blocks_and_names_the_nearest_legal_ones(seat: Any, rows: Path) -> None:
    async with seat() as one:
        result = await plan(one, await good_data(one, rows), instance_count=5)
        text = said(result)
        assert "4" in text and "8" in text and ("block" in text)
        assert result.is_error or result.structured_content["state"] == "blocked"


@pytest.mark.anyio
async def test_a_blocked_plan_is_refused_without_a_question(seat: Any, rows: Path) -> None:
    async with seat() as one:
        result = await plan(one, await good_data(one, rows), role="NoSuchRole")
        view = result.structured_content
        assert view["state"] == "blocked" and "NoSuchRole" in said(result)
        outcome = await one.call("apply_plan", plan_id=view["plan_id"])
        assert outcome["status"] == "refused" and one.person.asked == []


@pytest.mark.anyio
async def test_quota_zero_blocks_and_names_the_quota(seat: Any, rows: Path, sandbox: RunningSandbox) -> None:
    async with seat() as one:
        data = await good_data(one, rows)
        with sandbox.settings(quotas={"ml.p5.48xlarge for training job usage": 0}):
            result = await plan(one, data)
        assert result.structured_content["state"] == "blocked"
        assert "ml.p5.48xlarge for training job usage" in said(result)


@pytest.mark.anyio
async def test_a_used_output_prefix_blocks(seat: Any, rows: Path) -> None:
    async with seat() as one:
        data = await good_data(one, rows)
        result = await plan(one, data, output=data.rsplit("/", 1)[0])
        assert result.structured_content["state"] == "blocked"
        assert "empty" in said(result) or "used" in said(result)


@pytest.mark.anyio
async def test_what_is_not_built_yet_is_refused_with_what_works(seat: Any, rows: Path) -> None:
    async with seat() as one:
        for arguments in ({"method": "DPO_LORA"}, {"platform": "bedrock"}, {"model": "nova_pro"}):
            result = await plan(one, "s3://novaforge-sandbox/x.jsonl", **arguments)
            text = said(result)
            assert result.is_error and "nova_lite_2" in text and "SFT_LORA" in text and "sagemaker" in text
