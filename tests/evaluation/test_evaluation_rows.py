"""Reading inference_output.jsonl."""

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.evaluation import rows
from novaforge.tools.evaluation.rows import Reject, Row, literal, parse_row, read_rows, row_id, strip_markers

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def parsed(line: bytes) -> Row:
    found = parse_row(line, 1)
    assert isinstance(found, Row), found
    return found


def test_a_line_gives_the_answer_inside_the_markers_the_last_question_and_the_id(line: Callable[..., bytes]) -> None:
    row = parsed(line("HQ", "thinking <|begin_of_solution|> HQ\n <|end_of_solution|>\n", "so-7", "Is it?"))
    assert (row.gold, row.output, row.row_id, row.prompt) == ("HQ", "HQ", "so-7", "Is it?")


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ("plain  ", "plain  "),
        ("<|begin_of_solution|>a<|end_of_solution|>", "a"),
        ("<|begin_of_solution|>a", "a"),
        ("a<|end_of_solution|> tail", "a"),
        ("<|begin_of_solution|>draft<|end_of_solution|><|begin_of_solution|>final<|end_of_solution|>", "final"),
        ("<|begin_of_solution|><|end_of_solution|>", ""),
    ],
)
def test_markers_are_stripped_also_when_one_is_missing(raw: str, answer: str) -> None:
    assert strip_markers(raw) == answer


@given(gold=TEXT, output=TEXT, query=TEXT)
def test_any_text_written_as_a_python_repr_comes_back_unchanged(gold: str, output: str, query: str) -> None:
    prompt = repr([{"role": "user", "content": query}])
    row = parsed(json.dumps({"prompt": prompt, "inference": repr([output]), "gold": gold}).encode())
    assert (row.gold, row.output, row.prompt) == (gold, strip_markers(output), query)


@given(st.binary(max_size=200))
def test_junk_bytes_never_raise(junk: bytes) -> None:
    for found in read_rows(io.BytesIO(junk)):
        assert isinstance(found, Row | Reject)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(inference=JSON, gold=JSON, prompt=JSON, metadata=JSON)
def test_any_json_in_any_field_gives_a_row_or_a_reject(
    inference: object, gold: object, prompt: object, metadata: object
) -> None:
    value = {"inference": inference, "gold": gold, "prompt": prompt, "metadata": metadata}
    found = parse_row(json.dumps(value).encode(), 3)
    assert isinstance(found, Reject) == (inference is None or gold is None)
    if isinstance(found, Row):
        found.output.encode(), found.gold.encode(), found.row_id.encode()


@pytest.mark.parametrize(
    "hostile", ["[" * 100_000 + "]", "[" + "-" * 50_000 + "1]", "[1" + "+1" * 50_000 + "]", "[\0]"]
)
def test_a_repr_made_to_exhaust_the_parser_is_taken_as_plain_text(hostile: str) -> None:
    assert literal(hostile) == hostile


def test_code_in_a_repr_is_text_and_is_not_run() -> None:
    assert literal("[__import__('os').getpid()]") == "[__import__('os').getpid()]"


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ("so-7", "so-7"),
        ('{"id": "so-7", "tag": 1}', "so-7"),
        ("{'id': 'so-7'}", "so-7"),
        ('{"tag": 1}', ""),
        ({"id": 7}, "7"),
        (None, ""),
        ("two\nlines\x1b[31m", "two lines"),
    ],
)
def test_the_row_id_is_found_in_the_metadata(metadata: object, found: str) -> None:
    assert row_id(metadata) == found


def test_unreadable_lines_are_counted_with_their_number_and_reason(line: Callable[..., bytes]) -> None:
    stream = io.BytesIO(line("a", "b", "1", "q") + b'\n{"gold": \n[]\n{"gold": "a"}\n\xff\xfe\n{"inference": "x"}')
    assert [(one.line, one.reason) for one in read_rows(stream) if isinstance(one, Reject)] == [
        (3, "not JSON in UTF-8"),
        (4, "not a JSON object"),
        (5, "no inference"),
        (6, "not JSON in UTF-8"),
        (7, "no gold"),
    ]


def test_a_line_over_the_limit_is_rejected_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch, line: Callable[..., bytes]
) -> None:
    short = line("a", "b", "1", "q")
    monkeypatch.setattr(rows, "MAX_LINE_BYTES", len(short))
    found = list(read_rows(io.BytesIO(b"x" * (3 * len(short)) + b"\n" + short)))
    assert isinstance(found[0], Reject) and "longer" in found[0].reason
    assert isinstance(found[1], Row) and len(found) == 2


def test_a_lone_surrogate_is_replaced_so_that_the_text_can_be_stored() -> None:
    assert parsed(rb'{"inference": "[\"a\\ud800\"]", "gold": "x"}').output.encode()
