"""The fixtures of AWS's SDK: valid files keep the rules, invalid ones are refused with the right rule, line and place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.formats.targets import row_format

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "nova_format"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data are not on this machine")

Row = dict[str, Any]
NESTED = row_format("RFT_MULTITURN_FULL", "nova_lite_2", "hyperpod")
FLAT = row_format("RFT_MULTITURN_LORA", "nova_lite_2", "serverless")


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines() if line.strip()]


def blocked(form: RowFormat, name: str) -> list[tuple[int, str, str]]:
    return [
        (line, hit.rule, hit.path)
        for line, row in enumerate(rows(name), start=1)
        for hit in form.check(row)
        if RULES[hit.rule].severity == "block"
    ]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("rft_multiturn_valid_nested.jsonl", NESTED),
        ("rft_multiturn_valid_flat.jsonl", FLAT),
        ("rft_multiturn_valid_minimal.jsonl", FLAT),
        ("sft_train_samples_converse.jsonl", row_format("SFT_LORA", "nova_lite_2")),
        ("sft_train_samples_converse.jsonl", row_format("SFT_LORA", "nova_pro")),
        ("rft_test_data.jsonl", row_format("RFT_LORA", "nova_lite_2")),
    ],
)
def test_valid_files_keep_the_rules(name: str, form: RowFormat) -> None:
    assert rows(name) and blocked(form, name) == []


@pytest.mark.parametrize(
    "name", ["rft_multiturn_valid_flat.jsonl", "rft_multiturn_valid_minimal.jsonl", "rft_multiturn_valid_openai.jsonl"]
)
def test_flat_files_are_valid_once_their_fields_are_nested(name: str) -> None:
    names = {"prompt": "query", "answer": "response"}
    for row in rows(name):
        built = NESTED.build({names.get(key, key): value for key, value in row.items()})
        assert NESTED.check(built) == []
        assert NESTED.check(row)[0].rule == "DA3-mt-flat"


FLAT_AS_NESTED = (1, "DA3-mt-flat", "$")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rft_multiturn_invalid_empty_prompt.jsonl", [FLAT_AS_NESTED, (1, "DA3-mt-prompt", "$.prompt"), (2, "DA3-mt-flat", "$")]),
        ("rft_multiturn_invalid_info_string.jsonl", [FLAT_AS_NESTED, (1, "DA3-mt-info", "$.info"), (2, "DA3-mt-flat", "$"), (2, "DA3-mt-info", "$.info")]),
        ("rft_multiturn_invalid_missing_id.jsonl", [(1, "DA3-mt-id", "$.id"), FLAT_AS_NESTED, (2, "DA3-mt-id", "$.id"), (2, "DA3-mt-flat", "$")]),
        ("rft_multiturn_invalid_missing_prompt.jsonl", [FLAT_AS_NESTED, (1, "DA3-mt-prompt", "$.prompt"), (2, "DA3-mt-flat", "$"), (2, "DA3-mt-prompt", "$.prompt")]),
        ("rft_multiturn_invalid_openai_role.jsonl", [FLAT_AS_NESTED, (1, "DA3-mt-role", "$.prompt[0].role"), (2, "DA3-mt-flat", "$"), (2, "DA3-mt-role", "$.prompt[0].role")]),
    ],
)  # fmt: skip
def test_invalid_multi_turn_files_are_refused_on_hyperpod(name: str, expected: list[tuple[int, str, str]]) -> None:
    assert blocked(NESTED, name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rft_multiturn_invalid_empty_prompt.jsonl", [(1, "DA3-mt-prompt", "$.prompt")]),
        ("rft_multiturn_invalid_info_string.jsonl", [(1, "DA3-mt-info", "$.info"), (2, "DA3-mt-info", "$.info")]),
        ("rft_multiturn_invalid_missing_prompt.jsonl", [(1, "DA3-mt-prompt", "$.prompt"), (2, "DA3-mt-prompt", "$.prompt")]),
        ("rft_multiturn_invalid_openai_role.jsonl", [(1, "DA3-mt-list", "$.prompt"), (2, "DA3-mt-list", "$.prompt")]),
        ("rft_multiturn_invalid_missing_id.jsonl", []),
    ],
)  # fmt: skip
def test_on_serverless_the_same_files_break_the_same_rules_but_an_id_is_optional(
    name: str, expected: list[tuple[int, str, str]]
) -> None:
    assert blocked(FLAT, name) == expected


def test_a_nested_row_with_the_same_faults_is_refused_at_its_place() -> None:
    faults: list[tuple[str, Callable[[Row], Row]]] = [
        ("DA3-mt-prompt", lambda row: {**row, "metadata": {**row["metadata"], "prompt": ""}}),
        ("DA3-mt-info", lambda row: {**row, "metadata": {**row["metadata"], "info": "no object"}}),
        ("DA3-mt-id", lambda row: {"metadata": row["metadata"]}),
        ("DA3-mt-metadata", lambda row: {"id": row["id"]}),
    ]
    for rule, spoil in faults:
        (hit,) = NESTED.check(spoil(rows("rft_multiturn_valid_nested.jsonl")[0]))
        assert hit.rule == rule
