"""The next step of an inspection is a call that works as it stands, and the result says what it was told by."""

import ast
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset, validate_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
TOOLS: dict[str, Any] = {"transform_dataset": transform_dataset, "validate_dataset": validate_dataset}
ROWS: list[Any] = [
    {"question": "q", "answer": "a"},
    {"instruction": "q", "output": "a"},
    {"messages": [USER, ANSWER]},
    {"messages": [USER], "target": "a"},
    {"messages": [USER]},
    {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    {"prompt": "q", "chosen": "a", "rejected": "b"},
    {"prompt": "q", "completion": "a", "label": True},
    {"id": "1", "prompt": "q", "task": "t"},
    {"id": "1", "metadata": {"prompt": "q"}},
    {"query": "q", "response": "a"},
    {"text": "some words"},
    {"question": "q", "reference_answer": {"n": 1}},
]


def carry_out(desk: "Desk", step: str) -> Any:
    """Carry out a call as it is written."""
    call: Any = ast.parse(step, mode="eval").body
    arguments = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    return TOOLS[call.func.id](desk.ctx, **arguments)


@pytest.mark.parametrize("row", ROWS, ids="+".join)
def test_the_next_step_works_as_it_stands_and_the_step_after_it(desk: "Desk", row: Any) -> None:
    source = desk.jsonl([row] * 3)
    for again in range(2):
        seen = inspect_dataset(desk.ctx, source=source)
        result = carry_out(desk, seen.next_step)
        if "transform" in seen.next_step:
            assert result.rows_written == 3 and (again == 0 or "-2" in seen.next_step)
            carry_out(desk, result.next_step.split(", with")[0])
        else:
            assert result.rows == 3


def test_given_columns_stand_in_the_next_step(desk: "Desk") -> None:
    source = desk.csv([("q", "a", "k")] * 3, ("First", "Second", "Id"))
    seen = inspect_dataset(desk.ctx, source=source, columns={"question": "First", "answer": "Second"})
    assert carry_out(desk, seen.next_step).mapping == {"query": "First", "response": "Second"}


def test_the_result_says_what_the_shape_was_told_by_and_what_a_conversion_would_reject(desk: "Desk") -> None:
    rows = [{"messages": [USER, ANSWER]}] * 8 + [{"messages": [ANSWER, USER]}, {"messages": [USER, USER]}]
    seen = inspect_dataset(desk.ctx, source=desk.jsonl(rows))
    assert seen.source["shape_because"] == "of the first 10 rows: openai_chat in 8, prompts in 2"
    assert seen.source["compression"] is None and seen.source["files"] == 1
    messages = [finding.message for finding in seen.findings]
    assert any("rejects: the chat does not begin with a user's turn (1 row, line 9)" in text for text in messages)
    assert any("rejects: the chat does not end with an assistant's turn (1 row, line 10)" in text for text in messages)
    assert seen.lengths["chars_max"] == 2


def test_the_languages_of_the_first_rows_are_told(desk: "Desk") -> None:
    german = "Wie lange dauert die Lieferung, wenn ich heute noch bestelle, und was kostet sie?"
    english = "How long does the delivery take when I order today, and what does it cost me?"
    seen = inspect_dataset(desk.ctx, source=desk.csv([(german, "a")] * 3 + [(english, "b")] * 2))
    assert seen.source["languages"] == {"de": 3, "en": 2}
