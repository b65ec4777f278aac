"""The encoding is found out, stated, and changes no character; what cannot be decoded costs its row only."""

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.reading.encoding import Utf8, guess_single_byte

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

TEXTS = ["naïve café", "“quoted” • dot", "a\r\nb\rc\n", "€ 5", "plain", "Zürich"]
TABLE = [["Body", "Y"], *[[text, "x"] for text in TEXTS * 20]]


def table(rows: list[list[str]] = TABLE, delimiter: str = ",") -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8 with BOM"), ("utf-16", "UTF-16LE"), ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"), ("utf-32", "UTF-32LE"), ("cp1252", "Windows-1252"),
    ],
)  # fmt: skip
def test_every_encoding_gives_the_same_cells(desk: "Desk", codec: str, said: str) -> None:
    seen = desk.read(desk.write("data.csv", table().encode(codec)))
    assert seen.rows == TABLE[1:] and not seen.rejects and seen.source.columns == ["Body", "Y"]
    assert seen.source.encoding == said
    assert ("source-encoding" in seen.notes) == (not said.startswith("UTF-8"))


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_every_delimiter_is_found(desk: "Desk", delimiter: str) -> None:
    rows = [["Body", "Y"], *[[f'a, b; "c" | {index}\t\n', "x"] for index in range(30)]]
    seen = desk.read(desk.write("data.csv", table(rows, delimiter)))
    assert seen.rows == rows[1:] and seen.source.delimiter == delimiter
    assert ("source-delimiter" in seen.notes) == (delimiter != ",")


def test_quotes_without_meaning_in_a_tab_separated_file_are_text(desk: "Desk") -> None:
    seen = desk.read(desk.write("data.tsv", 'Body\tY\n"hello" he said\tx\n"5 inch\ty\n' + "a\tb\n" * 9))
    assert seen.rows[:2] == [['"hello" he said', "x"], ['"5 inch', "y"]] and not seen.rejects
    assert "quotes are read as text" in seen.notes["source-delimiter"]


def test_one_damaged_line_leaves_a_utf_8_file_what_it_is(desk: "Desk") -> None:
    data = table().encode() + b"broken \xe9 line,x\n" + "später,y\n".encode() * 3
    seen = desk.read(desk.write("data.csv", data))
    assert seen.source.encoding == "UTF-8" and len(seen.rows) == len(TABLE) + 2
    assert [reject.reason for reject in seen.rejects] == ["not UTF-8"]


def test_an_encoding_that_shows_after_many_megabytes_is_still_found(desk: "Desk") -> None:
    plain = b"x" * 99 + b",a\n"
    data = b"Body,Y\n" + plain * 20_000 + "café,a\nnaïve,b\n".encode("cp1252") * 10
    seen = desk.read(desk.write("data.csv", data))
    assert seen.source.encoding == "Windows-1252" and seen.rows[-1] == ["naïve", "b"] and len(seen.rows) == 20_020


@pytest.mark.parametrize("text", ["Привет, как дела сегодня", "こんにちは世界"])
def test_other_single_byte_and_east_asian_encodings_are_not_taken_for_windows_1252(desk: "Desk", text: str) -> None:
    codec = "cp1251" if text.startswith("П") else "shift_jis"
    rows = b"".join(f'"{text}",x\n'.encode(codec) for _ in range(20))
    seen = desk.read(desk.write("data.csv", b"Body,Y\n" + rows + b"plain,y\n"))
    assert seen.source.encoding == "UTF-8" and seen.rows == [["plain", "y"]] and len(seen.rejects) == 20


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_half_a_character_costs_its_row_only(desk: "Desk", codec: str) -> None:
    mark = "\ufeff"
    good = (mark + "".join(json.dumps({"q": f"ä{index}"}, ensure_ascii=False) + "\n" for index in range(20))).encode(
        codec
    )
    bad = (
        '{"q":"'.encode(codec)
        + {"utf-16-le": b"\x00\xd8", "utf-16-be": b"\xd8\x00", "utf-32-le": b"\x00\xd8\0\0"}[codec]
    )
    data = good + bad + '"}\n{"q":"last"}\n'.encode(codec)
    seen = desk.read(desk.write("data.jsonl", data))
    assert len(seen.rows) == 21 and seen.rows[-1] == {"q": "last"}
    assert [(reject.line, reject.reason) for reject in seen.rejects] == [(21, "not UTF-8")]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_blocks_of_any_size_give_the_same_text(data: bytes, size: int) -> None:
    def text(step: int) -> bytes:
        return b"".join(Utf8(data[start : start + step] for start in range(0, len(data), step)))

    assert text(size) == text(1000)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=20),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_no_character_changes_on_the_way(texts: list[str], codec: str) -> None:
    # Something in front keeps the first character from being taken for a mark of the encoding.
    text = "-" * 99 + "\n".join(texts)
    data = text.encode(codec)
    assert b"".join(Utf8(iter([data[:7], data[7:]]))).decode() == text


def test_bytes_that_are_no_text_have_no_encoding() -> None:
    assert guess_single_byte("Größe".encode("cp1252")) == "CP1252"
    assert guess_single_byte(b"\x93\x02\xfa\x11\xe9") == ""
