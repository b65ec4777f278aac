"""Every rule, in every legal combination of method, model, platform and task: one row breaks it alone, its neighbour keeps it."""

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.formats.counts import batch_findings, count_findings, length_findings
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.tool import transform_dataset, validate_dataset
from tests.datasets.rule_files import FILES
from tests.datasets.rule_rows import EXAMPLES, MARK, Combination, Example, combinations, examples

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ALL = list(combinations())
NAMES = ["-".join(part for part in combination if part) for combination in ALL]
ROW_RULES = {example.rule for found in EXAMPLES.values() for example in found}


def of(combination: Combination) -> list[Example]:
    return examples(row_format(*combination).name, combination)


def test_every_rule_has_an_example_that_breaks_it_and_one_that_keeps_it() -> None:
    used = {example.rule for combination in ALL for example in of(combination)}
    assert used == ROW_RULES
    assert ROW_RULES | FILES.keys() == RULES.keys()
    assert not ROW_RULES & FILES.keys()


@pytest.mark.parametrize("combination", ALL, ids=NAMES)
def test_a_row_breaks_one_rule_and_its_neighbour_none(combination: Combination) -> None:
    check = row_format(*combination).check
    assert [(example.rule, check(example.broken)) for example in of(combination)] == [
        (example.rule, [(example.rule, example.path)]) for example in of(combination)
    ]
    assert [(example.rule, hits) for example in of(combination) if (hits := check(example.kept))] == []


def answer(desk: "Desk", name: str, rows: list[Any], combination: Combination) -> Any:
    method, model, platform, task = combination
    return validate_dataset(
        desk.ctx, source=desk.jsonl(rows, name), method=cast(Any, method), model=cast(Any, model),
        platform=cast(Any, platform), task=cast(Any, task),
    )  # fmt: skip


@pytest.mark.parametrize("combination", ALL, ids=NAMES)
def test_the_tool_names_rule_line_and_path_and_never_the_row(desk: "Desk", combination: Combination) -> None:
    found = of(combination)
    assert sum(MARK in json.dumps(example.broken) for example in found) > len(found) / 4
    result = answer(desk, "broken.jsonl", [example.broken for example in found], combination)
    wanted: dict[str, Any] = {}
    for line, example in enumerate(found, start=1):
        first = wanted.get(example.rule, (line, example.path, 0))
        wanted[example.rule] = (*first[:2], first[2] + 1)
    told = {item.rule: (item.line, item.path, item.count) for item in result.findings if item.rule in ROW_RULES}
    assert told == wanted
    assert {item.rule: item.severity for item in result.findings if item.rule in ROW_RULES} == {
        rule: RULES[rule].severity for rule in wanted
    }
    assert MARK not in result.text() + result.model_dump_json()
    kept = answer(desk, "kept.jsonl", [example.kept for example in found], combination)
    assert [item.rule for item in kept.findings if item.rule in ROW_RULES] == []


@pytest.mark.parametrize("combination", {row_format(*item).name: item for item in ALL}.values(), ids=str)
def test_a_transformation_leaves_broken_rows_out_and_never_repeats_them(desk: "Desk", combination: Combination) -> None:
    method, model, platform, task = combination
    found = of(combination)
    kept = [example.kept for example in found] * 2
    broken = [example.broken for example in found if RULES[example.rule].severity == "block"]
    source = desk.jsonl([*kept, *broken])
    try:
        result = transform_dataset(
            desk.ctx, source=source, target=str(desk.folder / "out"), method=cast(Any, method), model=cast(Any, model),
            platform=cast(Any, platform), task=cast(Any, task),
        )  # fmt: skip
    except NovaForgeError as error:
        pytest.fail(error.as_text())
    words = sum(example.rule == "DA2" for example in found)
    assert (result.rows_read, result.rows_written) == (len(kept) + len(broken), len(kept) + words)
    assert MARK not in result.text() + result.model_dump_json()
    assert MARK.encode() not in (desk.folder / "out" / "rejects.jsonl").read_bytes()


@pytest.mark.parametrize("rule", FILES)
def test_a_file_breaks_a_rule_and_its_neighbour_does_not(desk: "Desk", rule: str) -> None:
    broken, kept = FILES[rule](desk)
    found = [item for item in broken if item.rule == rule]
    assert found and all(item.message.startswith(RULES[rule].message) for item in found)
    assert {item.severity for item in found} == {RULES[rule].severity}
    assert [item for item in kept if item.rule == rule] == []
    assert not any(MARK in item.message + item.fix for item in broken)


SIZES = (1, 7, 8, 15, 16, 31, 32, 99, 100, 199, 200, 201, 999, 1000, 20_000, 20_001)


def wanted(combination: Combination, rows: int) -> set[str]:
    """Return the rules about the number of rows that a file of so many breaks, as the sources say it."""
    method, model, platform, task = combination
    family = method.split("_")[0]
    nova_2 = model == "nova_lite_2"
    if platform == "bedrock":
        least = 100 if family == "RFT" else 200 if nova_2 else 8
        if not least <= rows <= 20_000:
            return {"DA5-few" if rows < least else "DA5-many"}
    found: set[str] = set()
    if family == "SFT" and rows < 1000:
        found.add("DA6" if rows < 200 else "DA6-typical")
    if family == "DPO" and rows < 1000:
        found.add("DA6-pairs")
    if "MULTITURN" in method:
        return found
    if (family == "RFT" or task == "rft_eval") and rows < 100:
        found.add("DA7-few")
    if family == "RFT" and rows > 200:
        found.add("DA7-many")
    batch = {"SFT": 32 if nova_2 else 16, "DPO": 16, "CPT": 32, "RFT": 16}.get(family, 0)
    if platform != "bedrock" and rows < batch:
        found.add("BS4" if family == "RFT" else "BS2")
    return found


@pytest.mark.parametrize("combination", ALL, ids=NAMES)
def test_the_bounds_of_rows_hold_in_every_combination(combination: Combination) -> None:
    method, model, platform, _ = combination
    for rows in SIZES:
        found = count_findings(row_format(*combination), model, platform, method, rows, {})
        found += batch_findings(method, model, platform, rows)
        assert {item.rule for item in found} == wanted(combination, rows), rows


@pytest.mark.parametrize("combination", ALL, ids=NAMES)
def test_the_longest_length_depends_on_the_method_alone(combination: Combination) -> None:
    family = combination.method.split("_")[0]
    found = {
        length: [item.rule for item in length_findings(combination.method, length)]
        for length in (8192, 8193, 32_768, 32_769)
    }
    cpt, sft = (["SL1-cpt"] if family == "CPT" else []), (["SL1"] if family == "SFT" else [])
    assert found == {8192: [], 8193: cpt, 32_768: cpt, 32_769: cpt or sft}
