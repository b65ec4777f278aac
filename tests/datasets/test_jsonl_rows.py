"""JSON Lines are read line by line; what cannot be read is named, never dropped."""

import io
import json
from typing import Any

import orjson
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.reading.batch import BLOCK_BYTES
from novaforge.tools.datasets.reading.encoding import other_encoding
from novaforge.tools.datasets.reading.files import SourceFile, Stamp
from novaforge.tools.datasets.reading.jsonl_rows import JsonlDecoder
from novaforge.tools.datasets.reading.line_layouts import JsonlLayout
from novaforge.tools.datasets.reading.opened import OpenedFile, Tap
from novaforge.tools.datasets.rows import DUPLICATE_KEY, ROW_BYTES, Line, Reject


def read_jsonl(data: bytes, block: int = BLOCK_BYTES) -> tuple[JsonlDecoder, list[Line], list[Reject]]:
    rejects: list[Reject] = []
    layout = JsonlLayout()
    opened = OpenedFile(SourceFile("data.jsonl", Stamp(len(data))), Tap(io.BytesIO(data)), block)
    rows = list(layout.decoder.sequence(layout.batches(0, opened), rejects.append))
    return layout.decoder, rows, rejects


def test_every_bad_line_is_named_with_its_reason_and_never_quoted() -> None:
    data = b'{"a":1}\n{"secret": \n[1,2]\n"text"\n\n{"b":"\xff"}\r\n{"c":2}'
    reader, lines, rejects = read_jsonl(data)
    assert [(line.number, line.record) for line in lines] == [(1, {"a": 1}), (7, {"c": 2})]
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (2, "not JSON"),
        (3, "not a JSON object"),
        (4, "not a JSON object"),
        (6, "not UTF-8"),
    ]
    assert "secret" not in str(rejects) and reader.blank_lines == 1


def test_a_line_over_the_limit_is_one_reject_and_the_lines_around_it_stay() -> None:
    for size in (ROW_BYTES, 4 * ROW_BYTES):
        data = b'{"a":1}\n{"b":"' + b"x" * size + b'"}\n{"c":2}\n'
        _, lines, rejects = read_jsonl(data)
        assert [line.number for line in lines] == [1, 3]
        assert rejects == [Reject(2, "row over 1 MB")]


def test_a_last_line_over_the_limit_without_line_feed_is_a_reject() -> None:
    _, lines, rejects = read_jsonl(b'{"a":1}\n{"b":"' + b"x" * (3 * ROW_BYTES) + b'"}')
    assert [line.number for line in lines] == [1]
    assert rejects == [Reject(2, "row over 1 MB")]


def test_nesting_without_end_is_a_reject_not_a_crash() -> None:
    _, lines, rejects = read_jsonl(b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b'\n{"b":2}\n')
    assert [line.number for line in lines] == [2] and [reject.reason for reject in rejects] == ["not JSON"]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=4)


@settings(max_examples=80, deadline=None)
@given(st.lists(OBJECTS, max_size=10), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_objects_come_back_as_they_were_written(rows: list[dict[str, Any]], end: bytes, mark: bool) -> None:
    data = (b"\xef\xbb\xbf" if mark else b"") + b"".join(orjson.dumps(row) + end for row in rows)
    _, lines, rejects = read_jsonl(data)
    assert [line.record for line in lines] == rows and not rejects
    assert [line.number for line in lines] == list(range(1, len(rows) + 1))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=10))
@example([b"\xef\xbb\xbf"])
@example([b"\xef\xbb\xbf", b""])
def test_any_bytes_end_in_rows_rejects_or_blank_lines(pieces: list[bytes]) -> None:
    data = b"\n".join(pieces)
    assume(other_encoding(data) is None)  # their line ends are not single bytes
    reader, lines, rejects = read_jsonl(data)
    present = data.removeprefix(b"\xef\xbb\xbf")
    wanted = present.count(b"\n") + (1 if present and not present.endswith(b"\n") else 0)
    assert len(lines) + len(rejects) + reader.blank_lines == wanted


@pytest.mark.parametrize("mark", [b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"])
def test_a_file_of_nothing_but_the_mark_of_an_encoding_has_no_rows(mark: bytes) -> None:
    reader, lines, rejects = read_jsonl(mark)
    assert (lines, rejects, reader.blank_lines) == ([], [], 0)


def same_numbers(value: Any) -> Any:
    """Return a value whose numbers tell 1 from 1.0 and from True."""
    if isinstance(value, dict):
        return {name: same_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [same_numbers(item) for item in value]
    return (type(value).__name__, value)


BIG = st.integers(-(2**70), 2**70) | st.sampled_from([2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**18, 10**19, 10**40])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), BIG | st.floats(allow_nan=False, allow_infinity=False), max_size=3),
        min_size=1,
    )
)
def test_no_number_changes_unsaid(rows: list[dict[str, Any]]) -> None:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    _, lines, rejects = read_jsonl(data)
    fine = [all(type(n) is float or -(2**63) <= n < 2**64 for n in row.values()) for row in rows]
    assert [line.number for line in lines] == [index for index, good in enumerate(fine, 1) if good]
    assert [same_numbers(line.record) for line in lines] == [
        same_numbers(row) for row, good in zip(rows, fine, strict=True) if good
    ]
    assert {reject.reason for reject in rejects} <= {"number beyond 64 bits"}


@pytest.mark.parametrize("spaces", [("", ""), (" ", " "), ("\t", ""), ("  ", "\r")])
@pytest.mark.parametrize("inner", ["plain", 'a \\" : b', "\\u0022\\u003a", "\\\\", 'x\\\\\\":'])
def test_a_key_that_comes_twice_is_a_reject_wherever_it_stands(spaces: tuple[str, str], inner: str) -> None:
    colon = f"{spaces[0]}:{spaces[1]}"
    rows = [
        f'{{"t"{colon}"{inner}","u"{colon}1}}',
        f'{{"t"{colon}"{inner}","t"{colon}"{inner}"}}',
        f'{{"t"{colon}[{{"x"{colon}"{inner}","x"{colon}null}}]}}',
        f'{{"{inner}"{colon}"{inner}","t"{colon}{{"{inner}"{colon}2}}}}',
    ]
    _, lines, rejects = read_jsonl("\n".join(rows).encode())
    assert [line.number for line in lines] == [1, 4]
    assert [(reject.line, reject.reason) for reject in rejects] == [(2, DUPLICATE_KEY), (3, DUPLICATE_KEY)]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"'])
def test_what_json_has_no_way_to_say_is_a_reject(value: str) -> None:
    _, lines, rejects = read_jsonl(f'{{"a":1}}\n{{"a":{value}}}\n'.encode())
    assert len(lines) == 1 and [reject.reason for reject in rejects] == ["not JSON"]


def test_rows_deeper_than_can_be_written_are_rejects() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    _, lines, rejects = read_jsonl(b'{"a":1}\n' + deep + b'\n{"b":2}\n')
    assert len(lines) == 2 and [reject.reason for reject in rejects] == ["nested too deeply"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=30) | OBJECTS.map(orjson.dumps), max_size=20), st.integers(1, 60))
def test_blocks_of_any_size_give_the_same_rows_and_rejects(pieces: list[bytes], block: int) -> None:
    data = b"-" * 99 + b"\n" + b"\n".join(pieces)
    decoder, lines, rejects = read_jsonl(data, block)
    again, same_lines, same_rejects = read_jsonl(data)
    assert (lines, rejects, decoder.blank_lines) == (same_lines, same_rejects, again.blank_lines)
