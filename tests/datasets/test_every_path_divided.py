"""Rows of every shape are divided, compared and filtered for every target: each is written as it would be alone, or counted."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.tools.datasets.results import TransformResult
from novaforge.tools.datasets.tool import transform_dataset
from tests.datasets.test_every_path import CASES, WAYS, _given

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

COPIES = {"exact_duplicates": True, "near_duplicates": True}
OPTIONS: dict[str, dict[str, Any]] = {
    "ratios": {"split": {"train": 0.5, "test": 0.5}},
    "counts": {"split": {"train": 9, "test": 4}},
    "copies": {"filters": COPIES},
    "counts without copies": {"split": {"train": 5, "test": 3}, "filters": {**COPIES, "max_chars": 5000}},
}


def _records(name: str) -> list[Any]:
    """Return twenty rows, of which the last two say what the first two do."""
    # Instances of one instruction stay together, so the instructions differ as well.
    text = json.dumps(WAYS[name].record).replace('"What"', '"What colour?"')
    assert "colour?" in text, "each row asks something else"
    return [json.loads(text.replace("colour?", f"colour has thing {number % 18}?")) for number in range(20)]


def _lines(result: TransformResult) -> Counter[str]:
    lines = (line for file in result.files for line in Path(file.uri).read_text(encoding="utf-8").splitlines())
    return Counter(lines)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(("name", "method"), sorted({(name, method) for name, method, _ in CASES}))
def test_each_row_is_written_as_it_would_be_alone_or_counted(desk: "Desk", name: str, method: str, option: str) -> None:
    source = desk.jsonl(_records(name))
    whole, divided = (
        transform_dataset(
            desk.ctx,
            source=source,
            target=str(desk.folder / target),
            method=cast(Any, method),
            **_given(method),
            **more,
        )
        for target, more in (("whole", {}), ("divided", OPTIONS[option]))
    )
    assert whole.rows_written == whole.rows_read == 20
    assert divided.rows_read == divided.rows_written + divided.rows_unused + cast(int, divided.rejected["rows"]) == 20
    assert not _lines(divided) - _lines(whole), "a row is not what it was, or is written twice"
    if "split" in OPTIONS[option]:
        assert len(divided.files) == 2 and all(file.rows for file in divided.files)
    if option == "counts":
        # Rows of equal queries stay together, which may move a cut by one.
        assert all(abs(file.rows - asked) <= 1 for file, asked in zip(divided.files, (9, 4), strict=True))
    if "filters" in OPTIONS[option]:
        assert cast(int, divided.rejected["rows"]) >= 2
