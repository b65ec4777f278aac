"""Columns beside the logical ones come along only where they are asked for by name, and only where rows have a place."""

from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.tool import transform_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ASKED = {"query": "q", "response": "a"}


def refused(desk: "Desk", columns: dict[str, str], method: str = "RFT_LORA") -> InputError:
    with pytest.raises(InputError) as caught:
        desk.transform(desk.csv([("x", "y", "z")], ("q", "a", "level")), method=method, columns=columns)
    return caught.value


def test_no_column_comes_along_that_was_not_asked_for(desk: "Desk", read: Any) -> None:
    source = desk.csv([("x", "y", "hard")], ("q", "a", "level"))
    (row,) = read(desk.transform(source, method="RFT_LORA", columns=ASKED).files[0].uri)
    assert set(row) == {"id", "messages", "reference_answer"}


def test_cells_asked_for_keep_their_text_under_the_name_given(desk: "Desk", read: Any) -> None:
    source = desk.csv([("x", "y", " 01 ", "")], ("q", "a", "level", "note"))
    columns = {**ASKED, "extra.difficulty": "level", "extra.note": "note"}
    (row,) = read(desk.transform(source, method="RFT_LORA", columns=columns).files[0].uri)
    assert (row["difficulty"], row["note"], row["reference_answer"]) == (" 01 ", "", "y")


def test_json_values_asked_for_keep_their_type_and_absent_ones_stay_absent(desk: "Desk", read: Any) -> None:
    source = desk.jsonl([{"q": "x", "a": "y", "n": 1.5, "o": {"k": [1]}}, {"q": "x2", "a": "y"}])
    columns = {**ASKED, "extra.n": "n", "extra.o": "o"}
    rows = read(desk.transform(source, method="RFT_LORA", columns=columns).files[0].uri)
    assert [(row.get("n"), row.get("o")) for row in rows] == [(1.5, {"k": [1]}), (None, None)]


def test_flat_rows_of_serverless_take_them_too(desk: "Desk", read: Any) -> None:
    source = desk.csv([("x", "hard")], ("q", "level"))
    result = transform_dataset(
        desk.ctx, source=source, target=str(desk.folder / "out"), method="RFT_MULTITURN_LORA", model="nova_lite_2",
        platform="serverless", columns={"query": "q", "extra.level": "level"},
    )  # fmt: skip
    (row,) = read(result.files[0].uri)
    assert (row["prompt"], row["level"]) == ("x", "hard")


def test_other_rows_have_no_place_for_them(desk: "Desk") -> None:
    error = refused(desk, {**ASKED, "extra.level": "level"}, "SFT_LORA")
    assert "no place" in error.message and "RFT" in error.fix


@pytest.mark.parametrize("name", ["extra.", "extra. ", "extra.messages", "extra.reference_answer"])
def test_a_key_of_the_format_is_never_replaced(desk: "Desk", name: str) -> None:
    error = refused(desk, {**ASKED, name: "level"})
    assert error.data["field"] == "columns" and "messages" in error.fix
