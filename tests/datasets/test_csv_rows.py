"""CSV is read cell for cell and line for line, whatever the bytes are."""

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.reading.batch import BLOCK_BYTES
from novaforge.tools.datasets.reading.csv_rows import COMMA, Dialect
from novaforge.tools.datasets.reading.files import SourceFile, Stamp
from novaforge.tools.datasets.reading.line_layouts import CsvLayout
from novaforge.tools.datasets.reading.opened import OpenedFile, Tap
from novaforge.tools.datasets.rows import ROW_BYTES, Line, Reject


def open_csv(data: bytes, dialect: Dialect = COMMA, block: int = 0) -> tuple[OpenedFile, CsvLayout]:
    file = SourceFile("data.csv", Stamp(len(data)))
    opened = OpenedFile(file, Tap(io.BytesIO(data)), block or BLOCK_BYTES)
    return opened, CsvLayout(opened, dialect)


def read_csv(data: bytes, block: int = BLOCK_BYTES) -> tuple[CsvLayout, list[Line], list[Reject]]:
    rejects: list[Reject] = []
    opened, layout = open_csv(data, block=block)
    return layout, list(layout.decoder.sequence(layout.batches(0, opened), rejects.append)), rejects


def cells(data: bytes, block: int = BLOCK_BYTES) -> list[list[str]]:
    return [list(line.record) for line in read_csv(data, block)[1]]


def test_a_cell_with_line_breaks_of_both_kinds_keeps_every_byte() -> None:
    assert cells(b'Body,Y\r\n"a\r\nb\n\nc\r",x\r\n') == [["a\r\nb\n\nc\r", "x"]]


def test_a_row_is_named_by_the_physical_line_it_begins_on() -> None:
    _, lines, _ = read_csv(b'Body,Y\n"a\nb\nc",x\n\nd,y\n"e\n",z')
    assert [line.number for line in lines] == [2, 6, 7]


def test_short_and_long_rows_are_rejected_and_never_padded_or_shifted() -> None:
    _, lines, rejects = read_csv(b"Body,Y\na\nb,c,d\ne,f\n")
    assert [line.record for line in lines] == [["e", "f"]]
    assert rejects == [
        Reject(2, "fewer cells than the header", "1 of 2"),
        Reject(3, "more cells than the header", "3 of 2"),
    ]


def test_a_byte_that_is_not_utf8_costs_its_row_only_and_names_its_line() -> None:
    reader, lines, rejects = read_csv(b'Body,Y\ngood,1\n"two\nlines \x96",2\nalso good,3\n')
    assert [line.record for line in lines] == [["good", "1"], ["also good", "3"]]
    assert rejects == [Reject(3, "not UTF-8", "line 4")]
    assert reader.decoder.guess == "CP1252"


def test_a_malformed_row_that_is_also_not_utf8_does_not_spoil_the_next_one() -> None:
    _, lines, rejects = read_csv(b'Body,Y\n"a"\xff,1\nb,2\n')
    assert [reject.line for reject in rejects] == [2]
    assert [line.record for line in lines] == [["b", "2"]]


def test_text_after_a_closing_quote_is_rejected_rather_than_glued_on() -> None:
    _, lines, rejects = read_csv(b'Body,Y\n"a"b,1\nc,2\n')
    assert [(reject.line, reject.reason) for reject in rejects] == [(2, "malformed CSV")]
    assert [line.number for line in lines] == [3]


def test_a_quote_inside_an_unquoted_cell_is_just_a_character() -> None:
    assert cells(b'Body,Y\na 5" disk,1\nb,2\n') == [['a 5" disk', "1"], ["b", "2"]]


@pytest.mark.parametrize("size", [ROW_BYTES + 1, 3 * ROW_BYTES, 5 * ROW_BYTES])
@pytest.mark.parametrize("line_break", [b"", b"\n", b'\n""'])
def test_a_row_over_the_limit_is_one_reject_and_the_rows_around_it_stay(size: int, line_break: bytes) -> None:
    step = 1000 if line_break else size
    big = line_break.join(b"x" * step for _ in range(0, size, step))
    _, lines, rejects = read_csv(b'Body,Y\nbefore,1\n"' + big + b'",2\nafter,"3\n4"\n')
    assert [line.record for line in lines] == [["before", "1"], ["after", "3\n4"]]
    breaks = big.count(b"\n")
    assert rejects == [Reject(3, "row over 1 MB", "", last=3 + breaks if breaks else 0)]
    assert lines[-1].number == 4 + big.count(b"\n")


