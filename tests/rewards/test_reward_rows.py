"""Rows and predictions: drawn the same way each time, and nothing unreadable goes unsaid."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from novaforge.guards.errors import InputError
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.rewards.candidates import candidates, labels_of, probes, spell
from novaforge.tools.rewards.rows import read_predictions, read_sample

LABELS = ["HQ", "LQ_CLOSE", "LQ_EDIT"]


def test_the_same_file_gives_the_same_sample(offline: ToolContext, data_file: Callable[..., str]) -> None:
    path = data_file()
    first, second = read_sample(offline, path, 7), read_sample(offline, path, 7)
    assert first.rows == second.rows and len(first.rows) == 7
    assert first.labels == LABELS


def test_rows_that_cannot_be_used_are_counted_with_their_lines(offline: ToolContext, tmp_path: Path) -> None:
    good = json.dumps({"messages": [{"role": "user", "content": "q"}], "reference_answer": "a"}).encode()
    path = tmp_path / "mixed.jsonl"
    bad = [b"{oops", b"\xff\xfe", b'{"messages": []}', b'{"messages": [{"role": "user"}]}', b"[1]"]
    path.write_bytes(b"\n".join([good, *bad, b"", good]) + b"\n")
    sample = read_sample(offline, str(path), 50)
    assert len(sample.rows) == 2
    said = {finding.message.split(": ", 1)[1]: finding.count for finding in sample.findings}
    assert said == {
        "not JSON (lines 2)": 1,
        "not UTF-8 (lines 3)": 1,
        "no messages (lines 4, 6)": 2,
        "no reference_answer (lines 5)": 1,
    }


def test_a_row_over_a_megabyte_is_skipped_whole(offline: ToolContext, tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "q"}], "reference_answer": "a"}
    path = tmp_path / "long.jsonl"
    path.write_text(json.dumps({"pad": "x" * 3_000_000}) + "\n" + json.dumps(good) + "\n", encoding="utf-8")
    sample = read_sample(offline, str(path), 5)
    assert len(sample.rows) == 1 and "longer than 1 MiB (lines 1)" in sample.findings[0].message


@pytest.mark.parametrize("content", ["", "\n\n", "{broken\n"])
def test_a_file_without_a_usable_row_is_an_input_error(offline: ToolContext, tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_sample(offline, str(path), 5)
    assert caught.value.data["field"] == "data"


def test_predictions_are_matched_by_id_whatever_their_order(
    offline: ToolContext, data_file: Callable[..., str]
) -> None:
    items = [{"id": f"r{i}", "messages": [{"role": "user", "content": "q"}], "reference_answer": "x"} for i in range(9)]
    path = data_file(items)
    said = data_file([{"id": item["id"], "prediction": f"p-{item['id']}"} for item in reversed(items)], "said.jsonl")
    sample = read_sample(offline, path, 4)
    assert read_predictions(offline, said, sample) == [f"p-{row['id']}" for row in sample.rows]


def test_predictions_without_ids_go_by_place_and_evaluation_output_is_unwrapped(
    offline: ToolContext, data_file: Callable[..., str]
) -> None:
    items = [{"messages": [{"role": "user", "content": "q"}], "reference_answer": str(i)} for i in range(9)]
    path = data_file(items)
    said = data_file([{"inference": repr([f"it's {i}"]), "gold": "x"} for i in range(9)], "out.jsonl")
    sample = read_sample(offline, path, 4)
    assert read_predictions(offline, said, sample) == [f"it's {row['reference_answer']}" for row in sample.rows]
    with pytest.raises(InputError, match="no prediction"):
        read_predictions(offline, ["one"], sample)


def test_a_reference_is_spelled_as_a_model_would_write_it() -> None:
    assert spell("HQ") == "HQ"
    assert spell({"answer": "HQ", "why": "x"}) == "HQ"
    assert spell({"quality": 3}) == "3"
    assert spell({"a": 1, "b": 2}) == '{"a": 1, "b": 2}'


def test_labels_are_seen_only_where_references_repeat() -> None:
    assert labels_of([{"reference_answer": label} for label in LABELS * 4]) == LABELS
    assert labels_of([{"reference_answer": f"answer {i}"} for i in range(40)]) == []


def test_a_wrong_answer_is_another_rows_reference_and_never_the_right_one() -> None:
    data: list[JsonObject] = [{"reference_answer": label} for label in ["a", "a", "b"]]
    assert candidates(data)["wrong_reference"] == ["b", "b", "a"]
    assert "wrong_reference" not in candidates([{"reference_answer": "a"}] * 3)


def test_probes_hold_the_right_answer_in_text_that_does_not_give_it() -> None:
    data: list[JsonObject] = [
        {"reference_answer": label, "messages": [{"role": "user", "content": f"ask {label}"}]} for label in LABELS
    ]
    made = probes(data, LABELS)
    for text, label in zip(made["hidden_in_list"], LABELS, strict=True):
        assert label in text and len(text) > 200
    assert made["prompt_echo"][0] == "ask HQ"
    assert made["all_labels"][0] == "HQ LQ_CLOSE LQ_EDIT"
