"""Rows kept until all are known are divided alike however few of them are looked at at a time, and the manifest says how."""

import itertools
import json
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.analysis import spool
from novaforge.tools.datasets.splitting import apportion as apportioning
from novaforge.tools.datasets.splitting import ranks as ranking
from novaforge.tools.datasets.splitting import removed, spooled
from novaforge.tools.datasets.splitting.apportion import apportion, largest_remainder
from novaforge.tools.datasets.splitting.ranks import ranks

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

WORDS = [
    "server",
    "disk",
    "network",
    "password",
    "error",
    "update",
    "screen",
    "driver",
    "printer",
    "login",
    "file",
    "folder",
    "backup",
    "user",
    "mail",
]
RATIOS = {"train": 0.6, "validation": 0.2, "test": 0.2}
FILTERS = {"exact_duplicates": True, "near_duplicates": True}


def _rows(count: int) -> list[tuple[str, str]]:
    draw = random.Random(5)
    rows: list[tuple[str, str]] = []
    for number in range(count):
        if rows and draw.random() < 0.3:
            query, answer = draw.choice(rows)
            rows.append((query, answer) if draw.random() < 0.7 else (f"{query} please", answer))
        else:
            rows.append((" ".join(draw.choices(WORDS, k=25)) + f" {number}", draw.choice("abc")))
    return rows


def _written(desk: "Desk", target: str) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in (desk.folder / target).iterdir()}
    manifest = json.loads(files.pop("manifest.json"))
    del manifest["created_at"]
    return files | {"manifest": json.dumps(manifest, sort_keys=True).replace(target, "TARGET").encode()}


@pytest.mark.parametrize(
    "more",
    [
        {"split": RATIOS},
        {"split": {"train": 90, "validation": 20, "test": 20}},
        {"split": RATIOS, "stratify_by": "Y"},
        {},
    ],
    ids=["ratios", "counts", "strata", "whole"],
)
def test_rows_are_divided_alike_however_few_are_looked_at_at_a_time(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    source = desk.csv(_rows(300))
    result = desk.transform(source, "whole", filters=FILTERS, **more)
    assert result.rows_written < 250
    for module in (removed, spooled):
        monkeypatch.setattr(module, "RANGE_BITS", 5)
    monkeypatch.setattr(spooled, "_CHUNK", 8)
    monkeypatch.setattr(spool, "BUCKET", 20)
    monkeypatch.setattr(ranking, "_FEW", 3)
    desk.transform(source, "little", filters=FILTERS, **more)
    assert _written(desk, "little") == _written(desk, "whole")


def test_a_copy_is_named_with_the_line_of_its_first_row_in_whichever_file_that_stands(desk: "Desk") -> None:
    texts = [" ".join(random.Random(number).choices(WORDS, k=25)) for number in range(6)]
    for part, chosen in enumerate(([0, 1, 2], [3, 1, 4], [5, 0, 3])):
        desk.csv([(texts[number], "a") for number in chosen], name=f"in/part{part}.csv")
    result = desk.transform(str(desk.folder / "in"), filters={"exact_duplicates": True})
    assert result.rows_written == 6
    listed = [json.loads(line) for line in Path(str(result.rejected["uri"])).read_text(encoding="utf-8").splitlines()]
    assert [(row["file"], row["line"], row["detail"]) for row in listed] == [
        ("part1.csv", 3, "duplicate of part0.csv:3"),
        ("part2.csv", 3, "duplicate of part0.csv:2"),
        ("part2.csv", 4, "duplicate of part1.csv:2"),
    ]


def test_the_manifest_of_an_exact_split_says_that_it_is_not_stable_and_where_sizes_differ(desk: "Desk") -> None:
    rows = [(f"question {index % 7}", "ab"[index % 2]) for index in range(70)]
    result = desk.transform(desk.csv(rows), split={"train": 45, "test": 25}, seed=3)
    said = json.loads(Path(result.manifest_uri).read_text(encoding="utf-8"))["split"]
    sizes = {file.role: file.rows for file in result.files}
    assert sum(sizes.values()) == 70 and all(rows % 10 == 0 for rows in sizes.values()), "ten rows of each query"
    assert said["stable"] is False and "exact ranks" in said["method"] and (said["seed"], said["asked"]) == (
        3, {"train": 45, "test": 25},
    )  # fmt: skip
    assert said["equal_queries_kept_together"] == sizes
    (told,) = (finding for finding in result.findings if finding.rule == "split-equal-queries")
    assert all(f"{role} has {rows}" in told.message for role, rows in sizes.items())


def test_labels_of_each_part_are_counted_without_the_rows_that_went(desk: "Desk") -> None:
    rows = [(f"question {index % 80} {'x' * 30}", "ab"[index % 2]) for index in range(100)]
    result = desk.transform(desk.csv(rows), split=RATIOS, stratify_by="Y", filters={"exact_duplicates": True})
    written = json.loads(Path(result.manifest_uri).read_text(encoding="utf-8"))["labels"]
    counted: dict[str, Counter[str]] = {}
    for file in result.files:
        lines = Path(file.uri).read_text(encoding="utf-8").splitlines()
        counted[file.role] = Counter(json.loads(line)["messages"][1]["content"][0]["text"] for line in lines)
    assert written == counted and sum(map(Counter.total, counted.values())) == 80


@settings(max_examples=80)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2)), min_size=4, max_size=80, unique=True),
    near=st.booleans(),
    few=st.integers(1, 5),
)
def test_ranks_are_the_same_when_bits_are_counted_many_times(rows: list[tuple[int, int]], near: bool, few: int) -> None:
    # Hashes that share all but their last bits need every level.
    values = np.array([(value % 64 if near else value) for value, _ in rows], np.uint64)
    strata = np.array([stratum for _, stratum in rows], np.int64)
    totals = largest_remainder(len(rows), [Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)])
    plain = ranks(lambda: iter([(values, strata)]), 3, totals).parts(values, strata)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_FEW", few)
        again = ranks(lambda: iter([(values[:3], strata[:3]), (values[3:], strata[3:])]), 3, totals)
    assert again.parts(values, strata).tolist() == plain.tolist()


