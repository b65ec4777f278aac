"""Rules about rows are broken by one row and kept by another; test_every_rule does it for all of them and all combinations."""

import importlib.util
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from novaforge.tools.datasets.checks.tally import rule_finding

_spec = importlib.util.spec_from_file_location("rows_of_formats", Path(__file__).with_name("rows_of_formats.py"))
assert _spec is not None and _spec.loader is not None
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)

Row = dict[str, Any]
FORMATS = examples.FORMATS
GOOD: list[tuple[str, Row]] = [(key, row) for key, rows in examples.GOOD.items() for row in rows]
BAD: list[tuple[str, str, str, Callable[[], Row]]] = examples.BAD


@pytest.mark.parametrize(("key", "row"), GOOD)
def test_a_row_that_keeps_the_rules_has_no_hits(key: str, row: Row) -> None:
    assert FORMATS[key].check(row) == []


@pytest.mark.parametrize(("rule", "key", "path", "make"), BAD, ids=[f"{item[0]}-{item[1]}" for item in BAD])
def test_a_broken_rule_is_found_at_its_place(rule: str, key: str, path: str, make: Callable[[], Row]) -> None:
    hits = [(hit.rule, hit.path) for hit in FORMATS[key].check(make())]
    assert (rule, path) in hits
    assert not any(hit.rule == rule for row in examples.GOOD[key] for hit in FORMATS[key].check(row))


def test_a_finding_says_where_sources_disagree() -> None:
    said = {
        "DA8-format": "jpg",
        "DA4-config": "optional",
        "DA4-result": "text only",
        "DA3-role": "capitals",
        "DA5-model": "documents",
        "DA10-optional": "refuses",
        "DA2": "serverless",
        "DA3-version": "any text",
        "DA4-type": "any type",
        "DA8-count": "serverless",
        "RE4-model": "serverless",
        "DA8-set": "single messages",
        "DA3-rft-silent": "OpenAI",
        "DA3-rft-content": "any list",
        "DA3-rft-answer": "both",
        "DA3-gen-qa-optional": "null",
        "SL1": "65,536",
    }
    for rule, words in said.items():
        assert words in rule_finding(rule).message, rule
    assert "avi" in rule_finding("DA8-format").message and "mkv" in rule_finding("DA8-format").message


@pytest.mark.parametrize("key", FORMATS)
def test_a_format_is_the_same_after_a_trip_to_another_process(key: str) -> None:
    found = pickle.loads(pickle.dumps(FORMATS[key]))
    assert [found.check(row) for row in examples.GOOD[key]] == [[] for _ in examples.GOOD[key]]
    assert [make for _, name, _, make in BAD if name == key and found.check(make()) != FORMATS[key].check(make())] == []
