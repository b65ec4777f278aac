"""JSON Lines are read line by line; what cannot be read is named, never dropped."""

import io
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.reading.batch import BLOCK_BYTES
from novaforge.tools.datasets.reading.files import SourceFile, Stamp
from novaforge.tools.datasets.reading.jsonl_rows import JsonlDecoder
from novaforge.tools.datasets.reading.line_layouts import JsonlLayout
from novaforge.tools.datasets.reading.opened import OpenedFile, Tap
from novaforge.tools.datasets.rows import ROW_BYTES, Line, Reject


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
def test_any_bytes_end_in_rows_rejects_or_blank_lines(pieces: list[bytes]) -> None:
    data = b"\n".join(pieces)
    reader, lines, rejects = read_jsonl(data)
    present = data.removeprefix(b"\xef\xbb\xbf")
    wanted = present.count(b"\n") + (1 if present and not present.endswith(b"\n") else 0)
    assert len(lines) + len(rejects) + reader.blank_lines == wanted
