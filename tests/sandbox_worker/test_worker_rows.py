"""Reading a job's rows: nothing is skipped, the first unusable row ends the job by its line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.server.sandbox.worker.rows import (
    RowError,
    converse_row,
    gen_qa_row,
    prompt,
    question,
    read_rows,
    rft_row,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["schemaVersion", "system", "messages", "role", "content", "text", "query", "response"])


def _turn(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "content": [{"text": text} for text in texts]}


@given(st.text(), st.text(), st.text(min_size=1))
def test_texts_of_a_converse_row_arrive_unchanged(query: str, answer: str, system: str) -> None:
    row = {"system": [{"text": system}], "messages": [_turn("user", query), _turn("assistant", answer)]}
    assert converse_row(json.loads(json.dumps(row))) == [
        {"role": "system", "content": system},
        {"role": "user", "content": query},
        {"role": "assistant", "content": answer},
    ]


@given(st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON, max_size=3), max_size=3), max_size=4))
def test_junk_is_refused_and_breaks_nothing(row: dict[str, Any]) -> None:
    for parse in (converse_row, rft_row, gen_qa_row):
        try:
            parse(row)
        except RowError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"messages": [_turn("user", "a")]}, "not the assistant's"),
        ({"messages": []}, "messages"),
        ({"messages": [_turn("tool", "a"), _turn("assistant", "b")]}, "tool"),
        ({"messages": [{"role": "user", "content": [{"image": {}}]}, _turn("assistant", "b")]}, "user has image"),
        ({"messages": [_turn("user", "a"), _turn("assistant", "b")], "toolConfig": {}}, "toolConfig"),
    ],
)
def test_what_the_stand_in_cannot_learn_is_named(row: dict[str, Any], why: str) -> None:
    with pytest.raises(RowError, match=why):
        converse_row(row)


def test_a_row_of_several_turns_keeps_them_all() -> None:
    turns = [_turn("user", "a"), _turn("assistant", "b"), _turn("user", "c", "d"), _turn("assistant", "e")]
    assert [message["content"] for message in converse_row({"messages": turns})] == ["a", "b", "c\nd", "e"]


def test_an_rft_row_keeps_its_extra_columns_and_openai_parts_are_read() -> None:
    row = {
        "messages": [
            {"role": "developer", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "q"}]},
        ],
        "k": 1,
    }
    assert rft_row(row) is row
    assert prompt(row) == [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]


def test_an_evaluation_row_without_system_asks_the_question_alone() -> None:
    row = gen_qa_row({"query": "q", "response": "r", "system": None, "extra": 1})
    assert question(row) == [{"role": "user", "content": "q"}]


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[1]",
        '{"query": "q", "response": " "}',
        '{"query": 3, "response": "r"}',
        '{"query": "\\ud800", "response": "r"}',
        "[" * 99_999,
    ],
)
def test_the_first_unusable_row_ends_the_job_by_its_line(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "gen_qa.jsonl"
    path.write_text('{"query": "q", "response": "r"}\n\n' + bad + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 3"):
        read_rows(path, gen_qa_row)


def test_a_line_separator_inside_a_text_does_not_split_the_row(tmp_path: Path) -> None:
    path = tmp_path / "gen_qa.jsonl"
    path.write_text('\ufeff{"query": "a\u2028b\x85", "response": "r"}\n', encoding="utf-8")
    assert [row["query"] for row in read_rows(path, gen_qa_row)] == ["a\u2028b\x85"]


@pytest.mark.parametrize(("data", "why"), [(b"", "no rows"), (b'{"query": "\xff"}\n', "UTF-8")])
def test_an_empty_or_wrongly_encoded_file_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "gen_qa.jsonl"
    path.write_bytes(data)
    with pytest.raises(InputError, match=why):
        read_rows(path, gen_qa_row)
