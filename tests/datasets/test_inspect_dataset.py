"""inspect_dataset says what a file is and what it could be used for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.results import InspectResult
from novaforge.tools.datasets.tool import inspect_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


def inspect(desk: "Desk", source: str, **arguments: Any) -> InspectResult:
    return inspect_dataset(desk.ctx, source=source, **arguments)


def test_a_labelled_table_is_described_and_a_mapping_proposed(desk: "Desk") -> None:
    rows = [
        (str(index), f"question {index}", "" if index % 2 else "tag", "HQ" if index % 4 else "LQ")
        for index in range(40)
    ]
    result = inspect(desk, desk.csv(rows, ("Id", "Body", "Tags", "Y")))
    assert (result.format, result.shape, result.rows, result.encoding) == ("csv", "table", 40, "UTF-8")
    tags = next(column for column in result.columns if column.name == "Tags")
    assert (tags.filled, tags.empty, tags.chars_max) == (20, 20, 3)
    assert result.labels == {"HQ": 30, "LQ": 10}
    wanted = {"method": "SFT_LORA", "columns": {"query": "Body", "response": "Y"}, "model": "nova_lite_2"}
    assert result.suggested == wanted
    assert result.supported_targets == ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"]
    assert result.lengths["chars_max"] == len("question 10HQ") and "tokens_p95" in result.lengths
    assert "not public" in str(result.lengths["tokens_basis"])
    assert len(result.untrusted_sample) == 5 and result.untrusted_sample[0]["Body"] == "question 0"
    assert "2 labels" in result.text() and "question 0" not in result.text()


def test_given_columns_decide_lengths_and_labels(desk: "Desk") -> None:
    source = desk.csv([("some text", "free words", "x"), ("more", "other", "y")] * 5, ("a", "b", "kind"))
    assert inspect(desk, source).suggested == {"method": None, "columns": {}}
    result = inspect(desk, source, columns={"question": "a", "answer": "kind"})
    assert result.labels == {"x": 5, "y": 5} and result.lengths["chars_max"] == 10
    with pytest.raises(InputError, match="no column 'kindd'"):
        inspect(desk, source, columns={"query": "a", "response": "kindd"})


TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


@pytest.mark.parametrize(
    ("row", "shape", "first"),
    [
        ({"messages": TURNS}, "openai_chat", "SFT_LORA"),
        ({"messages": TURNS[:1], "reference_answer": "a"}, "rft", "RFT_LORA"),
        ({"query": "q", "response": "a"}, "gen_qa", "EVALUATION"),
        ({"instruction": "q", "output": "a"}, "alpaca", "SFT_LORA"),
        ({"question": "q", "answer": "a"}, "table", "SFT_LORA"),
        ({"messages": [{"role": "user", "content": [{"text": "q"}]}]}, "converse", "SFT_LORA"),
        ({"messages": "text"}, "unknown", None),
        ({}, "unknown", None),
    ],
)
def test_shapes_are_recognised_with_the_methods_they_serve(
    desk: "Desk", row: Any, shape: str, first: str | None
) -> None:
    result = inspect(desk, desk.jsonl([row] * 3))
    assert (result.shape, next(iter(result.supported_targets), None)) == (shape, first)
    assert bool(result.suggested) == bool(first)
    assert result.next_step


def test_finished_rows_are_measured_by_query_and_answer(desk: "Desk", converse: Callable[..., Any]) -> None:
    result = inspect(desk, desk.jsonl([converse("four", label) for label in ("x", "y") * 6]))
    assert result.labels == {"x": 6, "y": 6} and result.lengths["chars_max"] == 5
    assert result.suggested == {"method": "SFT_LORA", "columns": {}, "model": "nova_lite_2"}
    assert "validate_dataset(" in result.next_step


def test_object_answers_suggest_rft(desk: "Desk") -> None:
    result = inspect(desk, desk.jsonl([{"question": "q", "reference_answer": {"n": 1}}]))
    assert result.suggested["method"] == "RFT_LORA"


def test_what_cannot_be_read_is_counted_with_lines_and_a_fix(desk: "Desk") -> None:
    source = desk.write("data.csv", b"Body,Y\nfine,1\nbad \x93,2\nshort\n")
    result = inspect(desk, source)
    assert result.rejected == {"not UTF-8": 1, "fewer cells than the header": 1} and result.rows == 1
    assert any("CP1252" in finding.fix and "(1 row, line 3)" in finding.message for finding in result.findings)


def test_a_header_without_rows_is_a_blocking_finding_and_no_crash(desk: "Desk") -> None:
    result = inspect(desk, desk.write("data.csv", "Body,Y\n"))
    assert result.rows == 0 and [finding.severity for finding in result.findings] == ["block"]
    assert result.text()


def test_mixed_shapes_are_pointed_out(desk: "Desk") -> None:
    result = inspect(desk, desk.jsonl([{"query": "q", "response": "a"}] * 4 + [{"messages": TURNS}]))
    assert "1 of the first 5 rows" in str(result.findings)


def test_empty_cells_of_the_proposed_columns_are_announced(desk: "Desk") -> None:
    result = inspect(desk, desk.csv([("q", "a"), ("", "a")]))
    assert any(finding.rule == "source-empty" and "empty in 1 row" in finding.message for finding in result.findings)


@pytest.mark.parametrize("rows", [-1, 21])
def test_the_sample_has_bounds(desk: "Desk", rows: int) -> None:
    with pytest.raises(InputError, match="sample_rows"):
        inspect(desk, desk.csv([("q", "a")]), sample_rows=rows)
    assert inspect(desk, desk.csv([("q", "a")]), sample_rows=0).untrusted_sample == []


def test_keys_without_end_do_not_fill_the_result(desk: "Desk") -> None:
    result = inspect(desk, desk.jsonl([{f"key {row}-{index}": "x" for index in range(10)} for row in range(300)]))
    assert len(result.columns) == 101 and result.columns[-1].name == "(further keys)"
    assert result.columns[-1].filled == 10 * 290
    assert "source-columns" in {finding.rule for finding in result.findings}


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("c.jsonl", b"{oops\n")])
def test_a_file_that_cannot_be_read_at_all_is_an_error(desk: "Desk", name: str, content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        inspect(desk, desk.write(name, content))
    assert caught.value.fix


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_table_with_another_delimiter_is_read_and_the_delimiter_told(desk: "Desk", mark: str) -> None:
    result = inspect(desk, desk.write("data.csv", f"Body{mark}Y\nhello{mark}a\n"))
    assert result.source["delimiter"] == mark and [column.name for column in result.columns] == ["Body", "Y"]
    (finding,) = [finding for finding in result.findings if finding.rule == "source-delimiter"]
    assert finding.severity == "info"


def test_lines_lost_to_an_open_quote_are_counted_in_the_finding(desk: "Desk") -> None:
    result = inspect(desk, desk.write("data.csv", 'Body,Y\ngood,1\n"open,2\n' + "lost,3\n" * 100))
    (finding,) = [finding for finding in result.findings if finding.rule == "source-rows"]
    assert "1 row of 101 lines in all, line 3" in finding.message and "quote" in finding.fix


def test_columns_that_are_named_make_a_method_that_is_listed(desk: "Desk") -> None:
    source = desk.write("rows.csv", "question,good,bad\nq,a,b\nr,c,d\n")
    seen = inspect_dataset(desk.ctx, source=source, columns={"query": "question", "chosen": "good", "rejected": "bad"})
    assert (seen.suggested["method"], seen.supported_targets[0]) == ("DPO_LORA", "DPO_LORA")
