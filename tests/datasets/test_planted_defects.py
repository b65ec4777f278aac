"""Each defect planted in a clean set is found where it was planted, and on clean sets nothing fires."""

import importlib.util
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

FILE = Path(__file__).parents[2] / "benchmarks" / "planted.py"
ROWS = 800
LOUD = ("warn", "confirm", "block")


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("planted_defects", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


planted = _load()


def _findings(desk: "Desk", rows: Any, other: Any) -> list[Any]:
    planted.write(desk.folder / "rows.jsonl", rows)
    planted.write(desk.folder / "other.jsonl", other)
    result = desk.validate(str(desk.folder / "rows.jsonl"), against=str(desk.folder / "other.jsonl"))
    return [item for item in result.findings if item.rule.startswith(("DA11-", "DQ"))]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_fires_on_a_clean_set(desk: "Desk", seed: int) -> None:
    found = _findings(desk, planted.clean(seed, ROWS), planted.clean(seed + 1000, ROWS // 4))
    assert [item for item in found if item.severity in LOUD] == []


@pytest.mark.parametrize("name", planted.DEFECTS)
def test_a_planted_defect_is_found_and_nothing_of_it_is_quoted(desk: "Desk", name: str) -> None:
    made = planted.DEFECTS[name](planted.clean(3, ROWS), planted.clean(1003, ROWS // 4), random.Random(3))
    found = _findings(desk, made.rows, made.other)
    hits = [item for item in found if item.rule in made.rules]
    assert {item.rule for item in hits} == set(made.rules) and all(item.severity in LOUD for item in hits), found
    if made.lines:
        # One finding for each kind of secret; together they name the lines planted, and no other.
        assert sum(item.count for item in hits) == len(made.lines)
        assert min(item.line for item in hits) == made.lines[0]
    texts = " ".join(item.message + item.fix for item in found)
    assert not any(query in texts for query, _ in made.rows)
    assert not any(mark in texts for mark in ("AKIA", "ghp_", "@mail-"))


def test_a_shortcut_is_named_with_its_precision_and_recall(desk: "Desk") -> None:
    made = planted.shortcut(planted.clean(5, ROWS), planted.clean(1005, ROWS // 4), random.Random(5))
    (message,) = [item.message for item in _findings(desk, made.rows, made.other) if item.rule == "DQ2-shortcut"]
    assert "billing" in message and "%" in message
    assert "precision" in message and "recall" in message


def test_the_shortcut_of_the_case_study_is_named(desk: "Desk") -> None:
    data = FILE.parents[2] / "shared" / "data" / "stackoverflow" / "sft.csv"
    if not data.is_file():
        pytest.skip(f"the sample data are not at {data}")
    from novaforge.tools.aws.session import Aws
    from novaforge.tools.aws.storage import Storage

    ctx = desk.context(storage=Storage(Aws(), (desk.folder, data.parent)))
    result = desk.transform(str(data), ctx=ctx, columns={"query": "Body", "response": "Y"})
    (hit,) = [item for item in desk.validate(result.files[0].uri, ctx=ctx).findings if item.rule == "DQ2-shortcut"]
    assert "LQ_EDIT" in hit.message and hit.severity == "warn"
