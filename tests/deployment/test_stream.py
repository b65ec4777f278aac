"""A streamed answer arrives whole however its bytes are cut."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.deployment.sse import Answer, events, lines

PIECES = ["Grüße ", "an 行 und ", "🙂", "\u2028 end\r\n", ""]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    marks = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(marks)]


def read(chunks: Iterable[bytes]) -> Answer:
    answer = Answer()
    for data in events(lines(chunks)):
        answer.take(data)
    return answer


def stream(newline: str = "\n") -> bytes:
    messages: list[Any] = [
        {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in PIECES
    ]
    messages.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    messages.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5, "details": {"x": 1}}})
    sent = [f"data: {json.dumps(message, ensure_ascii=False)}{newline}{newline}" for message in messages]
    return "".join([f": hello{newline}", *sent, f"data: [DONE]{newline}{newline}"]).encode()


@given(st.lists(st.integers(0, 5000), max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
def test_text_usage_and_reason_do_not_depend_on_where_the_bytes_are_cut(places: list[int], newline: str) -> None:
    answer = read(cut(stream(newline), places))
    assert answer.text == "".join(PIECES)
    assert (answer.finish_reason, answer.usage, answer.error) == (
        "stop",
        {"prompt_tokens": 3, "completion_tokens": 5},
        "",
    )


@given(st.text(), st.lists(st.integers(0, 5000), max_size=20))
def test_lines_are_split_at_line_ends_only(text: str, places: list[int]) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if expected[-1] == "":
        expected.pop()
    assert list(lines(cut(text.encode(), places))) == expected


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_read_without_an_exception(chunks: list[bytes]) -> None:
    read(chunks)


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert read([b'data: {"choices":[{"delta":{"content":"x"}}]}']).text == "x"


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"},
        {"message": {"content": [{"type": "text", "text": "who"}, {"type": "text", "text": "le"}]}},
        {"text": "whole"},
    ],
)
def test_an_answer_that_is_not_streamed_is_read_too(choice: dict[str, object]) -> None:
    assert read([json.dumps({"choices": [choice]}).encode()]).text == "whole"


def test_an_error_in_the_stream_is_kept_beside_the_text() -> None:
    answer = read([b'data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: {"error":{"message":"too long"}}\n\n'])
    assert (answer.text, answer.error) == ("x", "too long")
    assert read([b"data: {oops\n\n"]).error == "an event of the stream is not JSON"
