"""Objects are read in parts ahead of the reader, in order and of one state; prefixes and patterns are as folders are."""

import gzip
import json
import threading
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa
import pytest
from pyarrow import parquet

from novaforge.guards.errors import AwsError, ConflictError, InputError, NovaForgeError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading import s3_parts
from novaforge.tools.datasets.reading.source import open_source

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

BUCKET = "novaforge-sandbox"


@pytest.fixture
def ctx(desk: "Desk", storage: Storage) -> ToolContext:
    return desk.context(storage=storage)


@pytest.fixture
def prefix() -> str:
    return f"s3://{BUCKET}/sources/{uuid4().hex}"


def lines(*values: int) -> bytes:
    return b"".join(json.dumps({"n": value}).encode() + b"\n" for value in values)


def numbers(desk: "Desk", ctx: ToolContext, uri: str) -> list[int]:
    return [row["n"] for row in desk.read(uri, ctx).rows]


def test_prefixes_and_patterns_choose_objects_in_order(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    for name, data in {
        "b.jsonl": lines(3),
        "a.jsonl.gz": gzip.compress(lines(1, 2)),
        "sub/c.jsonl": lines(4),
        "_SUCCESS": b"x",
    }.items():
        ctx.storage.put(f"{prefix}/data/{name}", data)
    ctx.storage.put(f"{prefix}/data-other/x.jsonl", lines(9))
    for uri in (f"{prefix}/data/", f"{prefix}/data", f"{prefix}/data/**", f"{prefix}/da?a/**/*.jsonl*"):
        assert numbers(desk, ctx, uri) == [1, 2, 3, 4]
    assert numbers(desk, ctx, f"{prefix}/data/*.jsonl") == [3]
    seen = desk.read(f"{prefix}/data/", ctx)
    assert seen.source.compression == "gzip" and all(entry["etag"] for entry in seen.source.file_identities())
    with pytest.raises(InputError, match="no files with rows"):
        desk.read(f"{prefix}/nothing/", ctx)
    with pytest.raises(InputError, match="no object"):
        desk.read(f"{prefix}/nothing", ctx)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_parts, "PART_BYTES", 10_000)


def test_an_object_of_many_parts_comes_whole_and_in_order(
    desk: "Desk", ctx: ToolContext, prefix: str, small_parts: None
) -> None:
    data = lines(*range(20_000))
    ctx.storage.put(f"{prefix}/many.jsonl", data)
    seen = desk.read(f"{prefix}/many.jsonl", ctx)
    assert [row["n"] for row in seen.rows] == list(range(20_000))
    assert seen.identity.bytes == len(data) and seen.identity.etag and seen.identity.sha256


class _Counting(Storage):
    """Storage whose parts fail as the test says; counts how many are asked for at a time."""

    def __init__(self, aws: Aws, failures: dict[int, list[NovaForgeError]]) -> None:
        super().__init__(aws, ())
        self.failures = failures
        self.asked: list[int] = []
        self.lock = threading.Lock()

    def part(self, uri: str, start: int, length: int, etag: str) -> bytes:
        with self.lock:
            self.asked.append(start)
            waiting = self.failures.get(start)
            if waiting:
                raise waiting.pop(0)
        return super().part(uri, start, length, etag)


BROKEN = AwsError("broke off", operation="s3:GetObject", code="ReadTimeoutError")


def test_a_part_that_breaks_off_is_asked_for_again(
    desk: "Desk", aws: Aws, ctx: ToolContext, prefix: str, small_parts: None
) -> None:
    ctx.storage.put(f"{prefix}/d.jsonl", lines(*range(8000)))
    storage = _Counting(aws, {20_000: [BROKEN, BROKEN], 0: [BROKEN]})
    assert numbers(desk, desk.context(storage=storage), f"{prefix}/d.jsonl") == list(range(8000))
    assert storage.asked.count(20_000) == 3


@pytest.mark.parametrize(
    ("error", "times", "said"),
    [
        (BROKEN, 3, "broke off"),
        (AwsError("no", operation="s3:GetObject", code="AccessDenied", http_status=403), 1, "no"),
        (
            ConflictError("other", operation="s3:GetObject", code="PreconditionFailed"),
            1,
            "changed while it was being read",
        ),
    ],
)
def test_a_part_that_cannot_be_had_is_an_error(
    desk: "Desk",
    aws: Aws,
    ctx: ToolContext,
    prefix: str,
    small_parts: None,
    error: NovaForgeError,
    times: int,
    said: str,
) -> None:
    ctx.storage.put(f"{prefix}/d.jsonl", lines(*range(8000)))
    storage = _Counting(aws, {30_000: [error] * 9})
    with pytest.raises(NovaForgeError, match=said):
        desk.read(f"{prefix}/d.jsonl", desk.context(storage=storage))
    assert storage.asked.count(30_000) == times


def test_only_a_few_parts_are_asked_for_ahead(
    desk: "Desk", aws: Aws, ctx: ToolContext, prefix: str, small_parts: None
) -> None:
    ctx.storage.put(f"{prefix}/d.jsonl", lines(*range(60_000)))
    storage = _Counting(aws, {})
    with open_source(desk.context(storage=storage), f"{prefix}/d.jsonl") as source:
        next(source.rows(lambda reject: None))
        taken = source.bytes_read // 10_000 + 1
        assert len(storage.asked) <= taken + 1 + s3_parts.AHEAD < 60


def test_an_object_replaced_between_its_parts_is_an_error(
    desk: "Desk", ctx: ToolContext, aws: Aws, prefix: str, small_parts: None
) -> None:
    uri = f"{prefix}/d.jsonl"
    ctx.storage.put(uri, lines(*range(60_000)))
    with open_source(ctx, uri) as source:
        rows = source.rows(lambda reject: None)
        next(rows)
        key = uri.removeprefix(f"s3://{BUCKET}/")
        aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=lines(*range(60_001, 120_001)))
        with pytest.raises(InputError, match="changed while it was being read"):
            list(rows)


def test_parquet_in_s3_is_read_in_place(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    table = pa.table({"n": list(range(5000)), "text": ["x" * 50] * 5000})
    parquet.write_table(table, desk.folder / "d.parquet", row_group_size=1000)
    ctx.storage.put(f"{prefix}/p/d.parquet", (desk.folder / "d.parquet").read_bytes())
    seen = desk.read(f"{prefix}/p/", ctx)
    assert [row["n"] for row in seen.rows] == list(range(5000)) and seen.identity.etag and seen.identity.sha256 is None


def test_bedrock_invocation_logs_are_read_from_their_folders(desk: "Desk", ctx: ToolContext, prefix: str) -> None:
    base = f"{prefix}/AWSLogs/111122223333/BedrockModelInvocationLogs"
    record = {"schemaType": "ModelInvocationLog", "modelId": "amazon.nova-lite-v1:0", "input": {"inputBodyJson": {}}}
    for hour in ("00", "01"):
        data = gzip.compress(b"".join(json.dumps(record).encode() + b"\n" for _ in range(2)))
        ctx.storage.put(f"{base}/us-east-1/2026/01/02/{hour}/20260102T{hour}_abc.json.gz", data)
    ctx.storage.put(f"{base}/us-east-1/2026/01/02/00/data/big_input.json.gz", gzip.compress(b"{}"))
    ctx.storage.put(f"{base}/amazon-bedrock-logs-permission-check", b"")
    seen = desk.read(f"{prefix}/AWSLogs/", ctx)
    assert seen.rows == [record] * 4 and seen.source.format == "jsonl"
    assert "big_input.json.gz" in seen.notes["source-files"] and "Bedrock" in seen.notes["source-bedrock"]
