"""Batches read apart give the very rows and rejects that the table read in one piece gives."""

import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.reading.batch import Batch, TornBatchError
from novaforge.tools.datasets.reading.csv_rows import COMMA, Dialect, even_quotes
from novaforge.tools.datasets.reading.files import SourceFile, Stamp
from novaforge.tools.datasets.reading.line_layouts import CsvLayout
from novaforge.tools.datasets.reading.opened import OpenedFile, Tap
from novaforge.tools.datasets.rows import ROW_BYTES, Line, Reject

Outcome = tuple[list[Line], list[Reject], int]
DIALECTS = [COMMA, Dialect(";"), Dialect("\t", quoted=False)]


def layout_of(data: bytes, dialect: Dialect, block: int) -> tuple[CsvLayout, list[Batch]]:
    opened = OpenedFile(SourceFile("data.csv", Stamp(len(data))), Tap(io.BytesIO(data)), block)
    layout = CsvLayout(opened, dialect)
    return layout, list(layout.batches(0, opened))


def in_sequence(data: bytes, dialect: Dialect, block: int = 10**9) -> Outcome:
    layout, batches = layout_of(data, dialect, block)
    rejects: list[Reject] = []
    return list(layout.decoder.sequence(batches, rejects.append)), rejects, layout.decoder.blank_lines


def apart(data: bytes, dialect: Dialect, block: int) -> tuple[Outcome, bool]:
    """Read as several processes do: each batch alone, and from a torn one on in sequence."""
    layout, batches = layout_of(data, dialect, block)
    lines: list[Line] = []
    rejects: list[Reject] = []
    blank = 0
    for index, batch in enumerate(batches):
        layout.decoder.blank_lines = 0
        wrong: list[Reject] = []
        try:
            lines += list(layout.decoder.rows(batch, wrong.append))
        except TornBatchError:
            layout.decoder.blank_lines = 0
            lines += layout.decoder.sequence(batches[index:], rejects.append)
            return (lines, rejects, blank + layout.decoder.blank_lines), True
        rejects += wrong
        blank += layout.decoder.blank_lines
    return (lines, rejects, blank), False


PIECES = [b'"', b",", b"\n", b"\r\n", b"\r", b"a", b"\xff", b"\xc3\xa9", b"\0", b'""', b'"a\nb"', b";", b"\t", b"a,b\n"]
SOUP = st.lists(st.sampled_from(PIECES), max_size=80).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(SOUP, st.integers(1, 12), st.sampled_from(DIALECTS))
@example(b'"a\nb",c\n' * 5, 3, COMMA)
@example(b'5" disk,b\nc,d\n"e\n",f\n' * 3, 4, COMMA)
def test_any_bytes_in_tiny_blocks_give_the_same_rows_and_rejects(soup: bytes, block: int, dialect: Dialect) -> None:
    # A long header: a few zeros in a short file would make it UTF-16.
    data = (b"A" * 999 + b",B\n").replace(b",", dialect.delimiter.encode()) + soup
    whole = in_sequence(data, dialect)
    assert apart(data, dialect, block)[0] == whole
    assert in_sequence(data, dialect, block) == whole


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from([1, 10, ROW_BYTES // 2, ROW_BYTES - 20, ROW_BYTES + 1]), min_size=1, max_size=5),
       st.sampled_from([b"", b"\n", b"\r\n", b'""']), st.booleans(), st.sampled_from([70_000, 917_504]))  # fmt: skip
def test_huge_cells_give_the_same_rows_and_rejects(sizes: list[int], inner: bytes, quoted: bool, block: int) -> None:
    quote = b'"' if quoted else b""
    body = (inner if quoted else b"").join([b"xy"] * 20)
    cells = [(body * (size // len(body) + 1))[: size - size % len(body)] for size in sizes]
    data = b"A,B\n" + b"".join(quote + cell + quote + b",%d\n" % index for index, cell in enumerate(cells))
    assert apart(data, COMMA, block)[0] == in_sequence(data, COMMA, block)


def test_quotes_that_enclose_cells_never_tear_a_batch() -> None:
    data = b"A,B\n" + b'"a\n""b""\r\n",c\n' * 500
    outcome, torn = apart(data, COMMA, 100)
    assert not torn and len(outcome[0]) == 500 and len(layout_of(data, COMMA, 100)[1]) > 20


def test_a_stray_quote_costs_the_rows_of_no_other_batch() -> None:
    data = b"A,B\n" + (b'5" disk,c\n' + b'"a\nb",c\n' * 50) * 20
    outcome, _ = apart(data, COMMA, 300)
    assert len(outcome[0]) == 20 * 51 and not outcome[1]


@pytest.mark.parametrize(
    ("data", "end"),
    [(b"", 0), (b"ab", 0), (b"a\nb", 2), (b'"a\nb', 0), (b'a\n"b\nc', 2), (b'"a\n"\nb', 5), (b'a\n"\n"\n"\n', 6)],
)
def test_a_block_is_cut_after_the_last_line_with_even_quotes(data: bytes, end: int) -> None:
    assert even_quotes(data) == end


def test_an_unclosed_quote_in_a_long_file_is_read_in_bounded_blocks() -> None:
    data = b'A,B\n"open,1\n' + b"more,2\n" * 1_500_000
    layout, batches = layout_of(data, COMMA, 917_504)
    assert max(len(batch.data) for batch in batches) < 6 * ROW_BYTES
    rejects: list[Reject] = []
    with pytest.raises(TornBatchError):
        list(layout.decoder.rows(batches[0], rejects.append))


def test_a_header_over_several_blocks_and_lines_is_one_header() -> None:
    data = b'\n\r\n"first\nname",B\n"x\ny",z\n'
    layout, batches = layout_of(data, COMMA, 3)
    assert layout.columns == ["first\nname", "B"]
    assert [line.number for line in layout.decoder.sequence(batches, lambda reject: None)] == [5]


@pytest.mark.parametrize("data", [b"", b"\n" * 9, b"\r\n"])
def test_a_table_without_a_header_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError, match="no rows"):
        layout_of(data, COMMA, 3)
