"""What the demo trains on is real, labelled, balanced and split without leakage."""

import csv
import runpy
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.server.demo.data import AREAS, balanced, examples, write_rows
from novaforge.server.demo.driver import amount_in
from novaforge.server.demo.inputs import default_inputs, describe, split_file


def texts(path: Path, column: str = "query") -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def test_the_standard_library_yields_1500_balanced_examples_of_at_least_three_areas() -> None:
    chosen = balanced(examples(), 1500)
    counts = Counter(example.area for example in chosen)
    assert len(counts) == len(AREAS) >= 3
    assert len(set(counts.values())) == 1
    assert len(chosen) == 1500
    assert len({example.text for example in chosen}) == len(chosen)


def test_the_three_parts_share_no_text(tmp_path: Path) -> None:
    inputs = default_inputs(tmp_path, small=True)
    parts = [set(texts(path)) for path in (inputs.sft, inputs.rft, inputs.evaluation)]
    assert all(parts)
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert sum(map(len, parts)) == inputs.rows


def test_any_labelled_csv_is_split_with_every_label_in_every_part(tmp_path: Path) -> None:
    source = tmp_path / "mine.csv"
    write_rows(source, [(f"text number {n}\nwith a second line", "ab"[n % 2]) for n in range(100)])
    inputs = split_file(tmp_path, source, "query", "response", small=False)
    for path in (inputs.sft, inputs.rft, inputs.evaluation):
        assert set(texts(path, "response")) == {"a", "b"}
    assert all(text.endswith("\nwith a second line") for text in texts(inputs.sft))


def test_a_missing_column_is_named_with_the_columns_there_are(tmp_path: Path) -> None:
    source = tmp_path / "mine.csv"
    write_rows(source, [("a text", "x"), ("b text", "y")])
    with pytest.raises(InputError) as caught:
        split_file(tmp_path, source, "Body", "response", small=False)
    assert caught.value.data["value"] == "Body" and "query, response" in caught.value.fix


def test_a_column_that_is_no_label_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "mine.csv"
    write_rows(source, [(f"text {n}", f"answer {n}") for n in range(50)])
    with pytest.raises(InputError, match="50 distinct values"):
        describe(tmp_path, source, source, source, "query", "response", small=False)


def test_the_reward_is_plus_one_for_the_exact_label_and_minus_one_otherwise(tmp_path: Path) -> None:
    reward = runpy.run_path(str(default_inputs(tmp_path, small=True).reward_file))["lambda_handler"]
    marked = "<|begin_of_solution|>networking<|end_of_solution|>"
    event = [
        {"id": "1", "messages": [{"role": "assistant", "content": marked}], "reference_answer": "networking"},
        {
            "id": "2",
            "messages": [{"role": "assistant", "content": [{"text": "other"}]}],
            "reference_answer": "networking",
        },
    ]
    scored = reward(event, None)
    assert [row["aggregate_reward_score"] for row in scored] == [1.0, -1.0]
    assert [row["id"] for row in scored] == ["1", "2"]


@given(st.decimals(min_value=0, max_value=10**6, places=2))
def test_the_amount_to_type_is_read_from_the_question(amount: object) -> None:
    assert amount_in(f"What: train\nExpected: $3.00\nCeiling: ${amount:,}\nmore") == f"{amount:,}"