@example(sizes=[4, 1, 8, 9, 5, 9], cuts=[4, 14, 21])
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6), cuts=st.lists(st.integers(0, 60), max_size=3))
def test_any_sizes_and_totals_give_cells_less_than_one_row_from_their_share(sizes: list[int], cuts: list[int]) -> None:
    rows = sum(sizes)
    ends = [0, *sorted(cut % (rows + 1) for cut in cuts), rows]
    totals = [end - start for start, end in itertools.pairwise(ends)]
    cells = apportion(sizes, totals)
    assert [sum(column) for column in zip(*cells, strict=True)] == totals and [sum(row) for row in cells] == sizes
    for size, row in zip(sizes, cells, strict=True):
        assert all(abs(cell - Fraction(size * total, rows)) < 1 for cell, total in zip(row, totals, strict=True))


@given(st.lists(st.integers(1, 9), min_size=2, max_size=8), st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_any_table_rounded_within_its_rows_is_brought_to_its_totals(sizes: list[int], weights: list[int]) -> None:
    rows = sum(sizes)
    totals = largest_remainder(rows, [Fraction(weight, sum(weights)) for weight in weights])
    floors = [[size * total // rows for total in totals] for size in sizes]
    rests = [[size * total % rows for total in totals] for size in sizes]
    cells = [list(row) for row in floors]
    for size, row, rest in zip(sizes, cells, rests, strict=True):
        # The first parts that may be rounded up are, which fits the row and mostly not the columns.
        for part in [part for part, left in enumerate(rest) if left][: size - sum(row)]:
            row[part] += 1
    apportioning._balance(cells, rests, sizes, totals)
    assert [sum(column) for column in zip(*cells, strict=True)] == totals and [sum(row) for row in cells] == sizes
    assert all(
        cell - floor in ((0, 1) if left else (0,))
        for row, low, rest in zip(cells, floors, rests, strict=True)
        for cell, floor, left in zip(row, low, rest, strict=True)
    )
