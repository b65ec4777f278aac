"""Plain text becomes rows that together are the text, character by character."""

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.reading.text_layout import PIECE_BYTES, pieces
from novaforge.tools.datasets.rows import ROW_BYTES

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


@pytest.mark.parametrize("name", ["story.txt", "story.md", "story.rst", "story.markdown"])
def test_a_small_file_is_one_row_with_every_character(desk: "Desk", name: str) -> None:
    text = "# Title, or not\r\n\r\nA line with “quotes”.\n\n- list\n"
    seen = desk.read(desk.write(name, text))
    assert seen.rows == [{"text": text}] and seen.numbers == [1] and seen.source.format == "text"


def test_a_large_file_is_cut_at_blank_lines_and_nothing_is_lost(desk: "Desk") -> None:
    words = random.Random(1)
    text = "".join(
        "wörd " * words.randint(1, 400) + words.choice(["\n", "\n\n", "\r\n\r\n", "\n\n\n"]) for _ in range(2000)
    )
    seen = desk.read(desk.write("book.txt", text))
    texts = [row["text"] for row in seen.rows]
    assert "".join(texts) == text and len(texts) > 50
    assert all(len(piece.encode()) <= PIECE_BYTES and piece.endswith("\n") for piece in texts)
    assert all(piece.endswith(("\n\n", "\n\r\n")) for piece in texts[:-1])
    assert seen.numbers == [1 + "".join(texts[:index]).count("\n") for index in range(len(texts))]


def test_a_line_is_never_cut(desk: "Desk") -> None:
    lines = ["x" * size + "\n" for size in (10, PIECE_BYTES + 5, 20, 3 * PIECE_BYTES, ROW_BYTES + 10, 7)]
    seen = desk.read(desk.write("long.txt", "".join(lines)))
    texts = [row["text"] for row in seen.rows]
    assert all(any(line in text for text in texts) for line in lines if len(line) < ROW_BYTES)
    assert [reject.reason for reject in seen.rejects] == ["row over 1 MB"]


def test_a_folder_of_documents_gives_each_file_its_rows(desk: "Desk") -> None:
    for name in ("b/two.md", "a.txt", "README.md"):
        desk.write(f"docs/{name}", f"text of {name}")
    seen = desk.read(str(desk.folder / "docs"))
    assert [row["text"] for row in seen.rows] == ["text of README.md", "text of a.txt", "text of b/two.md"]
    assert [file.name for file in seen.source.files] == ["README.md", "a.txt", "b/two.md"]


def test_a_table_with_the_suffix_of_text_is_a_table(desk: "Desk") -> None:
    assert desk.read(desk.write("data.txt", "Body,Y\na,b\nc,d\n")).source.format == "csv"
    prose = "Once upon a time, there was a king\nand then, of course, a queen\nthe end\n"
    assert desk.read(desk.write("story.txt", prose)).source.format == "text"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([b"a" * 9000, b"b" * 40_000, b"\n", b"\n\n", b"\r\n\r\n", b"c"]), max_size=30).map(
        b"".join
    )
)
def test_pieces_follow_each_other_without_gap(data: bytes) -> None:
    found = list(pieces(data, final=True))
    assert [start for start, _ in found] == [0, *[end for _, end in found]][: len(found)]
    assert (found[-1][1] if found else 0) == len(data)
    open_ended = list(pieces(data, final=False))
    assert found[: len(open_ended)] == open_ended and all(data[:end].endswith(b"\n") for _, end in open_ended)
