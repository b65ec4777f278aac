"""Columns become rows of each method, character for character."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError, RefusedError

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

QUERY = {"query": "Body", "response": "Y"}
Read = Callable[[str], list[dict[str, Any]]]


def test_sft_rows_are_converse_with_the_system_prompt_as_system(desk: "Desk", read: Read) -> None:
    source = desk.csv([('How?\r\n\r\n<p>Like "this"</p>', "HQ")])
    result = desk.transform(source, columns=QUERY, system_prompt="Classify.")
    assert read(result.files[0].uri) == [
        {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": "Classify."}],
            "messages": [
                {"role": "user", "content": [{"text": 'How?\r\n\r\n<p>Like "this"</p>'}]},
                {"role": "assistant", "content": [{"text": "HQ"}]},
            ],
        }
    ]
    assert Path(result.files[0].uri).name == "train.jsonl" and result.files[0].role == "train"


def test_reasoning_stands_before_the_answer_and_is_left_out_where_empty(desk: "Desk", read: Read) -> None:
    source = desk.csv([("q1", "a1", "because"), ("q2", "a2", "")], ("Body", "Y", "Why"))
    rows = read(desk.transform(source, columns={**QUERY, "reasoning": "Why"}).files[0].uri)
    assert rows[0]["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "because"}}},
        {"text": "a1"},
    ]
    assert rows[1]["messages"][1]["content"] == [{"text": "a2"}]


def test_rft_rows_hold_what_was_mapped_and_nothing_else(desk: "Desk", read: Read) -> None:
    source = desk.csv([("q1", "HQ", "secret note"), ("q2", "LQ", "")], ("Body", "Y", "Note"))
    rows = read(desk.transform(source, method="RFT_LORA", columns=QUERY).files[0].uri)
    assert rows == [
        {"id": "data-2", "messages": [{"role": "user", "content": "q1"}], "reference_answer": "HQ"},
        {"id": "data-3", "messages": [{"role": "user", "content": "q2"}], "reference_answer": "LQ"},
    ]
    columns = {**QUERY, "metadata": "Note", "id": "Body"}
    kept = read(desk.transform(source, "kept", method="RFT_LORA", columns=columns, system_prompt="S").files[0].uri)
    assert kept[0] == {
        "id": "q1",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "q1"}],
        "reference_answer": "HQ",
        "metadata": "secret note",
    }
    assert "metadata" not in kept[1]


def test_reference_answers_and_tools_may_be_objects(desk: "Desk", read: Read) -> None:
    tool = {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
    }
    source = desk.jsonl(
        [
            {"question": "q", "reference_answer": {"n": 2}, "tools": [tool]},
            {"question": "r", "reference_answer": 7, "tools": None},
        ]
    )
    columns = {"question": "question", "reference_answer": "reference_answer", "tools": "tools"}
    rows = read(desk.transform(source, method="RFT_LORA", columns=columns).files[0].uri)
    assert rows[0]["reference_answer"] == {"n": 2} and rows[0]["tools"] == [tool]
    assert rows[1]["reference_answer"] == "7" and "tools" not in rows[1]


def test_evaluation_rows_are_one_gen_qa_file_whose_metadata_is_the_row_id(desk: "Desk", read: Read) -> None:
    source = desk.csv([("q1", "HQ", "a-1"), ("q2", "LQ", "")], ("Body", "Y", "Id"))
    result = desk.transform(source, method="EVALUATION", columns={**QUERY, "id": "Id"}, system_prompt="S")
    assert Path(result.files[0].uri).name == "gen_qa.jsonl" and result.files[0].role == "test"
    assert read(result.files[0].uri) == [
        {"query": "q1", "response": "HQ", "system": "S", "metadata": "a-1"},
        {"query": "q2", "response": "LQ", "system": "S", "metadata": "data-3"},
    ]


def test_a_row_keeps_its_own_system_text_and_the_prompt_fills_the_gaps(desk: "Desk", read: Read) -> None:
    source = desk.csv([("q1", "a", "own"), ("q2", "a", " ")], ("Body", "Y", "Sys"))
    rows = read(desk.transform(source, columns={**QUERY, "system": "Sys"}, system_prompt="general").files[0].uri)
    assert [row["system"][0]["text"] for row in rows] == ["own", "general"]


def test_blank_and_null_cells_of_required_columns_are_rejected_with_line_and_reason(desk: "Desk", read: Read) -> None:
    rows = [
        {"q": "a", "r": "b"},
        {"q": None, "r": "b"},
        {"q": " \n", "r": "b"},
        {"r": "b"},
        {"q": "a", "r": ["b"]},
        {"q": 1.5, "r": "b"},
        {"q": True, "r": 3},
    ]
    result = desk.transform(desk.jsonl(rows), columns={"query": "q", "response": "r"})
    assert result.rejected["reasons"] == {
        "query is empty": 2,
        "query is missing": 1,
        "response is not text but a list": 1,
        "query is a number with a fraction, not text": 1,
    }
    assert [(reject["line"], reject["reason"]) for reject in read(str(result.rejected["uri"]))] == [
        (2, "query is empty"),
        (3, "query is empty"),
        (4, "query is missing"),
        (5, "response is not text but a list"),
        (6, "query is a number with a fraction, not text"),
    ]
    texts = [[turn["content"][0]["text"] for turn in row["messages"]] for row in read(result.files[0].uri)]
    assert texts == [["a", "b"], ["true", "3"]]
    assert (result.rows_read, result.rows_written) == (7, 2)


def test_rows_that_have_the_format_already_pass_byte_for_byte(desk: "Desk", converse: Callable[..., Any]) -> None:
    good = json.dumps(converse("q", "a", "q2", "a2"), indent=None).replace('"q"', '"\\u0071 12345678901234567890123"')
    bad = json.dumps(converse("q", "a", "q without answer"))
    result = desk.transform(desk.write("data.jsonl", f"{good}\r\n{bad}\n"))
    assert Path(result.files[0].uri).read_text(encoding="utf-8") == good + "\n"
    assert result.rejected["rows"] == 1 and "DA3-turns" in str(result.rejected["reasons"])
    with pytest.raises(InputError, match="converse rows already"):
        desk.transform(desk.write("data.jsonl", good), "other", system_prompt="S")


def test_shapes_whose_meaning_does_not_allow_a_method_are_refused_with_what_works(desk: "Desk") -> None:
    prompts = [{"messages": [{"role": "user", "content": "q"}]}]
    with pytest.raises(RefusedError, match=r"shape prompts.*neither an answer nor a reference answer") as caught:
        desk.transform(desk.jsonl(prompts), method="RFT_LORA")
    assert "reference_answer" in caught.value.fix
    with pytest.raises(RefusedError, match=r"shape text.*no question and no answer"):
        desk.transform(desk.jsonl([{"text": "running words"}], "text.jsonl"))


def test_rows_with_reserved_words_are_written_reported_and_left_out_on_request(desk: "Desk", read: Read) -> None:
    source = desk.csv([("fine", "a"), ("the User: said", "a"), ("b", "see [EOS]"), ("<image> of", "a")])
    result = desk.transform(source)
    (finding,) = [finding for finding in result.findings if finding.rule == "DA2"]
    assert finding.severity == "block" and "(3 rows, lines 3, 4, 5)" in finding.message
    assert result.rows_written == 4 and "said" not in str(result.findings)
    filtered = desk.transform(source, "filtered", filters={"invalid_rows": True})
    assert (filtered.rows_written, filtered.rejected["reasons"]) == (1, {"filter invalid_rows": 3})
    assert [reject["line"] for reject in read(str(filtered.rejected["uri"]))] == [3, 4, 5]


def test_filters_for_duplicates_and_length_count_what_they_leave_out(desk: "Desk") -> None:
    source = desk.csv([("q", "a"), ("q", "a"), ("q", "b"), ("long" * 10, "a")])
    result = desk.transform(source, filters={"exact_duplicates": True, "max_chars": 20})
    assert result.rejected["reasons"] == {"filter exact_duplicates": 1, "filter max_chars": 1}
    assert result.rows_written == 2


def test_a_row_that_grows_over_the_limit_as_json_is_rejected(desk: "Desk") -> None:
    result = desk.transform(desk.csv([("\x01" * 300_000, "a"), ("q", "a")]))
    assert result.rejected["reasons"] == {"row over 1 MB": 1}


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize("method", ["SFT_LORA", "RFT_LORA", "EVALUATION"])
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_texts_go_through_unchanged_and_every_row_is_accounted_for(
    method: str, rows: list[tuple[str, str]], new_desk: Callable[[], AbstractContextManager["Desk"]], read: Read
) -> None:
    usable = [row for row in rows if row[0].strip() and row[1].strip()]
    with new_desk() as desk:
        source = desk.csv(rows)
        if not usable:
            with pytest.raises(InputError):
                desk.transform(source, method=method)
            return
        result = desk.transform(source, method=method)
        assert [_pair(row) for row in read(result.files[0].uri)] == usable
        assert result.rows_written + int(str(result.rejected["rows"])) == result.rows_read == len(rows)
        checked = desk.validate(result.files[0].uri, method)
        words = [
            finding.rule
            for finding in checked.findings
            if finding.severity == "block" and finding.rule not in ("DA2", "BS2")
        ]
        assert not words, "a written row breaks a rule of its own format"
        assert {finding.rule for finding in checked.findings} >= {
            finding.rule for finding in result.findings if finding.rule == "DA2"
        }


def _pair(row: dict[str, Any]) -> tuple[str, str]:
    if "query" in row:
        return row["query"], row["response"]
    if "reference_answer" in row:
        return row["messages"][-1]["content"], row["reference_answer"]
    return row["messages"][0]["content"][0]["text"], row["messages"][1]["content"][0]["text"]
