"""Rows and predictions: drawn the same way each time, and nothing unreadable goes unsaid."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from novaforge.guards.errors import CancelledError, InputError
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.rewards.candidates import candidates, labels_of, probes, spell
from novaforge.tools.rewards.rows import SCAN_BYTES, SCAN_ROWS, read_predictions, read_sample

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


class CountedFile:
    """A file of endless length that counts how many of its lines were read."""

    def __init__(self, make: Callable[[int], bytes], lines: float = inf) -> None:
        self.lines, self.bytes = 0, 0
        self._make, self._most = make, lines

    def readline(self, size: int) -> bytes:
        if self.lines >= self._most:
            return b""
        line = self._make(self.lines)[:size]
        self.lines += 1
        self.bytes += len(line)
        return line

    def read(self, size: int) -> bytes:
        return b"x" if self.lines < self._most else b""


def opened(ctx: ToolContext, file: CountedFile, **changes: Any) -> ToolContext:
    """Return a context in which every file is this one."""
    return replace(ctx, storage=cast(Any, SimpleNamespace(open=lambda uri: nullcontext(file))), **changes)


def scored(number: int) -> bytes:
    row = {"id": f"r{number}", "messages": [{"role": "user", "content": "q"}], "reference_answer": f"{number % 3}"}
    return json.dumps(row).encode() + b"\n"


def test_of_a_large_file_only_the_first_rows_are_read_and_it_is_said(offline: ToolContext) -> None:
    file = CountedFile(scored)
    sample = read_sample(opened(offline, file), "rows.jsonl", 20)
    assert file.lines == SCAN_ROWS == sample.scanned and len(sample.rows) == 20
    assert [finding.severity for finding in sample.findings] == ["info"]
    assert f"first {SCAN_ROWS} rows" in sample.findings[0].message


def test_a_file_that_is_read_whole_says_nothing_of_its_size(offline: ToolContext) -> None:
    assert read_sample(opened(offline, CountedFile(scored, SCAN_ROWS)), "rows.jsonl", 20).findings == []


@pytest.mark.parametrize("line", [b"\n", b" \n", b"x" * 2**20 + b"\n", b"y" * 2**20])
def test_blank_lines_and_endless_ones_end_the_reading_too(offline: ToolContext, line: bytes) -> None:
    file = CountedFile(lambda number: scored(number) if number < 9 else line)
    sample = read_sample(opened(offline, file), "rows.jsonl", 5)
    assert file.lines <= SCAN_ROWS and file.bytes < SCAN_BYTES + 2**21
    assert sample.scanned == 9 and "the file is larger" in sample.findings[-1].message


def test_reading_ends_when_nobody_waits_any_more(offline: ToolContext) -> None:
    file = CountedFile(scored)
    ctx = opened(offline, file, cancelled=lambda: file.lines >= 7)
    with pytest.raises(CancelledError):
        read_sample(ctx, "rows.jsonl", 5)
    assert file.lines == 7


@pytest.mark.parametrize("named", [True, False])
def test_predictions_are_read_up_to_the_last_one_needed(offline: ToolContext, named: bool) -> None:
    sample = read_sample(opened(offline, CountedFile(scored, 300)), "rows.jsonl", 20)

    def said(number: int) -> bytes:
        return json.dumps({"prediction": f"p{number}"} | ({"id": f"r{number}"} if named else {})).encode() + b"\n"

    file = CountedFile(said)
    assert read_predictions(opened(offline, file), "said.jsonl", sample) == [f"p{place}" for place in sample.places]
    assert file.lines == sample.places[-1] + 1


def test_an_id_that_is_no_text_names_no_row(offline: ToolContext) -> None:
    sample = read_sample(opened(offline, CountedFile(scored, 30)), "rows.jsonl", 5)
    file = CountedFile(lambda number: b'{"id": ["r1", {}], "prediction": "p"}\n', 30)
    assert read_predictions(opened(offline, file), "said.jsonl", sample) == ["p"] * 5


def test_predictions_for_other_rows_are_not_looked_for_without_end(
    offline: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("novaforge.tools.rewards.rows.SCAN_BYTES", 2**20)
    sample = read_sample(opened(offline, CountedFile(scored, 30)), "rows.jsonl", 5)
    file = CountedFile(lambda number: b'{"id": "other", "prediction": "p"}\n')
    with pytest.raises(InputError, match="5 of 5 sampled rows have no prediction in the first 1 MiB"):
        read_predictions(opened(offline, file), "said.jsonl", sample)
    assert file.bytes < 2**20 + 100


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
