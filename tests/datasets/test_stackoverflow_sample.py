"""The case study's files go through whole: every row, every line ending."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.tool import inspect_dataset, validate_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not (DATA / "stackoverflow").is_dir(), reason=f"the sample data are not at {DATA}")
COLUMNS = {"query": "Body", "response": "Y"}
Read = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def ctx(desk: "Desk") -> ToolContext:
    return desk.context(storage=Storage(Aws(), (desk.folder, DATA)))


def _query(row: dict[str, Any]) -> str:
    if "query" in row:
        return str(row["query"])
    content = row["messages"][0]["content"]
    return str(content if isinstance(content, str) else content[0]["text"])


@pytest.mark.parametrize(
    ("name", "method", "rows"), [("sft", "SFT_LORA", 3500), ("rft", "RFT_LORA", 700), ("eval", "EVALUATION", 500)]
)
def test_every_row_arrives_with_its_bytes(
    desk: "Desk", ctx: ToolContext, read: Read, name: str, method: str, rows: int
) -> None:
    source = DATA / "stackoverflow" / f"{name}.csv"
    result = desk.transform(str(source), name, method, ctx=ctx, columns=COLUMNS)
    with source.open(encoding="utf-8", newline="") as file:
        wanted = [row["Body"] for row in csv.DictReader(file)]
    found = [_query(row) for row in read(result.files[0].uri)]
    assert found == wanted and len(found) == rows == result.rows_read
    assert any("\r\n" in text for text in found)
    checked = desk.validate(result.files[0].uri, method, ctx=ctx)
    assert checked.ok and checked.rows == rows


def test_the_three_files_share_no_query(desk: "Desk", ctx: ToolContext) -> None:
    files = [
        desk.transform(str(DATA / "stackoverflow" / f"{name}.csv"), name, method, ctx=ctx, columns=COLUMNS).files[0].uri
        for name, method in (("sft", "SFT_LORA"), ("rft", "RFT_LORA"), ("eval", "EVALUATION"))
    ]
    assert desk.validate(files[0], ctx=ctx, against=files[1:]).ok
    assert not desk.validate(files[0], ctx=ctx, against=files[0]).ok


def test_the_split_of_the_sample_is_exact_for_each_label(desk: "Desk", ctx: ToolContext) -> None:
    source = str(DATA / "stackoverflow" / "sft.csv")
    result = desk.transform(source, ctx=ctx, split={"train": 0.8, "validation": 0.1, "test": 0.1}, stratify_by="Y")
    assert [file.rows for file in result.files] == [2800, 350, 350]
    assert json.loads(Path(result.manifest_uri).read_text(encoding="utf-8"))["split"]["strata"] == {
        "HQ": 1167,
        "LQ_CLOSE": 1167,
        "LQ_EDIT": 1166,
    }


def test_a_windows_file_is_told_by_its_bytes_and_no_character_changes(
    desk: "Desk", ctx: ToolContext, read: Read
) -> None:
    source = DATA / "stackoverflow" / "ram_data.csv"
    seen = inspect_dataset(ctx, source=str(source))
    assert (seen.rows, seen.rejected, seen.encoding) == (1655, {}, "Windows-1252")
    result = desk.transform(str(source), ctx=ctx, columns=COLUMNS)
    with source.open(encoding="cp1252", newline="") as file:
        wanted = [row["Body"] for row in csv.DictReader(file)]
    assert [_query(row) for row in read(result.files[0].uri)] == wanted
    assert (result.rows_written, result.rejected["rows"]) == (1655, 0)


@pytest.mark.parametrize(
    ("name", "method", "ok"),
    [
        ("sft_train_samples_converse.jsonl", "SFT_LORA", True),
        ("rft_test_data.jsonl", "RFT_LORA", True),
        ("openai_sft_test_data.jsonl", "SFT_LORA", False),
    ],
)
def test_small_fixtures_of_the_platforms_own_sdk_are_judged_rightly(
    ctx: ToolContext, name: str, method: str, ok: bool
) -> None:
    result = validate_dataset(
        ctx, source=str(DATA / "nova_format" / name), method=cast(Any, method), model="nova_lite_2"
    )
    blocking = {finding.rule for finding in result.findings if finding.severity == "block"} - {"BS2"}
    assert (not blocking) == ok
    if name.startswith("rft"):
        assert "DA3-rft-ids" in {finding.rule for finding in result.findings}
