"""JSON of every layout is read element by element; nothing in an element changes, and a broken one is named."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError, NovaForgeError
from novaforge.tools.datasets.reading.json_split import Elements
from novaforge.tools.datasets.rows import ROW_BYTES

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', "\\", '\\"', "[{", "}],", "\n"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES, max_size=6), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_the_elements_of_any_array_come_whole_from_blocks_of_any_size(
    values: list[Any], size: int, indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    elements = Elements(blocks(data[1:] + b" \n", size), "x")
    assert [json.loads(element) for element in elements] == values
    assert elements.closed and elements.tidy


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"a", b"1", b" ", b"\n"])).map(
        b"".join
    ),
    st.integers(1, 9),
)
def test_any_bytes_end_in_elements_that_hold_every_byte_but_blanks_and_commas(soup: bytes, size: int) -> None:
    elements = Elements(blocks(soup, size), "x")
    found = list(elements)
    if not elements.closed:
        kept, given_out = (
            soup.translate(None, b", \n\t\r\x0b\x0c"),
            b"".join(found).translate(None, b", \n\t\r\x0b\x0c"),
        )
        assert given_out == kept
    again = Elements(blocks(soup, 100), "x")
    assert list(again) == found and (again.closed, again.tidy) == (elements.closed, elements.tidy)


@pytest.mark.parametrize("inner", ["text", "list", "nested"])
def test_an_element_over_the_limit_is_skipped_without_being_kept(inner: str) -> None:
    big: Any = {
        "text": "x\\" * ROW_BYTES,
        "list": ["y" * 9] * (ROW_BYTES // 9),
        "nested": [{"z": "w"}] * (ROW_BYTES // 8),
    }[inner]
    data = orjson.dumps([{"a": 1}, {"b": big, "c": [big]}, {"d": "}"}])
    elements = Elements(blocks(data[1:], 70_000), "x", longest=ROW_BYTES)
    assert list(elements) == [b'{"a":1}', b"", b'{"d":"}"}'] and elements.closed


def test_the_memory_of_an_array_is_that_of_its_largest_row() -> None:
    most = 0
    elements = Elements((b'{"a":"' + b"x" * 5000 + b'"},' for _ in range(5000)), "x")
    for _ in elements:
        most = max(most, elements.held)
    assert most < 20_000


ROWS = [{"q": f"a\n{index}", "n": [index, {"x": None}]} for index in range(50)]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff  \r\n" + json.dumps(ROWS, indent="\t").replace("\n", "\r\n"),
        json.dumps({"version": "1", "count": 3, "tags": ["a", {}], "data": ROWS, "end": {"x": [1]}}),
        json.dumps({"meta": {"list": []}, "body": {"rows": ROWS}}, indent=1),
        "\n".join(map(json.dumps, ROWS)),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
        "".join(map(json.dumps, ROWS)),
    ],
)
def test_every_layout_gives_the_same_rows_in_order(desk: "Desk", content: str) -> None:
    seen = desk.read(desk.write("data.json", content))
    assert seen.rows == ROWS and not seen.rejects
    assert len(set(seen.numbers)) == 50 and seen.numbers == sorted(seen.numbers)


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user"}]},
        {"instruction": "x", "instances": [{"input": "a"}, {"input": "b"}]},
        {"a": 1},
        {},
    ],
)
def test_one_object_is_one_row_with_the_lists_that_belong_to_it(desk: "Desk", row: Any) -> None:
    for indent in (None, 4):
        assert desk.read(desk.write("one.json", json.dumps(row, indent=indent))).rows == [row]


def test_what_is_no_object_or_no_json_is_a_reject_with_its_place(desk: "Desk") -> None:
    content = (
        b'[{"a":1}, 5, "text", null, [1], {"b":\n}, {"c":"raw\nbreak"}, {"d":NaN}, {"e":1,"e":2}, {"f":2}] trailing'
    )
    seen = desk.read(desk.write("data.json", content))
    assert seen.rows == [{"a": 1}, {"f": 2}] and seen.numbers == [1, 10]
    reasons = [(reject.line, reject.reason) for reject in seen.rejects]
    assert reasons == [
        (2, "not a JSON object"), (3, "not a JSON object"), (4, "not a JSON object"), (5, "not a JSON object"),
        (6, "not JSON"), (7, "not JSON"), (8, "not JSON"), (9, "the same key twice in one JSON object"), (11, "not JSON"),
    ]  # fmt: skip


def test_a_list_that_is_cut_off_is_told_and_its_last_row_rejected(desk: "Desk") -> None:
    seen = desk.read(desk.write("data.json", json.dumps(ROWS)[:-9]))
    assert len(seen.rows) == 49 and [reject.reason for reject in seen.rejects] == ["not JSON"]
    assert "cut off" in seen.notes["source-json-end"]


def test_commas_too_many_or_missing_are_told_and_cost_no_row(desk: "Desk") -> None:
    seen = desk.read(desk.write("data.json", '[{"a":1}{"a":2},,{"a":3},]'))
    assert len(seen.rows) == 3 and not seen.rejects and "commas" in seen.notes["source-json-commas"]


def test_nothing_in_a_file_passes_for_a_reason_of_ours(desk: "Desk") -> None:
    seen = desk.read(desk.write("data.json", b'[{"a":1}, \x00secret\there, {"b":2}]'))
    assert len(seen.rows) == 2 and [(reject.reason, reject.detail) for reject in seen.rejects] == [("not JSON", "")]


def test_several_lists_of_objects_have_to_be_chosen_from(desk: "Desk") -> None:
    with pytest.raises(InputError, match="'train', 'test'") as caught:
        desk.read(desk.write("data.json", json.dumps({"train": ROWS, "test": ROWS})))
    assert caught.value.fix


def test_a_large_nested_list_is_read_as_it_comes(desk: "Desk") -> None:
    rows = [{"q": "x" * 900, "n": index} for index in range(12_000)]
    seen = desk.read(desk.write("data.json", json.dumps({"name": "big", "data": rows}, indent=1)))
    assert len(seen.rows) == 12_000 and seen.rows[-1] == rows[-1]


@pytest.mark.parametrize("content", ["", "  \n", "nonsense", "[", "[]", "{", '"text"', "\x00\x01", '{"a":'])
def test_what_is_hardly_json_is_an_error_or_no_rows(desk: "Desk", content: str) -> None:
    try:
        seen = desk.read(desk.write("data.json", content))
    except NovaForgeError as error:
        assert error.fix
    else:
        assert not seen.rows
