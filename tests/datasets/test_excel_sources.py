"""The first sheet of a workbook is a table of texts; nothing is rounded, shifted or left out unsaid."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError, NovaForgeError, RefusedError
from novaforge.tools.datasets.children import environment
from novaforge.tools.datasets.reading import excel

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


def book(path: Path, *sheets: Sequence[Sequence[Any]]) -> str:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for number, rows in enumerate(sheets):
        sheet = made.create_sheet(f"Sheet {number + 1}")
        for row in rows:
            sheet.append(row)
    made.save(path)
    return str(path)


ROWS: list[list[Any]] = [
    ["Body", "Y", "n"],
    ["a\nb", "HQ", 1],
    ["c,d", None, 1.5],
    [None, None, None],
    ['"', "LQ", True],
]


def test_the_first_sheet_is_a_table_and_the_others_are_named(desk: "Desk") -> None:
    seen = desk.read(book(desk.folder / "data.xlsx", ROWS, [["x"], ["y"]]))
    assert seen.source.columns == ["Body", "Y", "n"] and seen.source.format == "excel"
    assert seen.rows == [["a\nb", "HQ", "1"], ["c,d", "", "1.5"], ['"', "LQ", "TRUE"]]
    assert seen.numbers == [2, 3, 5] and seen.source.blank_lines == 1
    assert "'Sheet 2'" in seen.notes["source-sheets"]


def test_dates_are_iso_and_whole_numbers_have_no_decimals(desk: "Desk") -> None:
    seen = desk.read(
        book(
            desk.folder / "d.xlsx", [["d", "t", "n"], [date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), 12345678901.0]]
        )
    )
    assert seen.rows[0][1:] == ["2026-01-02T03:04:05", "12345678901"] and seen.rows[0][0].startswith("2026-01-02")


def test_empty_rows_and_columns_around_the_table_move_nothing(desk: "Desk") -> None:
    seen = desk.read(book(desk.folder / "d.xlsx", [[None], ["A", "B", None], ["1", "2", None], ["3", "4", "5"], ["6"]]))
    assert seen.rows == [["1", "2"], ["6", ""]] and seen.numbers == [3, 5]
    assert [(reject.line, reject.reason) for reject in seen.rejects] == [(4, "more cells than the header")]


def test_a_table_in_the_middle_of_a_sheet_is_found(desk: "Desk") -> None:
    seen = desk.read(book(desk.folder / "d.xlsx", [[], [], [None, None, "A", "B"], [None, None, "x", 1]]))
    assert seen.source.columns == ["A", "B"] and seen.rows == [["x", "1"]] and seen.numbers == [4]


def test_a_name_given_twice_an_empty_sheet_and_no_workbook_are_errors(desk: "Desk") -> None:
    with pytest.raises(InputError, match="same name: 'A'"):
        desk.read(book(desk.folder / "a.xlsx", [["A", "A"], [1, 2]]))
    with pytest.raises(InputError, match="no rows"):
        desk.read(book(desk.folder / "b.xlsx", []))
    with pytest.raises(NovaForgeError):
        desk.read(desk.write("c.xlsx", b"PK\x03\x04 nothing"))


def test_a_workbook_that_unpacks_to_too_much_is_refused(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(desk.folder / "a.xlsx", ROWS)
    monkeypatch.setattr(excel, "MOST_UNPACKED", 1000)
    with pytest.raises(RefusedError, match="unpacked") as caught:
        desk.read(path)
    assert "CSV" in caught.value.fix
    monkeypatch.setattr(excel, "MOST_BYTES", 100)
    with pytest.raises(RefusedError, match="read as a whole"):
        desk.read(path)


def test_another_writers_workbook_gives_the_same_rows(desk: "Desk") -> None:
    path = str(desk.folder / "w.xlsx")
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for number, row in enumerate(ROWS):
            sheet.write_row(number, 0, row)
    assert desk.read(path).rows == desk.read(book(desk.folder / "o.xlsx", ROWS)).rows


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Path(book(tmp_path_factory.mktemp("book") / "a.xlsx", ROWS)).read_bytes()


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 0.999), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_workbooks_end_in_rows_or_our_error(
    new_desk: Any, workbook: bytes, share: float, byte: int, cut: bool
) -> None:
    place = int(share * len(workbook))
    bad = workbook[: place + 1] if cut else workbook[:place] + bytes([byte]) + workbook[place + 1 :]
    with new_desk() as desk:
        try:
            desk.read(desk.write("b.xlsx", bad))
        except NovaForgeError as error:
            assert error.fix


def test_two_cells_in_far_corners_cost_an_error_and_not_the_process(desk: "Desk") -> None:
    path = str(desk.folder / "far.xlsx")
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["Body", "Y"])
        sheet.write(1_048_575, 16_383, "x")
    assert Path(path).stat().st_size < 10_000
    with pytest.raises(InputError, match="far from all others"):
        desk.read(path)


def test_a_workbook_is_read_without_the_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    given = environment()
    assert "secret" not in given.values() and given["OMP_NUM_THREADS"] == "1" and given["PATH"]


def test_a_row_of_a_sheet_over_the_longest_is_rejected(desk: "Desk") -> None:
    rows = [["a"] * 40, ["x"] * 40, ["y" * 32_000] * 40, ["z"] * 40]
    rows[0] = [f"c{number}" for number in range(40)]
    seen = desk.read(book(desk.folder / "long.xlsx", rows))
    assert seen.numbers == [2, 4] and [reject.reason for reject in seen.rejects] == ["row over 1 MB"]
