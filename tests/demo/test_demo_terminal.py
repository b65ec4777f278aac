"""The demo's questions in a terminal."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pytest

from novaforge.server.demo.terminal import Terminal


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (b"approve\n27.36\n", {"decision": "approve", "typed_amount": "27.36"}),
        (b"  reject \n", {"decision": "reject", "typed_amount": "-"}),
        (b"yes\n", None),
        (b"\n", None),
    ],
)
def test_what_is_typed_is_the_answer_also_when_it_comes_at_once(
    pipe: tuple[int, int], typed: bytes, answer: dict[str, Any] | None
) -> None:
    os.write(pipe[1], typed)
    assert Terminal(pipe[0])("Ceiling: $27.36", "27.36") == answer


def test_the_next_question_gets_the_next_lines(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"approve\n1.00\nreject\n")
    ask = Terminal(pipe[0])
    answers = [ask("first", "1.00"), ask("second", "2.00")]
    assert [answer and answer["decision"] for answer in answers] == ["approve", "reject"]


def test_an_input_that_ended_approves_nothing() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"approve")
    os.close(writing)
    assert Terminal(reading)("q", "1.00") == {"decision": "approve", "typed_amount": ""}
    assert Terminal(reading)("q", "1.00") is None
    os.close(reading)


@pytest.mark.anyio
async def test_a_question_nobody_answers_can_be_interrupted(pipe: tuple[int, int]) -> None:
    with anyio.fail_after(120):
        with anyio.move_on_after(0.1) as wait:
            await anyio.to_thread.run_sync(partial(Terminal(pipe[0]), "q", "1.00"))
        assert wait.cancelled_caught
