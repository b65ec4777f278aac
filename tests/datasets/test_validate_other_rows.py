"""validate_dataset knows every rule of RFT and gen_qa rows, and of files as a whole."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.datasets.formats.gen_qa import GEN_QA
from novaforge.tools.datasets.formats.rft import RFT
from novaforge.tools.datasets.results import ValidateResult
from novaforge.tools.datasets.tool import validate_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

Row = dict[str, Any]
USER = {"role": "user", "content": "q"}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
}


def rft(*messages: Any, **more: Any) -> Row:
    return {"id": "1", "messages": list(messages), "reference_answer": "a", **more}


@pytest.mark.parametrize(
    "good",
    [
        rft(USER),
        rft({"role": "system", "content": "S"}, USER, more={"x": 1}),
        rft({"role": "developer", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "q"}]}),
        rft(USER, reference_answer={"n": 1}, tools=[TOOL]),
        {"messages": [USER]},
        rft(
            USER,
            {"role": "assistant", "content": "c", "tool_calls": [CALL]},
            {"role": "tool", "content": "r", "tool_call_id": "1"},
        ),
    ],
)
def test_rft_rows_that_keep_the_rules_have_no_hits(good: Row) -> None:
    assert RFT.check(good) == []


@pytest.mark.parametrize(
    ("rule", "path", "bad"),
    [
        ("DA3-rft-id", "$.id", rft(USER, id=" ")),
        ("DA3-rft-id", "$.id", rft(USER, id=7)),
        ("DA3-rft-messages", "$.messages", {"id": "1"}),
        ("DA3-rft-messages", "$.messages", rft()),
        ("DA3-rft-messages", "$.messages", rft("text")),
        ("DA1-key", "$.messages[0]", rft({**USER, "name": "x"})),
        ("DA3-rft-role", "$.messages[0].role", rft({"role": "human", "content": "q"}, USER)),
        ("DA3-rft-role", "$.messages[0].role", rft({"role": ["user"], "content": "q"}, USER)),
        ("DA3-rft-content", "$.messages[0].content", rft({"role": "user", "content": " "})),
        ("DA3-rft-content", "$.messages[0].content", rft({"role": "user", "content": []})),
        ("DA3-rft-content", "$.messages[0].content", rft({"role": "user", "content": [{"text": "Converse"}]})),
        ("DA3-rft-system", "$.messages[1]", rft(USER, {"role": "system", "content": "S"})),
        ("DA3-rft-user", "$.messages", rft({"role": "system", "content": "S"})),
        ("DA3-rft-last", "$.messages[1]", rft(USER, {"role": "assistant", "content": "a"})),
        ("DA3-rft-answer", "$.reference_answer", rft(USER, reference_answer="")),
        ("DA3-rft-answer", "$.reference_answer", rft(USER, reference_answer={})),
        ("DA3-rft-answer", "$.reference_answer", rft(USER, reference_answer=5)),
        ("DA3-rft-answer", "$.reference_answer", rft(USER, reference_answer=None)),
        ("DA4-rft-tools", "$.tools", rft(USER, tools=[])),
        ("DA4-rft-tools", "$.tools", rft(USER, tools=[TOOL, TOOL])),
        ("DA4-rft-tools", "$.tools", rft(USER, tools=[{"type": "function", "function": {"name": "f"}}])),
    ],
)
def test_a_broken_rft_rule_is_found_at_its_place(rule: str, path: str, bad: Row) -> None:
    assert (rule, path) in [(hit.rule, hit.path) for hit in RFT.check(bad)]


@pytest.mark.parametrize(
    ("rule", "path", "bad"),
    [
        ("DA3-gen-qa-text", "$.query", {"query": " ", "response": "a"}),
        ("DA3-gen-qa-text", "$.response", {"query": "q"}),
        ("DA3-gen-qa-text", "$.response", {"query": "q", "response": 5}),
        ("DA3-gen-qa-optional", "$.metadata", {"query": "q", "response": "a", "metadata": None}),
        ("DA3-gen-qa-optional", "$.system", {"query": "q", "response": "a", "system": ["S"]}),
        ("DA3-gen-qa-images", "$.images", {"query": "q", "response": "a", "images": ["data:image/png;base64,AA"]}),
        ("DA3-gen-qa-images", "$.images", {"query": "q", "response": "a", "images": [{"data": "s3://b/k.png"}]}),
        ("DA3-gen-qa-extra", "$", {"query": "q", "response": "a", "id": "1"}),
    ],
)
def test_a_broken_gen_qa_rule_is_found_at_its_place(rule: str, path: str, bad: Row) -> None:
    assert [(hit.rule, hit.path) for hit in GEN_QA.check(bad)] == [(rule, path)]
    good = {
        "query": "q",
        "response": "a",
        "system": "",
        "metadata": "1",
        "images": [{"data": "data:image/png;base64,AA"}],
    }
    assert GEN_QA.check(good) == []


def of_format(result: ValidateResult) -> list[Any]:
    """Return the findings about format and counts; what the further checks say has tests of its own."""
    return [item for item in result.findings if not item.rule.startswith(("DQ", "SL", "DA11-short", "DA6-typical"))]


def rules_of(desk: "Desk", rows: list[Row], method: str, **arguments: Any) -> dict[str, str]:
    result = desk.validate(desk.jsonl(rows, "gen_qa.jsonl"), method, **arguments)
    return {finding.rule: finding.severity for finding in of_format(result)}


def test_row_counts_have_bounds_for_each_method(desk: "Desk", converse: Callable[..., Row]) -> None:
    sft = [converse(f"q{index}", "a") for index in range(300)]
    assert rules_of(desk, sft[:31], "SFT_LORA") == {"BS2": "block", "DA6": "warn"}
    assert rules_of(desk, sft[:32], "SFT_LORA") == {"DA6": "warn"}
    assert rules_of(desk, sft[:200], "SFT_LORA") == {}
    prompts = [rft(USER | {"content": f"q{index}"}, id=str(index)) for index in range(201)]
    assert rules_of(desk, prompts[:99], "RFT_LORA") == {"DA7-few": "confirm"}
    assert rules_of(desk, prompts[:200], "RFT_LORA") == {}
    assert rules_of(desk, prompts, "RFT_LORA") == {"DA7-many": "info"}


def test_optional_parts_in_some_rows_only_are_a_warning_not_a_refusal(
    desk: "Desk", converse: Callable[..., Row]
) -> None:
    rows = [converse(f"q{index}", "a", **({"system": [{"text": "S"}]} if index % 2 else {})) for index in range(200)]
    result = desk.check_rows(rows)
    (finding,) = of_format(result)
    assert (
        (finding.rule, finding.severity) == ("DA10-optional", "warn")
        and "system in 100 of 200" in finding.message
        and result.ok
    )


def test_reasoning_in_some_rows_only_is_named_with_its_share(desk: "Desk", converse: Callable[..., Row]) -> None:
    rows = [converse(f"q{index}", "a") for index in range(200)]
    rows[0]["messages"][1]["content"].insert(0, {"reasoningContent": {"reasoningText": {"text": "t"}}})
    (finding,) = of_format(desk.check_rows(rows))
    assert (finding.rule, finding.severity) == ("RE3", "warn")


def test_duplicates_are_counted_by_what_the_model_sees(desk: "Desk") -> None:
    rows = [rft({"role": "user", "content": f"q{index}"}, id=str(index)) for index in range(150)]
    twin = {**rows[3], "id": "twin"}
    other_answer = {**rows[4], "id": "other", "reference_answer": "b"}
    assert rules_of(desk, [*rows, twin, other_answer], "RFT_LORA") == {"DA11-some-duplicates": "info"}
    assert rules_of(desk, [*rows, twin, twin, twin], "RFT_LORA") == {"DA11-duplicates": "warn", "DA3-rft-ids": "warn"}


def test_another_system_text_or_another_border_between_the_texts_is_no_duplicate(desk: "Desk") -> None:
    rows = [
        {"query": "ab", "response": "c"},
        {"query": "a", "response": "bc"},
        {"query": "ab", "response": "c", "system": "S"},
    ]
    assert rules_of(desk, rows, "EVALUATION") == {"DA10-optional": "warn"}


def test_queries_shared_with_another_file_of_any_format_block(desk: "Desk", converse: Callable[..., Row]) -> None:
    train = desk.jsonl([converse(f"q{index}", "a") for index in range(200)], "train.jsonl")
    clean = desk.jsonl([{"query": "new", "response": "a"}], "clean/gen_qa.jsonl")
    leaky = desk.jsonl([{"query": "new", "response": "a"}, {"query": "q7", "response": "b"}], "leaky/gen_qa.jsonl")
    prompts = desk.jsonl([rft({"role": "user", "content": "q9"})], "rft.jsonl")
    assert desk.validate(train, against=clean).ok
    result = desk.validate(train, against=[clean, leaky, prompts])
    overlaps = [(finding.severity, finding.line) for finding in result.findings if finding.rule == "DA11-overlap"]
    assert overlaps == [("block", 8), ("block", 10)] and not result.ok
    assert desk.validate(leaky, "EVALUATION", against=train).findings[0].line == 2


def test_texts_are_compared_with_texts(desk: "Desk") -> None:
    train = desk.jsonl([{"text": f"a text of its own, number {index}"} for index in range(64)], "train.jsonl")
    clean = desk.jsonl([{"text": "another one"}], "clean.jsonl")
    leaky = desk.jsonl([{"text": "a new one"}, {"text": "a text of its own, number 5"}], "leaky.jsonl")
    assert desk.validate(train, "CPT", against=clean).ok
    findings = desk.validate(train, "CPT", against=leaky).findings
    assert [(found.rule, found.line) for found in findings if found.severity == "block"] == [("DA11-overlap", 6)]


def test_prompts_without_answers_are_compared(desk: "Desk", converse: Callable[..., Row]) -> None:
    train = desk.jsonl([converse(f"q{index}", "a") for index in range(200)], "train.jsonl")
    bare = desk.jsonl([{"messages": [{"role": "user", "content": "q9"}]}], "prompts.jsonl")
    findings = desk.validate(train, against=bare).findings
    assert [(found.rule, found.line) for found in findings if found.severity == "block"] == [("DA11-overlap", 10)]
    assert not desk.validate(bare, "RFT_LORA", against=train).ok


def test_files_to_compare_with_must_be_readable_rows(desk: "Desk", converse: Callable[..., Row]) -> None:
    train = desk.jsonl([converse("q", "a")], "train.jsonl")
    for other in (
        desk.csv([("q", "a")]),
        desk.jsonl([{"text": "x"}], "text.jsonl"),
        desk.write("bad.jsonl", '{"query":"q","response":"a"}\n{'),
    ):
        with pytest.raises(InputError) as caught:
            desk.validate(train, against=other)
        assert caught.value.data["field"] == "against"


def test_rows_of_another_format_are_recognised(desk: "Desk", converse: Callable[..., Row]) -> None:
    assert rules_of(desk, [converse("q", "a")] * 3, "RFT_LORA")["DA1-shape"] == "block"
    assert rules_of(desk, [{"query": "q", "response": "a"}], "SFT_LORA")["DA1-shape"] == "block"
    assert "DA1-shape" not in rules_of(desk, [{"messages": [USER]}], "RFT_LORA")


def test_media_of_one_file_are_of_one_kind_and_their_content_is_reported_unchecked(desk: "Desk") -> None:
    def media(kind: str, name: str) -> Row:
        item = {
            kind: {"format": name, "source": {"s3Location": {"uri": "s3://bucket/x", "bucketOwner": "111122223333"}}}
        }
        messages = [
            {"role": "user", "content": [{"text": "q"}, item]},
            {"role": "assistant", "content": [{"text": "a"}]},
        ]
        return {"schemaVersion": "bedrock-conversation-2024", "messages": messages}

    assert rules_of(desk, [media("image", "png")] * 2, "SFT_LORA")["DA8-files"] == "not_checked"
    assert rules_of(desk, [media("image", "png"), media("video", "mp4")], "SFT_LORA")["DA8-set"] == "block"


def test_file_names_are_checked(desk: "Desk", converse: Callable[..., Row]) -> None:
    rows = [converse(f"q{index}", "a") for index in range(200)]
    source = desk.jsonl(rows, "data.ndjson")
    assert [finding.rule for finding in of_format(desk.validate(source))] == ["DA1-name"]
    result = desk.validate(desk.jsonl([{"query": "q", "response": "a"}], "eval.jsonl"), "EVALUATION")
    assert [(finding.rule, finding.severity) for finding in of_format(result)] == [
        ("DA1-gen-qa-name", "warn")
    ] and result.ok


def test_a_table_is_sent_to_transform_dataset(desk: "Desk") -> None:
    with pytest.raises(InputError, match="is a table") as caught:
        desk.validate(desk.csv([("q", "a")]))
    assert "transform_dataset" in caught.value.fix


def test_combinations_that_do_not_exist_are_refused(desk: "Desk") -> None:
    source = desk.jsonl([{"text": "x"}])
    with pytest.raises(RefusedError, match="DPO_LORA exists for nova_micro, nova_lite, nova_pro"):
        validate_dataset(desk.ctx, source=source, method="DPO_LORA", model="nova_lite_2")


def test_the_source_is_not_touched(desk: "Desk", converse: Callable[..., Row]) -> None:
    source = desk.jsonl([converse("q", "a")])
    before = desk.tree()
    desk.validate(source)
    assert desk.tree() == before and Path(source).exists()
