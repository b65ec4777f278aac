"""Files of the shared sample data that a target must refuse: with the right rule, line and path, and without leaving anything behind."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.guards.errors import NovaForgeError, RefusedError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.results import ValidateResult
from novaforge.tools.datasets.tool import transform_dataset, validate_dataset
from tests.datasets.shared_rows import ABSENT, DATA, REASON

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

pytestmark = pytest.mark.skipif(ABSENT, reason=REASON)
INVALID = "nova_format/rft_multiturn_invalid_{}.jsonl"
MULTITURN = "RFT_MULTITURN_LORA"


@pytest.fixture
def ctx(desk: "Desk") -> ToolContext:
    return desk.context(storage=Storage(Aws(), (desk.folder, DATA)))


def _validate(ctx: ToolContext, path: str, method: str, **more: Any) -> ValidateResult:
    given = {"model": "nova_lite_2"} | more
    return validate_dataset(ctx, source=str(DATA / path), method=cast(Any, method), **cast(Any, given))


def _blocks(result: ValidateResult) -> set[tuple[str, int | None, str | None, int]]:
    """Return rule, first line, path and count of every blocking finding but the number of rows."""
    found = [item for item in result.findings if item.severity == "block" and item.rule not in ("BS2", "DA5-few")]
    return {(item.rule, item.line, item.path, item.count) for item in found}


@pytest.mark.parametrize(
    ("name", "platform", "wanted"),
    [
        ("empty_prompt", "serverless", {("DA3-mt-prompt", 1, "$.prompt", 1)}),
        ("empty_prompt", "hyperpod", {("DA3-mt-flat", 1, "$", 2), ("DA3-mt-prompt", 1, "$.prompt", 1)}),
        ("info_string", "serverless", {("DA3-mt-info", 1, "$.info", 2)}),
        ("info_string", "hyperpod", {("DA3-mt-flat", 1, "$", 2), ("DA3-mt-info", 1, "$.info", 2)}),
        ("missing_id", "hyperpod", {("DA3-mt-flat", 1, "$", 2), ("DA3-mt-id", 1, "$.id", 2)}),
        ("missing_prompt", "serverless", {("DA3-mt-prompt", 1, "$.prompt", 2)}),
        ("missing_prompt", "hyperpod", {("DA3-mt-flat", 1, "$", 2), ("DA3-mt-prompt", 1, "$.prompt", 2)}),
        ("openai_role", "hyperpod", {("DA3-mt-flat", 1, "$", 2), ("DA3-mt-role", 1, "$.prompt[0].role", 2)}),
        ("openai_role", "serverless", {("DA3-mt-list", 1, "$.prompt", 2)}),
    ],
)
def test_an_invalid_multi_turn_file_is_refused_with_rule_line_and_path(
    ctx: ToolContext, name: str, platform: str, wanted: set[tuple[str, int, str, int]]
) -> None:
    result = _validate(ctx, INVALID.format(name), MULTITURN, platform=platform)
    assert not result.ok and result.rows == 2
    assert {item for item in _blocks(result) if item[0] != "DA1-shape"} == wanted
    assert not any("France" in item.message or "2+2" in item.message for item in result.findings)


@pytest.mark.parametrize("name", ["info_string", "missing_prompt", "openai_role"])
def test_an_invalid_multi_turn_file_without_a_good_row_is_not_transformed(
    desk: "Desk", ctx: ToolContext, name: str
) -> None:
    with pytest.raises(NovaForgeError) as refused:
        transform_dataset(
            ctx, source=str(DATA / INVALID.format(name)), target=str(desk.folder / "out"), method=cast(Any, MULTITURN),
            model="nova_lite_2", platform="hyperpod",
        )  # fmt: skip
    assert "France" not in str(refused.value) and not (desk.folder / "out").exists()


def test_of_a_file_with_one_empty_prompt_the_other_row_is_written_and_the_bad_line_listed(
    desk: "Desk", ctx: ToolContext
) -> None:
    result = transform_dataset(
        ctx, source=str(DATA / INVALID.format("empty_prompt")), target=str(desk.folder / "out"),
        method=cast(Any, MULTITURN), model="nova_lite_2", platform="hyperpod",
    )  # fmt: skip
    assert (result.rows_read, result.rows_written, result.rejected["rows"]) == (2, 1, 1)
    listed = (desk.folder / "out" / "rejects.jsonl").read_text(encoding="utf-8")
    assert '"line":1' in listed.replace(" ", "") and "2+2" not in listed


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("nova_format/unstructured_json_test.jsonl", "SFT_LORA"),
        ("nova_format/unstructured_json_test.jsonl", "EVALUATION"),
        ("nova_format/unstructured_rft_data.jsonl", "RFT_LORA"),
        ("nova_format/openai_sft_test_data.jsonl", "SFT_LORA"),
        ("nova_format/sft_train_samples_converse.jsonl", "RFT_LORA"),
        ("nova_format/rft_test_data.jsonl", "SFT_LORA"),
        ("nova_format/rft_test_data.jsonl", "EVALUATION"),
        ("openai_chat/gsm8k_chat_train.jsonl", "EVALUATION"),
        ("dpo/orca_openai_preference.jsonl", "DPO_LORA"),
        ("cpt_text/c4_demo.jsonl", "SFT_LORA"),
        ("nova_format/rft_multiturn_valid_nested.jsonl", "RFT_LORA"),
    ],
)
def test_a_file_in_another_shape_is_not_ok_and_the_first_line_is_named(
    ctx: ToolContext, path: str, method: str
) -> None:
    more = {"model": "nova_lite"} if method == "DPO_LORA" else {}
    result = _validate(ctx, path, method, **more)
    blocking = {item.rule: item for item in result.findings if item.severity == "block"}
    assert not result.ok and blocking
    assert "DA1-shape" in blocking or any(item.line == 1 for item in blocking.values())


@pytest.mark.parametrize(
    ("path", "method", "rule"),
    [
        ("rft_openai/medmcq_validation.jsonl", "RFT_LORA", "data-conversion"),
        ("rft_openai/medmcq_validation.jsonl", "SFT_LORA", "data-conversion"),
        ("rft_openai/medmcq_validation.jsonl", "EVALUATION", "data-conversion"),
        ("cpt_text/c4_demo.jsonl", "SFT_LORA", "data-conversion"),
        ("cpt_text/c4_demo.jsonl", "RFT_LORA", "data-conversion"),
        ("openai_chat/gsm8k_chat_train.jsonl", "DPO_LORA", "data-combination"),
        ("dpo/orca_openai_preference.jsonl", "DPO_LORA", "data-combination"),
    ],
)
def test_a_shape_without_what_the_method_needs_is_refused(
    desk: "Desk", ctx: ToolContext, path: str, method: str, rule: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        transform_dataset(
            ctx, source=str(DATA / path), target=str(desk.folder / "out"), method=cast(Any, method), model="nova_lite_2"
        )
    assert refused.value.data["rule"] == rule and not (desk.folder / "out").exists()


@pytest.mark.parametrize("model", ["nova_micro", "nova_lite", "nova_pro"])
def test_models_without_tools_refuse_rows_with_tools_and_say_so(desk: "Desk", ctx: ToolContext, model: str) -> None:
    path = str(DATA / "openai_chat" / "stock_toolcall_training.jsonl")
    with pytest.raises(NovaForgeError) as refused:
        transform_dataset(ctx, source=path, target=str(desk.folder / "out"), method="SFT_LORA", model=cast(Any, model))
    assert "tools" in str(refused.value) and not (desk.folder / "out").exists()


def test_rows_with_tools_have_no_place_in_gen_qa(desk: "Desk", ctx: ToolContext) -> None:
    path = str(DATA / "openai_chat" / "stock_toolcall_training.jsonl")
    with pytest.raises(NovaForgeError) as refused:
        transform_dataset(ctx, source=path, target=str(desk.folder / "out"), method="EVALUATION", model="nova_lite_2")
    assert "tools" in str(refused.value) and not (desk.folder / "out").exists()
