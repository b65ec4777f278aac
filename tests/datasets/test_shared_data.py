"""Every file of the shared sample data is recognised and goes through whole, for every method it can serve.

Expected values come from the files themselves, read here with csv, json and pyarrow: what a row says, in which order, and which rows a
target has no place for. Nothing here asks the product what to expect.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.results import TransformResult
from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset, validate_dataset
from tests.datasets.shared_rows import (
    ABSENT,
    DATA,
    READ,
    REASON,
    Row,
    as_data,
    chat,
    comparable,
    converse_says,
    rows_of,
    wanted_in,
)  # fmt: skip

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

pytestmark = pytest.mark.skipif(ABSENT, reason=REASON)

RESERVED = (
    "System:", "SYSTEM:", "User:", "USER:", "Bot:", "BOT:", "Assistant:", "ASSISTANT:", "Thought:", "[EOS]",
    "<image>", "<video>", "<unk>",
)  # fmt: skip
LABELLED = {"query": "Body", "response": "Y"}


class Sample(NamedTuple):
    """What inspecting a file must say."""

    path: str
    format: str
    encoding: str
    shape: str
    rows: int
    method: str
    """The method that has to be proposed."""


SAMPLES = [
    Sample("alpaca_demo/alpaca_en_demo.json", "json", "UTF-8", "alpaca", 999, "SFT_LORA"),
    Sample("cpt_text/c4_demo.jsonl", "jsonl", "UTF-8", "text", 300, "CPT"),
    Sample("cpt_text/wiki_demo.txt", "text", "UTF-8", "text", 1, "CPT"),
    Sample("cpt_text/tinyshakespeare.txt", "text", "UTF-8", "text", 1, "CPT"),
    Sample("dpo/orca_openai_preference.jsonl", "jsonl", "UTF-8", "preference", 284, "DPO_LORA"),
    Sample("nova_format/csv_train_test_data.csv", "csv", "UTF-8", "table", 20, "SFT_LORA"),
    Sample("nova_format/openai_sft_multimodal_test_data.jsonl", "jsonl", "UTF-8", "openai_chat", 5, "SFT_LORA"),
    Sample("nova_format/openai_sft_test_data.jsonl", "jsonl", "UTF-8", "openai_chat", 10, "SFT_LORA"),
    Sample("nova_format/openai_sft_tool_test_data.jsonl", "jsonl", "UTF-8", "openai_chat", 8, "SFT_LORA"),
    Sample("nova_format/rft_multiturn_valid.csv", "csv", "UTF-8", "rft_flat", 5, "RFT_MULTITURN_LORA"),
    Sample("nova_format/rft_multiturn_valid_flat.jsonl", "jsonl", "UTF-8", "rft_flat", 5, "RFT_MULTITURN_LORA"),
    Sample("nova_format/rft_multiturn_valid_minimal.jsonl", "jsonl", "UTF-8", "rft_flat", 5, "RFT_MULTITURN_LORA"),
    Sample("nova_format/rft_multiturn_valid_nested.jsonl", "jsonl", "UTF-8", "rft_multiturn", 5, "RFT_MULTITURN_LORA"),
    Sample("nova_format/rft_multiturn_valid_openai.jsonl", "jsonl", "UTF-8", "rft_flat", 5, "RFT_MULTITURN_LORA"),
    Sample("nova_format/rft_test_data.jsonl", "jsonl", "UTF-8", "rft", 10, "RFT_LORA"),
    Sample("nova_format/sft_train_samples_converse.json", "json", "UTF-8", "converse", 3, "SFT_LORA"),
    Sample("nova_format/sft_train_samples_converse.jsonl", "jsonl", "UTF-8", "converse", 8, "SFT_LORA"),
    Sample("nova_format/unstructured_json_test.jsonl", "jsonl", "UTF-8", "table", 6, "SFT_LORA"),
    Sample("nova_format/unstructured_rft_data.jsonl", "jsonl", "UTF-8", "table", 5, "RFT_LORA"),
    Sample("openai_chat/gsm8k_chat_train.jsonl", "jsonl", "UTF-8", "openai_chat", 449, "SFT_LORA"),
    Sample("openai_chat/stock_toolcall_training.jsonl", "jsonl", "UTF-8", "openai_chat", 86, "SFT_LORA"),
    Sample("openai_chat/stock_toolcall_validation.jsonl", "jsonl", "UTF-8", "openai_chat", 10, "SFT_LORA"),
    Sample("parquet_so/test.parquet", "parquet", "", "table", 6751, "SFT_LORA"),
    Sample("rft_openai/countdown_train_100.jsonl", "jsonl", "UTF-8", "prompts_with_answers", 100, "RFT_LORA"),
    Sample("rft_openai/medmcq_validation.jsonl", "jsonl", "UTF-8", "prompts", 6150, "RFT_MULTITURN_LORA"),
    Sample("sharegpt_tools/glaive_toolcall_en_demo.json", "json", "UTF-8", "sharegpt", 300, "SFT_LORA"),
    Sample("stackoverflow/eval.csv", "csv", "UTF-8", "table", 500, "SFT_LORA"),
    Sample("stackoverflow/rft.csv", "csv", "UTF-8", "table", 700, "SFT_LORA"),
    Sample("stackoverflow/sft.csv", "csv", "UTF-8", "table", 3500, "SFT_LORA"),
    Sample("stackoverflow/raw_full_columns_1652.csv", "csv", "UTF-8", "table", 1652, "SFT_LORA"),
    Sample("stackoverflow/ram_data.csv", "csv", "Windows-1252", "table", 1655, "SFT_LORA"),
]
INVALID = {
    f"rft_multiturn_invalid_{name}.jsonl"
    for name in ("empty_prompt", "info_string", "missing_id", "missing_prompt", "openai_role")
}


@pytest.fixture
def ctx(desk: "Desk") -> ToolContext:
    return desk.context(storage=Storage(Aws(), (desk.folder, DATA)))


CHATS = ("SFT_LORA", "RFT_LORA", "EVALUATION", "CPT")
PAIRS: list[tuple[str, str, dict[str, str]]] = [
    *(("alpaca_demo/alpaca_en_demo.json", method, {}) for method in CHATS),
    *(("nova_format/csv_train_test_data.csv", method, {}) for method in CHATS[:3]),
    *(("nova_format/openai_sft_test_data.jsonl", method, {}) for method in CHATS),
    ("nova_format/openai_sft_tool_test_data.jsonl", "SFT_LORA", {}),
    *(("nova_format/sft_train_samples_converse.json", method, {}) for method in CHATS),
    *(("nova_format/sft_train_samples_converse.jsonl", method, {}) for method in CHATS),
    ("nova_format/rft_test_data.jsonl", "RFT_LORA", {}),
    ("nova_format/rft_test_data.jsonl", "SFT_LORA", {}),
    ("nova_format/rft_test_data.jsonl", "EVALUATION", {}),
    *(("nova_format/unstructured_json_test.jsonl", method, {}) for method in CHATS[:3]),
    ("nova_format/unstructured_rft_data.jsonl", "RFT_LORA", {}),
    *(("openai_chat/gsm8k_chat_train.jsonl", method, {}) for method in CHATS),
    ("openai_chat/stock_toolcall_training.jsonl", "SFT_LORA", {}),
    ("openai_chat/stock_toolcall_training.jsonl", "RFT_LORA", {}),
    ("openai_chat/stock_toolcall_validation.jsonl", "SFT_LORA", {}),
    *(("parquet_so/test.parquet", method, {"query": "text", "response": "rating"}) for method in CHATS[:3]),
    ("rft_openai/countdown_train_100.jsonl", "RFT_LORA", {}),
    ("rft_openai/countdown_train_100.jsonl", "SFT_LORA", {}),
    ("rft_openai/countdown_train_100.jsonl", "EVALUATION", {}),
    ("sharegpt_tools/glaive_toolcall_en_demo.json", "SFT_LORA", {}),
    ("sharegpt_tools/glaive_toolcall_en_demo.json", "RFT_LORA", {}),
    ("sharegpt_tools/glaive_toolcall_en_demo.json", "CPT", {}),
    *((f"stackoverflow/{name}.csv", method, LABELLED) for name in ("sft", "rft", "eval") for method in CHATS[:3]),
    *(("stackoverflow/raw_full_columns_1652.csv", method, LABELLED) for method in CHATS[:3]),
    *(("stackoverflow/ram_data.csv", method, LABELLED) for method in CHATS[:3]),
    *(("dpo/orca_openai_preference.jsonl", method, {}) for method in CHATS[:3]),
]


def _transform(ctx: ToolContext, path: str, target: Path, method: str, **more: Any) -> TransformResult:
    given = {"model": "nova_lite_2", "platform": "hyperpod" if method == "CPT" else None} | more
    return transform_dataset(
        ctx, source=str(DATA / path), target=str(target), method=cast(Any, method), **cast(Any, given)
    )


def _accounted(result: TransformResult, rows: int, written: int, read: Callable[[str], list[Row]]) -> list[Row]:
    assert (result.rows_read, result.rows_written, result.rejected["rows"]) == (rows, written, rows - written)
    assert result.rows_unused == 0
    found = [row for file in result.files if file.role != "media" for row in read(file.uri)]
    assert len(found) == written == sum(file.rows for file in result.files if file.role != "media")
    return found


def test_every_file_has_its_expectations() -> None:
    present = {str(file.relative_to(DATA)) for file in DATA.glob("*/*") if file.name != "SOURCE.md"}
    assert present == {sample.path for sample in SAMPLES} | {f"nova_format/{name}" for name in INVALID}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.path)
def test_a_file_is_recognised(ctx: ToolContext, sample: Sample) -> None:
    seen = inspect_dataset(ctx, source=str(DATA / sample.path))
    assert (seen.format, seen.encoding, seen.shape, seen.rejected) == (sample.format, sample.encoding, sample.shape, {})
    assert seen.rows == sample.rows or sample.format == "text"
    assert seen.bytes == (DATA / sample.path).stat().st_size
    labelled = sample.path.startswith("stackoverflow") or sample.format == "parquet"
    assert seen.suggested["method"] in (sample.method, *([None] if labelled else []))
    assert sample.method in seen.supported_targets


@pytest.mark.parametrize(
    ("path", "method", "columns"), PAIRS, ids=lambda value: None if isinstance(value, dict) else value
)
def test_every_row_says_in_the_target_what_it_says_in_the_source(
    desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]], path: str, method: str, columns: dict[str, str]
) -> None:
    source = rows_of(path)
    kind = method.removesuffix("_LORA")
    wanted = wanted_in(kind, source)
    result = _transform(ctx, path, desk.folder / "out", method, columns=columns or None)
    found = _accounted(result, len(source), len(wanted), read)
    shown = [READ[kind](row) for row in found]
    assert (shown if kind == "CPT" else [comparable(row) for row in shown]) == wanted
    _passes(ctx, result, method, found)


def _passes(ctx: ToolContext, result: TransformResult, method: str, rows: list[Row], **more: Any) -> None:
    """The written file breaks no rule, apart from rules about what the rows say and how many there are."""
    given = {"model": "nova_lite_2", "platform": "hyperpod" if method == "CPT" else None} | more
    checked = validate_dataset(ctx, source=result.files[0].uri, method=cast(Any, method), **cast(Any, given))
    blocking = {finding.rule for finding in checked.findings if finding.severity == "block"}
    reserved = any(word in json.dumps(row, ensure_ascii=False) for row in rows for word in RESERVED)
    few = len(rows) < 32 and method in ("SFT_LORA", "CPT")
    allowed = {"DA2"} if reserved and method in ("SFT_LORA", "DPO_LORA") else set()
    assert blocking <= allowed | ({"BS2"} if few else set()), list(checked.findings)
    assert checked.rows == len(rows)


def test_tools_arrive_with_their_specifications(
    desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]]
) -> None:
    path = "openai_chat/stock_toolcall_training.jsonl"
    rows = read(_transform(ctx, path, desk.folder / "out", "SFT_LORA").files[0].uri)
    for row, source in zip(rows, rows_of(path), strict=True):
        specs = [tool["toolSpec"] for tool in row["toolConfig"]["tools"]]
        functions = [tool["function"] for tool in source["tools"]]
        assert [(spec["name"], spec["description"], spec["inputSchema"]["json"]) for spec in specs] == [
            (function["name"], function["description"], function["parameters"]) for function in functions
        ]


def test_each_observation_answers_its_call(desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]]) -> None:
    result = _transform(ctx, "sharegpt_tools/glaive_toolcall_en_demo.json", desk.folder / "out", "SFT_LORA")
    for row in read(result.files[0].uri):
        items = [item for message in row["messages"] for item in message["content"]]
        uses = [item["toolUse"]["toolUseId"] for item in items if "toolUse" in item]
        results = [item["toolResult"]["toolUseId"] for item in items if "toolResult" in item]
        assert uses == results and len(set(uses)) == len(uses)


@pytest.mark.parametrize("model", ["nova_micro", "nova_lite", "nova_pro"])
def test_preference_pairs_become_candidates(
    desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]], model: str
) -> None:
    path = "dpo/orca_openai_preference.jsonl"
    source = rows_of(path)
    result = _transform(ctx, path, desk.folder / "out", "DPO_LORA", model=model)
    found = _accounted(result, 284, 284, read)
    for row, wanted in zip(found, source, strict=True):
        *turns, last = row["messages"]
        assert list(converse_says({**row, "messages": turns})) == chat(wanted["input"]["messages"])
        assert [(item["preferenceLabel"], item["content"]) for item in last["candidates"]] == [
            ("preferred", [{"text": wanted["preferred_output"][0]["content"]}]),
            ("non-preferred", [{"text": wanted["non_preferred_output"][0]["content"]}]),
        ]
    _passes(ctx, result, "DPO_LORA", found, model=model)


@pytest.mark.parametrize("name", ["wiki_demo.txt", "tinyshakespeare.txt"])
def test_plain_text_goes_into_cpt_rows_without_losing_a_word(
    desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]], name: str
) -> None:
    result = _transform(ctx, f"cpt_text/{name}", desk.folder / "out", "CPT")
    rows = read(result.files[0].uri)
    assert result.rows_read == result.rows_written == len(rows) and result.rejected["rows"] == 0
    assert all(row.keys() == {"text"} for row in rows)
    words = [word for row in rows for word in row["text"].split()]
    assert words == (DATA / "cpt_text" / name).read_text(encoding="utf-8").split()
    _passes(ctx, result, "CPT", rows)


def test_json_lines_of_text_go_into_cpt_rows_as_they_are(
    desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]]
) -> None:
    result = _transform(ctx, "cpt_text/c4_demo.jsonl", desk.folder / "out", "CPT")
    assert _accounted(result, 300, 300, read) == rows_of("cpt_text/c4_demo.jsonl")


@pytest.mark.parametrize(
    ("name", "serverless"),
    [
        ("valid.csv", 5),
        ("valid_flat.jsonl", 5),
        ("valid_minimal.jsonl", 5),
        ("valid_nested.jsonl", 5),
        ("valid_openai.jsonl", 0),
    ],
)
def test_multi_turn_prompts_become_nested_or_flat_rows(
    desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]], name: str, serverless: int
) -> None:
    path = f"nova_format/rft_multiturn_{name}"
    inner = [row.get("metadata", row) | {"id": row["id"]} for row in rows_of(path)]
    wanted = [{key: as_data(value) for key, value in row.items()} for row in inner]
    result = _transform(ctx, path, desk.folder / "nested", "RFT_MULTITURN_LORA", platform="hyperpod")
    nested = _accounted(result, 5, 5, read)
    assert all(row.keys() == {"id", "metadata"} for row in nested)
    assert [
        {key: as_data(value) for key, value in ({"id": row["id"]} | row["metadata"]).items()} for row in nested
    ] == wanted
    _passes(ctx, result, "RFT_MULTITURN_LORA", nested, platform="hyperpod")
    if not serverless:
        with pytest.raises(NovaForgeError):
            _transform(ctx, path, desk.folder / "flat", "RFT_MULTITURN_LORA", platform="serverless")
        assert not (desk.folder / "flat").exists()
        return
    result = _transform(ctx, path, desk.folder / "flat", "RFT_MULTITURN_LORA", platform="serverless")
    flat = _accounted(result, 5, serverless, read)
    assert [{key: as_data(value) for key, value in row.items()} for row in flat] == wanted
    _passes(ctx, result, "RFT_MULTITURN_LORA", flat, platform="serverless")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.path)
def test_every_target_an_inspection_names_works_or_says_why_no_row_fits(
    desk: "Desk", ctx: ToolContext, read: Callable[[str], list[Row]], sample: Sample
) -> None:
    if "multimodal" in sample.path:
        pytest.skip("rows with images need a target in S3: the next test")
    seen = inspect_dataset(ctx, source=str(DATA / sample.path))
    columns = {"columns": {"query": "text", "response": "rating"}} if sample.format == "parquet" else {}
    columns = {"columns": LABELLED} if sample.path.startswith("stackoverflow") else columns
    for method in seen.supported_targets:
        more: dict[str, Any] = {"model": "nova_lite"} if method == "DPO_LORA" else {}
        more |= {"platform": "hyperpod"} if "MULTITURN" in method else {}
        if sample.shape == "table" and method in ("DPO_LORA", "RFT_MULTITURN_LORA", "CPT"):
            continue
        target = desk.folder / method
        try:
            result = _transform(ctx, sample.path, target, method, **columns, **more)
        except NovaForgeError as error:
            assert re.search("No row|no row|None of the first", str(error)), f"{method}: {error}"
            assert not target.exists()
            continue
        assert result.rows_read == seen.rows
        found = _accounted(result, result.rows_read, result.rows_written, read)
        _passes(ctx, result, method, found, **more)
