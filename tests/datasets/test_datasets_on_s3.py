"""Sources and targets may be S3 objects; a failure leaves no object and no open upload."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from novaforge.guards.errors import AwsError, ConflictError, InputError, NotFoundError
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.aws.uploads import PART_BYTES
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.facts import training_file
from novaforge.tools.datasets.tool import inspect_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

BUCKET = "novaforge-sandbox"
ROWS = [(f"question {index}\r\nsecond line", "ab"[index % 2]) for index in range(60)]
SPLIT = {"train": 0.5, "test": 0.5}
WRITES = Mode(writes_allowed=True)


@pytest.fixture
def ctx(desk: "Desk", storage: Storage) -> ToolContext:
    return desk.context(mode=WRITES, storage=storage)


@pytest.fixture
def prefix() -> str:
    return f"s3://{BUCKET}/datasets/{uuid4().hex}"


def test_a_source_in_s3_becomes_files_in_s3_with_a_manifest(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    source = f"{prefix}/raw/data.csv"
    data = Path(desk.csv(ROWS)).read_bytes()
    ctx.storage.put(source, data)
    seen = inspect_dataset(ctx, source=source)
    assert (seen.rows, seen.bytes, seen.labels) == (60, len(data), {"a": 30, "b": 30})
    result = desk.transform(source, f"{prefix}/out/", split=SPLIT, ctx=ctx)
    assert [file.uri for file in result.files] == [f"{prefix}/out/train.jsonl", f"{prefix}/out/test.jsonl"]
    for file in result.files:
        assert hashlib.sha256(ctx.storage.read(file.uri)).hexdigest() == file.sha256
    manifest = json.loads(ctx.storage.read(result.manifest_uri))
    assert manifest["source"]["etag"] == ctx.storage.stat(source).etag
    assert manifest["source"]["sha256"] == hashlib.sha256(data).hexdigest()
    rows = [json.loads(line) for file in result.files for line in ctx.storage.read(file.uri).splitlines()]
    assert {row["messages"][0]["content"][0]["text"] for row in rows} == {body for body, _ in ROWS}
    local = desk.transform(desk.csv(ROWS), "local", split=SPLIT, ctx=ctx)
    assert [file.sha256 for file in local.files] == [file.sha256 for file in result.files]


def test_a_written_file_is_validated_and_its_facts_read_in_place(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    result = desk.transform(desk.csv(ROWS), prefix, "EVALUATION", ctx=ctx)
    (file,) = result.files
    assert file.uri == f"{prefix}/gen_qa.jsonl"
    assert desk.validate(file.uri, "EVALUATION", ctx=ctx).ok
    facts = training_file(ctx, file.uri, "EVALUATION", "nova_lite_2")
    assert (facts.rows, facts.identity.etag) == (60, ctx.storage.stat(file.uri).etag)
    renamed = f"{prefix}/eval.jsonl"
    ctx.storage.put(renamed, ctx.storage.read(file.uri))
    assert not desk.validate(renamed, "EVALUATION", ctx=ctx).ok


def test_existing_objects_are_never_overwritten(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    ctx.storage.put(f"{prefix}/manifest.json", b"mine")
    with pytest.raises(ConflictError):
        desk.transform(desk.csv(ROWS), prefix, ctx=ctx)
    assert (
        ctx.storage.list(prefix) == [f"{prefix}/manifest.json"]
        and ctx.storage.read(f"{prefix}/manifest.json") == b"mine"
    )


def test_a_large_file_goes_up_in_parts_and_comes_back_whole(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    rows = [(f"{index} " + "x" * 100_000, "a") for index in range(PART_BYTES // 100_000 + 20)]
    (file,) = desk.transform(desk.csv(rows), prefix, ctx=ctx).files
    data = ctx.storage.read(file.uri)
    assert len(data) == file.bytes > PART_BYTES and hashlib.sha256(data).hexdigest() == file.sha256
    assert desk.validate(file.uri, ctx=ctx).rows == len(rows)


def test_missing_objects_buckets_and_folders_are_clear_errors(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    with pytest.raises(InputError, match="no object"):
        inspect_dataset(ctx, source=f"{prefix}/nothing.csv")
    with pytest.raises(InputError, match="no files"):
        inspect_dataset(ctx, source=f"{prefix}/")
    with pytest.raises(NotFoundError):
        desk.transform(desk.csv(ROWS), "s3://no-such-bucket-here/x", ctx=ctx)


def test_an_object_replaced_while_it_is_read_is_an_error(desk: "Desk", ctx: ToolContext, aws: Aws, prefix: str) -> None:
    source = f"{prefix}/data.csv"
    ctx.storage.put(source, Path(desk.csv(ROWS)).read_bytes())

    def move(name: str) -> None:
        if name == "publish:created":
            key = source.removeprefix(f"s3://{BUCKET}/")
            aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=b"Body,Y\nother,a\n")

    moving = replace(ctx, checkpoint=move)
    with pytest.raises(InputError, match="changed while it was being read"):
        desk.transform(source, f"{prefix}/out", ctx=moving)
    assert ctx.storage.list(f"{prefix}/out") == []


def test_the_policys_prefix_lets_a_target_below_it_through(desk: "Desk", storage: Storage, prefix: str) -> None:
    policy = Policy(write_prefixes=(f"{prefix}/allowed/",), buckets=(BUCKET,))
    ctx = desk.context(mode=WRITES, policy=policy, storage=storage)
    assert desk.transform(desk.csv(ROWS), f"{prefix}/allowed", ctx=ctx).rows_written == 60


def test_a_connection_that_breaks_is_our_error(desk: "Desk", ctx: ToolContext, prefix: str, monkeypatch: Any) -> None:
    source = f"{prefix}/data.csv"
    ctx.storage.put(source, Path(desk.csv(ROWS)).read_bytes())

    def broken(body: Any, amount: int | None = None) -> bytes:
        raise ConnectionResetError("reset")

    monkeypatch.setattr("botocore.response.StreamingBody.read", broken)
    with pytest.raises(AwsError, match="broke off"):
        inspect_dataset(ctx, source=source)


def test_the_next_step_names_a_target_that_is_free(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    source = f"{prefix}/raw.csv"
    ctx.storage.put(source, Path(desk.csv(ROWS)).read_bytes())
    assert f'target="{prefix}/raw-sft_lora"' in inspect_dataset(ctx, source=source).next_step
    ctx.storage.put(f"{prefix}/raw-sft_lora/train.jsonl", b"{}")
    assert f'target="{prefix}/raw-sft_lora-2"' in inspect_dataset(ctx, source=source).next_step