def test_a_row_of_many_cells_over_the_limit_is_rejected_too() -> None:
    data = b"A,B,C\n" + b",".join([b"x" * 400_000] * 3) + b"\na,b,c\n"
    _, lines, rejects = read_csv(data)
    assert [reject.reason for reject in rejects] == ["row over 1 MB"]
    assert [line.number for line in lines] == [3]


def test_the_limit_counts_bytes_not_characters() -> None:
    _, lines, rejects = read_csv(b"Body,Y\n" + ("é" * (ROW_BYTES // 2 + 1)).encode() + b",1\n")
    assert not lines and [reject.reason for reject in rejects] == ["row over 1 MB"]


def test_a_quote_that_is_never_closed_is_a_reject_not_a_flood_of_memory() -> None:
    _, lines, rejects = read_csv(b'Body,Y\ngood,1\n"open,2\n' + b"more,3\n" * 400_000)
    assert [line.record for line in lines] == [["good", "1"]]
    assert len(rejects) == 1 and rejects[0].line == 3


@pytest.mark.parametrize("end", [b"", b'"fine",9\n', b'ends in a quote"\n'])
def test_a_reject_says_how_many_lines_an_open_quote_took_with_it(end: bytes) -> None:
    _, lines, rejects = read_csv(b'Body,Y\ngood,1\n"open,2\n' + b"lost,3\n" * 100 + end)
    assert [line.record for line in lines] == [["good", "1"]]
    assert (rejects[0].line, rejects[0].lines) == (3, 101 + bool(end))


def test_a_line_that_is_no_table_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="does not end"):
        read_csv(b"Body,Y\n" + b'","' * (6 * ROW_BYTES))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no rows"),
        (b"\n\n", "no rows"),
        (b"A,B,A\n1,2,3\n", "same name: 'A'"),
        (b"A,B\xff\n1,2\n", "not UTF-8"),
        (b'A,"B"x\n1,2\n', "malformed CSV"),
        (b"A,B\r1,2\r3,4\r", "carriage returns only"),
    ],
)
def test_a_header_that_cannot_be_used_is_an_error(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_csv(data)
    assert said in caught.value.message and caught.value.fix


def test_a_byte_order_mark_is_not_part_of_the_first_name() -> None:
    reader, lines, _ = read_csv(b"\xef\xbb\xbfBody,Y\na,b\n")
    assert reader.columns == ["Body", "Y"] and len(lines) == 1


def test_blank_lines_are_counted_and_are_no_rows() -> None:
    reader, lines, rejects = read_csv(b"Body,Y\n\na,b\n\r\n\n")
    assert (len(lines), rejects, reader.decoder.blank_lines) == (1, [], 3)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_every_text_comes_back_as_it_was_written(rows: list[tuple[str, str]], end: str) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("Body", "Y"), *rows])
    data = buffer.getvalue().encode("utf-8")
    _, lines, rejects = read_csv(data)
    assert not rejects
    assert [tuple(line.record) for line in lines] == rows
    starts = [1 + data[: data.index(b"\n") + 1].count(b"\n")] if rows else []
    assert [line.number for line in lines][:1] == starts


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=30_000), min_size=1, max_size=4))
def test_rows_that_straddle_the_blocks_read_at_a_time_are_whole(sizes: list[int]) -> None:
    rows = [(chr(0xE9 + index) * (size // 2) + "\n", str(size)) for index, size in enumerate(sizes)]
    data = "Body,Y\n" + "".join(f'"{body}",{label}\n' for body, label in rows)
    assert [tuple(row) for row in cells(data.encode("utf-8"), 10_000)] == rows


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_end_in_rows_rejects_or_our_error(data: bytes) -> None:
    _account_for(data, lambda: data)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b"\xff", b"\xc3\xa9", b"\0", b'""']), max_size=60))
def test_any_mix_of_quotes_and_breaks_ends_in_rows_rejects_or_our_error(pieces: list[bytes]) -> None:
    _account_for(b"A,B\n" + b"".join(pieces), lambda: b"A,B\n")


def _account_for(data: bytes, note: Callable[[], bytes]) -> None:
    try:
        reader, lines, rejects = read_csv(data)
    except InputError as error:
        assert error.fix
        return
    numbers = sorted([*(line.number for line in lines), *(reject.line for reject in rejects)])
    assert numbers == sorted(set(numbers)), "two rows begin on one line"
    assert all(1 < number <= data.count(b"\n") + 1 for number in numbers)
    assert all(len(line.record) == len(reader.columns) for line in lines)
    assert all("\ufffd" not in cell or b"\xef\xbf\xbd" in data for line in lines for cell in line.record)
