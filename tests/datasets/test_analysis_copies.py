"""Exact copies: duplicates, ids, noise and overlap are found where they were planted, and nowhere else."""

import pickle
import random
from collections.abc import Sequence

import pytest

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.analysis import spool
from novaforge.tools.datasets.analysis.check import FILE_SHIFT, Check, CheckSettings, RowView
from novaforge.tools.datasets.analysis.registry import make_checks


def run(settings: CheckSettings, sources: dict[str, Sequence[RowView]], names: Sequence[str]) -> list[Finding]:
    """Scan in one set of checks, as workers do, and merge in another."""
    workers, parents = make_checks(settings, names), make_checks(settings, names)
    for file, rows in sources.items():
        for start in range(0, len(rows), 100):
            for worker, parent in zip(workers, parents, strict=True):
                parent.merge(file, pickle.loads(pickle.dumps(worker.scan(rows[start : start + 100]))))
    return [found for check in parents for found in check.findings(len(sources[""]))]


def row(line: int, prompt: str, answer: str = "", id: str = "") -> RowView:
    return RowView(line, prompt, answer, (prompt, answer), id)


def clean(count: int, seed: int = 0, start: int = 1) -> list[RowView]:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(500)]
    return [row(start + at, " ".join(rng.choices(words, k=30)), rng.choice(["a", "b", "c"])) for at in range(count)]


def by_rule(findings: Sequence[Finding]) -> dict[str, Finding]:
    return {found.rule: found for found in findings}


def copies(rows: Sequence[RowView], **others: Sequence[RowView]) -> dict[str, Finding]:
    return by_rule(run(CheckSettings(references=tuple(others)), {"": rows, **others}, ["copies"]))


def test_nothing_is_found_in_rows_that_differ() -> None:
    assert copies(clean(1000), other=clean(1000, seed=1)) == {}


def test_a_duplicate_row_is_told_with_the_line_it_repeats() -> None:
    rows = clean(1000)
    rows.append(rows[41]._replace(line=1001))

    found = copies(rows)["DA11-some-duplicates"]

    assert (found.severity, found.count, found.line) == ("info", 1, 1001)
    assert "line 1001 (as 42)" in found.message


def test_duplicates_of_more_than_one_percent_are_a_warning() -> None:
    rows = clean(100)
    rows += [rows[0]._replace(line=101), rows[1]._replace(line=102)]

    assert copies(rows)["DA11-duplicates"].count == 2


def test_rows_of_equal_query_and_answer_but_another_system_prompt_are_no_duplicates() -> None:
    first = row(1, "q", "a")

    assert "DA11-duplicates" not in copies([first, RowView(2, "q", "a", ("s", "q", "a"))])


def test_an_id_used_twice_is_told() -> None:
    rows = [row(1, "x", id="7"), row(2, "y", id="8"), row(3, "z", id="7")]

    assert "line 3 (as 1)" in copies(rows)["DA3-rft-ids"].message


def test_one_query_with_two_labels_is_noise() -> None:
    rows = clean(1000)
    rows += [rows[5]._replace(line=1001, answer="z"), rows[5]._replace(line=1002, answer="z")]

    found = copies(rows)["DQ1-noise"]

    assert (found.severity, found.count) == ("warn", 2)
    assert "1 query, 2 rows: lines 1001 (as 6), 1002 (as 6)" in found.message


def test_one_query_with_two_free_answers_is_information() -> None:
    rows = [row(at, f"question {at}", f"some answer of its own {at}") for at in range(1, 300)]
    rows.append(row(300, "question 7", "another answer"))

    assert copies(rows)["DQ1-answers"].severity == "info"


def test_a_query_that_a_reference_has_too_blocks_with_the_lines_of_both() -> None:
    rows, other = clean(1000), clean(500, seed=1)
    other[9] = rows[2]._replace(line=10, answer="whatever")

    found = copies(rows, validation=other)["DA11-overlap"]

    assert (found.severity, found.count, found.line) == ("block", 1, 3)
    assert "with validation, 1 row: line 3 (as 10)" in found.message


def test_rows_that_ask_nothing_overlap_by_their_whole_text() -> None:
    rows = [RowView(1, "", "", ("one text",)), RowView(2, "", "", ("another",))]

    found = copies(rows, other=[RowView(1, "", "", ("another",))])

    assert found["DA11-overlap"].count == 1


def test_lines_of_a_source_of_several_files_carry_the_file() -> None:
    settings = CheckSettings(files={"": ("a.jsonl", "b.jsonl")})
    rows = [row(3, "x"), row(1 << FILE_SHIFT | 4, "x")]

    found = run(settings, {"": rows}, ["copies"])[0]

    assert "line b.jsonl:4 (as a.jsonl:3)" in found.message
    assert found.line == 4


def test_texts_with_lone_surrogates_are_compared_too() -> None:
    assert copies([row(1, "\ud800"), row(2, "\ud800"), row(3, "\udfff")])["DA11-duplicates"].count == 1


def test_files_larger_than_the_memory_for_them_give_the_same_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clean(2000)
    rows += [rows[at]._replace(line=2001 + at) for at in range(0, 200, 3)]
    rows += [rows[at]._replace(line=3001 + at, answer="z") for at in range(0, 200, 7)]
    other = [rows[at]._replace(line=at + 1) for at in range(0, 2000, 11)]
    whole = copies(rows, other=other)

    monkeypatch.setattr(spool, "BUCKET", 64)
    assert copies(rows, other=other) == whole


def test_checks_are_made_of_settings_that_travel_between_processes() -> None:
    settings = CheckSettings(references=("a",), files={"": ("x",)})

    assert pickle.loads(pickle.dumps(settings)) == settings
    checks: list[Check] = make_checks(settings)
    assert len({check.name for check in checks}) == len(checks)
