"""Splits by ratio never move a row, stratified ones and counts are exact, and equal queries never stand on two sides."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.results import TransformResult

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

RATIOS = {"train": 0.8, "validation": 0.1, "test": 0.1}
Read = Callable[[str], list[dict[str, Any]]]
NewDesk = Callable[[], AbstractContextManager["Desk"]]


def labelled(sizes: dict[str, int]) -> list[tuple[str, str]]:
    return [(f"{label} question {index}", label) for label, size in sizes.items() for index in range(size)]


def parts(result: TransformResult, read: Read) -> dict[str, list[tuple[str, str]]]:
    return {file.role: [_pair(row) for row in read(file.uri)] for file in result.files}


def _pair(row: dict[str, Any]) -> tuple[str, str]:
    if "query" in row:
        return row["query"], row["response"]
    if "reference_answer" in row:
        return row["messages"][0]["content"], row["reference_answer"]
    return row["messages"][0]["content"][0]["text"], row["messages"][1]["content"][0]["text"]


def test_stratified_ratios_are_exact_in_all_and_within_one_row_for_every_label(desk: "Desk", read: Read) -> None:
    sizes = {"a": 333, "b": 334, "c": 133, "rare": 7}
    found = parts(desk.transform(desk.csv(labelled(sizes)), split=RATIOS, stratify_by="Y"), read)
    assert {role: len(rows) for role, rows in found.items()} == {"train": 645, "validation": 81, "test": 81}
    for role, rows in found.items():
        for label, count in Counter(label for _, label in rows).items():
            assert abs(count - sizes[label] * RATIOS[role]) < 1
    assert sorted(row for rows in found.values() for row in rows) == sorted(labelled(sizes))


def test_counts_are_taken_exactly_and_the_rest_is_reported_unused(desk: "Desk", read: Read) -> None:
    result = desk.transform(desk.csv(labelled({"a": 60, "b": 60})), split={"train": 70, "test": 20})
    found = parts(result, read)
    assert {role: Counter(label for _, label in rows) for role, rows in found.items()} == {
        "train": {"a": 35, "b": 35},
        "test": {"a": 10, "b": 10},
    }
    assert (result.rows_written, result.rows_unused) == (90, 30)
    assert [finding.rule for finding in result.findings if finding.rule.startswith("split")] == ["split-unused"]


def test_the_same_seed_gives_the_same_split_for_every_method_and_another_seed_another(desk: "Desk", read: Read) -> None:
    source = desk.csv(labelled({"a": 50, "b": 50}))
    sft = parts(desk.transform(source, "1", split=RATIOS), read)
    assert parts(desk.transform(source, "2", split=RATIOS), read) == sft
    assert parts(desk.transform(source, "3", method="RFT_LORA", split=RATIOS), read) == sft
    evaluation = desk.transform(source, "4", method="EVALUATION", split=RATIOS)
    assert parts(evaluation, read) == sft
    assert [Path(file.uri).relative_to(desk.folder).as_posix() for file in evaluation.files] == [
        "4/train/gen_qa.jsonl", "4/validation/gen_qa.jsonl", "4/test/gen_qa.jsonl",
    ]  # fmt: skip
    assert parts(desk.transform(source, "5", split=RATIOS, seed=43), read) != sft


def test_another_process_with_another_hash_seed_splits_alike(desk: "Desk") -> None:
    source = desk.csv(labelled({"a": 30, "b": 30}))
    here = desk.transform(source, "here", split=RATIOS)
    script = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path;"
        "from novaforge.guards.policy import Policy; from novaforge.tools.aws.session import Aws;"
        "from novaforge.tools.aws.storage import Storage; from novaforge.tools.context import Mode, ToolContext;"
        "from novaforge.tools.datasets.tool import transform_dataset as t;"
        "root = Path(sys.argv[1]);"
        "ctx = ToolContext(Mode(), Policy(), None, None, Storage(Aws(), (root,)), None, lambda: datetime.now(UTC));"
        "t(ctx, source=sys.argv[2], target=str(root / 'there'), method='SFT_LORA', model='nova_lite_2',"
        " split={'train': 0.8, 'validation': 0.1, 'test': 0.1})"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", script, str(desk.folder), source], check=True, env=environment)
    manifest = json.loads((desk.folder / "there" / "manifest.json").read_text(encoding="utf-8"))
    assert [file["sha256"] for file in manifest["files"]] == [file.sha256 for file in here.files]


def test_no_row_changes_sides_when_rows_are_appended_or_others_removed(desk: "Desk", read: Read) -> None:
    rows = labelled({"a": 500, "b": 500})
    before = parts(desk.transform(desk.csv(rows), "before", split=RATIOS), read)
    more = [*rows[100:], *((f"new {index}", "ab"[index % 2]) for index in range(300))]
    after = parts(desk.transform(desk.csv(more), "after", split=RATIOS), read)
    here = {row: role for role, found in before.items() for row in found}
    there = {row: role for role, found in after.items() for row in found}
    assert [there[row] for row in rows[100:]] == [here[row] for row in rows[100:]]


def test_the_sizes_of_a_ratio_split_are_near_what_was_asked_and_told(desk: "Desk") -> None:
    result = desk.transform(desk.csv([(f"q{index}", f"free answer {index}") for index in range(2000)]), split=RATIOS)
    sizes = [file.rows for file in result.files]
    assert sum(sizes) == 2000
    # Five standard deviations of a binomial count.
    for rows, share in zip(sizes, (0.8, 0.1, 0.1), strict=True):
        assert abs(rows - 2000 * share) < 5 * (2000 * share * (1 - share)) ** 0.5
    told = next(finding for finding in result.findings if finding.rule == "split-sizes")
    assert all(str(rows) in told.message for rows in sizes)
    manifest = json.loads(Path(result.manifest_uri).read_text(encoding="utf-8"))
    assert manifest["split"]["stable"] is True and len(manifest["split"]["thresholds"]) == 2


def test_counts_use_labels_as_strata_only_where_answers_are_labels(desk: "Desk") -> None:
    def strata(rows: list[tuple[str, str]], name: str) -> Any:
        result = desk.transform(desk.csv(rows), name, split={"train": 20, "test": 10})
        assert [file.rows for file in result.files] == [20, 10]
        return json.loads(Path(result.manifest_uri).read_text(encoding="utf-8"))["split"]["strata"]

    assert strata([(f"q{index}", f"free answer {index}") for index in range(300)], "free") == {}
    assert strata(labelled({f"answer {index}": 4 for index in range(10)}), "few") == {}
    assert strata(labelled({"a": 20, "b": 30}), "labels") == {"b": 30, "a": 20}


def test_rows_of_one_group_stand_on_one_side(desk: "Desk", read: Read) -> None:
    rows = [(f"q{index}", "a", f"group {index // 7}") for index in range(700)]
    source = desk.csv(rows, ("Body", "Y", "Thread"))
    arguments: dict[str, Any] = {"columns": {"query": "Body", "response": "Y"}, "group_by": "Thread"}
    groups = {body: group for body, _, group in rows}
    for name, split in (("ratio", RATIOS), ("count", {"train": 400, "test": 300})):
        result = desk.transform(source, name, split=split, **arguments)
        sides = [{groups[query] for query, _ in found} for found in parts(result, read).values()]
        assert len(sides[0]) < 100 and sum(map(len, sides)) == 100
        assert sum(file.rows for file in result.files) == 700


def test_a_group_column_without_a_split_or_that_is_not_there_is_refused(desk: "Desk") -> None:
    source = desk.csv(labelled({"a": 20}))
    with pytest.raises(InputError, match="group_by wants a split"):
        desk.transform(source, group_by="Y")
    with pytest.raises(InputError, match="to group by"):
        desk.transform(source, split=RATIOS, group_by="Thread")


def test_another_column_can_be_the_stratum_without_being_in_the_rows(desk: "Desk", read: Read) -> None:
    rows = [(f"q{index}", f"answer {index}", "north" if index % 4 else "south") for index in range(200)]
    source = desk.csv(rows, ("Body", "Y", "Area"))
    columns = {"query": "Body", "response": "Y"}
    result = desk.transform(source, columns=columns, split={"train": 0.5, "test": 0.5}, stratify_by="Area")
    areas = {body: area for body, _, area in rows}
    for found in parts(result, read).values():
        assert Counter(areas[query] for query, _ in found) == {"north": 75, "south": 25}


def test_equal_queries_with_different_labels_stay_on_one_side(desk: "Desk", read: Read) -> None:
    rows = labelled({"a": 400, "b": 30}) + [(f"torn {index}", label) for index in range(200) for label in "ab"]
    result = desk.transform(desk.csv(rows), split={"train": 0.6, "validation": 0.2, "test": 0.2}, stratify_by="Y")
    queries = [{query for query, _ in found} for found in parts(result, read).values()]
    assert not (queries[0] & queries[1] or queries[0] & queries[2] or queries[1] & queries[2])
    assert sum(file.rows for file in result.files) == len(rows)
    for file, share in zip(result.files, (0.6, 0.2, 0.2), strict=True):
        assert abs(file.rows - share * len(rows)) < 0.03 * len(rows)


ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), min_size=30, max_size=120)


@settings(max_examples=30, deadline=None)
@given(
    rows=ROWS,
    seed=st.integers(),
    weights=st.sampled_from([(1, 1), (3, 1), (2, 1, 1), (8, 1, 1)]),
    stratify=st.sampled_from([None, "Y"]),
)
def test_no_row_is_lost_doubled_or_torn_from_its_twin(
    rows: list[tuple[int, str]],
    seed: int,
    weights: tuple[int, ...],
    stratify: str | None,
    new_desk: NewDesk,
    read: Read,
) -> None:
    ratios = {
        role: weight / sum(weights) for role, weight in zip(("train", "validation", "test"), weights, strict=False)
    }
    unique = {f"q{number}" for number, _ in rows}
    with new_desk() as desk:
        source = desk.csv([(f"q{number}", label) for number, label in rows])
        try:
            result = desk.transform(source, split=ratios, seed=seed, stratify_by=stratify)
        except InputError as error:
            assert "would be empty" in error.message and len(unique) < 40
            return
        found = parts(result, read)
        assert Counter(row for part in found.values() for row in part) == Counter((f"q{n}", label) for n, label in rows)
        sides = Counter(query for part in found.values() for query in {query for query, _ in part})
        assert set(sides.values()) == {1}


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6), seed=st.integers(0, 5))
def test_without_equal_queries_every_stratified_count_is_exact(
    sizes: list[int], seed: int, new_desk: NewDesk, read: Read
) -> None:
    rows = labelled({f"label-{index}": size + 20 for index, size in enumerate(sizes)})
    total = len(rows)
    with new_desk() as desk:
        found = parts(
            desk.transform(desk.csv(rows), split={"train": 0.75, "test": 0.25}, seed=seed, stratify_by="Y"), read
        )
    assert abs(len(found["test"]) - 0.25 * total) < 1 and len(found["train"]) + len(found["test"]) == total
    for label, size in Counter(label for _, label in rows).items():
        assert abs(sum(kind == label for _, kind in found["test"]) - len(found["test"]) * size / total) < 1
