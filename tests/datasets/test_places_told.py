"""Findings name the line a row stands on, in which file of several, and change their severity where the limits say."""

import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.engine import run as engine
from novaforge.tools.datasets.engine.pool import Pool
from novaforge.tools.datasets.reading import opened
from novaforge.tools.datasets.tool import inspect_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

WORDS = ["server", "disk", "network", "password", "error", "update", "screen", "driver", "printer", "login", "mailbox"]
Converse = Callable[..., dict[str, Any]]


def text(number: int) -> str:
    draw = random.Random(number)
    return " ".join(draw.choices(WORDS, k=30)) + f" {number}"


def findings(result: Any) -> dict[str, Finding]:
    return {finding.rule: finding for finding in result.findings}


def write(desk: "Desk", name: str, rows: list[dict[str, Any]]) -> str:
    return desk.jsonl(rows, name)


@pytest.mark.parametrize("parts", [1, 2])
def test_lines_have_a_file_s_name_only_where_there_are_several(desk: "Desk", converse: Converse, parts: int) -> None:
    rows = [converse(text(number), f"answer {number}") for number in range(300)]
    rows[7]["messages"][1]["role"] = "robot"
    rows[9] = rows[4]
    rows[280] = rows[5]
    rows[290] = converse(text(20), "something else")
    rows[291] = converse(f"{text(30)} please", "answer")
    key = "ghp_" + "".join(random.Random(1).choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=36))
    rows[295] = converse(f"{text(31)} {key}", "answer")
    cuts = [0, 150, 300] if parts == 2 else [0, 300]
    for number in range(parts):
        name = f"in/part{number}.jsonl"
        uri = write(desk, name, rows[cuts[number] : cuts[number + 1]])
    seen = findings(desk.validate(uri if parts == 1 else str(desk.folder / "in")))

    def place(row: int) -> str:
        return f"part{row // 150}.jsonl:{row % 150 + 1}" if parts == 2 else str(row + 1)

    both = f"2 rows: lines {place(9)} (as {place(4)}), {place(280)} (as {place(5)})"
    assert both in seen["DA11-some-duplicates"].message
    assert f"{place(290)} (as {place(20)})" in seen["DQ1-answers"].message
    assert f"{place(291)} (as {place(30)})" in seen["DA11-some-near-duplicates"].message
    assert f"line {place(295)}" in seen["DQ4-secret"].message and "ghp_" not in str(seen)
    (role,) = [finding for finding in seen.values() if finding.severity == "block" and finding.path]
    assert f"1 row, line {place(7)}" in role.message


def test_an_overlap_names_the_lines_on_both_sides(desk: "Desk", converse: Converse) -> None:
    rows = [converse(text(number), "answer") for number in range(60)]
    source = write(desk, "train.jsonl", rows)
    write(desk, "other/a.jsonl", [converse(text(number), "x") for number in range(100, 130)])
    write(desk, "other/b.jsonl", [converse(text(number), "x") for number in (200, 17, 201)])
    seen = findings(desk.validate(source, against=[str(desk.folder / "other")]))
    assert seen["DA11-overlap"].severity == "block" and seen["DA11-overlap"].count == 1
    assert "1 row: line 18 (as b.jsonl:2)" in seen["DA11-overlap"].message


@pytest.mark.parametrize(("copies", "rule"), [(0, None), (2, "DA11-some-duplicates"), (3, "DA11-duplicates")])
def test_copies_are_a_warning_above_one_row_in_a_hundred(
    desk: "Desk", converse: Converse, copies: int, rule: str | None
) -> None:
    rows = [converse(text(number), "answer") for number in range(200 - copies)]
    seen = findings(desk.validate(write(desk, "rows.jsonl", rows + rows[:copies])))
    assert {name for name in seen if name.endswith("duplicates")} == ({rule} if rule else set())
    assert rule is None or (seen[rule].count, seen[rule].severity) == (copies, "warn" if copies > 2 else "info")


@pytest.mark.parametrize(("near", "rule"), [(2, "DA11-some-near-duplicates"), (3, "DA11-near-duplicates")])
def test_near_copies_are_a_warning_above_one_row_in_a_hundred(
    desk: "Desk", converse: Converse, near: int, rule: str
) -> None:
    rows = [converse(text(number), "answer") for number in range(200 - near)]
    rows += [converse(f"{text(number)} please", "answer") for number in range(near)]
    seen = findings(desk.validate(write(desk, "rows.jsonl", rows)))
    assert {name for name in seen if name.endswith("duplicates")} == {rule} and seen[rule].count == near


@pytest.mark.parametrize(
    ("labels", "length", "rows_each", "told"),
    [(2, 1, 5, True), (2, 1, 4, False), (100, 1, 5, True), (101, 1, 5, False), (2, 100, 5, True), (2, 101, 5, False)],
)
def test_answers_are_labels_up_to_a_hundred_of_a_hundred_characters_with_five_rows_each(
    desk: "Desk", labels: int, length: int, rows_each: int, told: bool
) -> None:
    names = [f"{number:0{max(length, 3)}d}" for number in range(labels)]
    rows = [(f"{text(number)}", name) for number, name in enumerate(names * rows_each)]
    seen = inspect_dataset(desk.ctx, source=desk.csv(rows))
    assert bool(seen.labels) is told
    body = next(column for column in seen.columns if column.name == "Y")
    assert body.labels == (labels if told else None)
    written = json.loads((desk.folder / "out" / "manifest.json").read_bytes()) if desk.transform(desk.csv(rows)) else {}
    assert written["labels"]["train"] == (dict.fromkeys(names, rows_each) if told else {})


@pytest.mark.parametrize("kind", ["table", "chats"])
@pytest.mark.parametrize("workers", [0, 2])
def test_ids_made_of_file_and_line_are_all_different_whoever_reads_the_rows(
    desk: "Desk", kind: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "block_bytes", lambda total: 500)
    monkeypatch.setattr(engine, "workers_for", lambda total: workers)
    monkeypatch.setattr(Pool, "any_ready", property(lambda pool: True))
    for part in range(3):
        rows = [(f"question {part} {number}", f"answer {number}") for number in range(20)]
        if kind == "table":
            desk.csv(rows, name=f"in/part{part}.csv")
        else:
            turns = [
                [{"role": "user", "content": query}, {"role": "assistant", "content": said}] for query, said in rows
            ]
            desk.jsonl([{"messages": each} for each in turns], f"in/part{part}.jsonl")
    (file,) = desk.transform(str(desk.folder / "in"), method="RFT_LORA").files
    ids = [json.loads(line)["id"] for line in (desk.folder / "out" / file.uri).read_text(encoding="utf-8").splitlines()]
    first = 2 if kind == "table" else 1
    parts = ("", "2-", "3-")
    assert ids == [f"in-{part}{number}" for part in parts for number in range(first, first + 20)]


def test_the_number_of_rows_is_held_to_the_bounds_of_the_platform_that_is_named(
    desk: "Desk", converse: Converse
) -> None:
    source = write(desk, "rows.jsonl", [converse(text(number), f"answer {number}") for number in range(199)])
    on_bedrock, elsewhere = (desk.validate(source, platform=name) for name in ("bedrock", "sagemaker"))
    assert "199" in findings(on_bedrock)["DA5-few"].message and not on_bedrock.ok
    assert "DA6" in findings(elsewhere) and elsewhere.ok
