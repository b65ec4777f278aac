"""From events to lines, and searching them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.platforms.loglines import LINE_CHARS, matcher, physical_lines


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("one\ntwo\r\nthree", ["one", "two", "three"]),
        ("10%#015 20%\r 30%", ["10%", " 20%", " 30%"]),
        ("a#012b#011c", ["a", "b\tc"]),
        ("\x1b[36m(TaskRunner pid=1)\x1b[0m step:1", ["(TaskRunner pid=1) step:1"]),
        ("#033[36mblue#033[0m", ["blue"]),
        ("issue #0153 is not a carriage return", ["issue #0153 is not a carriage return"]),
        ("\n  \n", []),
        ("hidden\u202e\u200btext\x00", ["hiddentext"]),
    ],
)
def test_an_event_becomes_clean_physical_lines(message: str, lines: list[str]) -> None:
    assert physical_lines(message) == lines


def test_a_very_long_line_is_cut_and_says_so() -> None:
    (line,) = physical_lines("x" * (LINE_CHARS + 5))
    assert line.endswith("[5 characters cut]")


@given(st.text(max_size=300))
def test_no_control_character_survives(message: str) -> None:
    assert all(ch == "\t" or ch.isprintable() or not ch.isascii() for line in physical_lines(message) for ch in line)


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        (None, "anything", True),
        ("NaN", "loss: nan", True),
        ("loss|reward", "critic/rewards/mean:1", True),
        ("step*loss", "step: 3 | loss: 1", True),
        ("step*loss", "loss at step", False),
        ("ste? 3", "step 3", True),
        ("[run]*x", "[run] x", True),
        ("[run]*x", "r x", False),
        ("(a+)+$b", "(A+)+$B", True),
        ("|", "a|b", True),
    ],
)
def test_a_pattern_is_plain_text_with_wildcards(pattern: str | None, line: str, found: bool) -> None:
    assert matcher(pattern)(line) is found


@pytest.mark.parametrize("pattern", ["loss.*reward", r"\d+", "^step", "x" * 101, "(?i)error", "done$"])
def test_a_regular_expression_is_refused_instead_of_misread(pattern: str) -> None:
    with pytest.raises(InputError) as caught:
        matcher(pattern)
    assert "wildcards" in caught.value.fix


def test_a_hostile_pattern_on_a_hostile_line_ends_at_once() -> None:
    began = time.process_time()
    assert not matcher("*a" * 49)("a" * 40 + "b" * 7000)
    assert not matcher("(a+)+(a+)+")("a" * 8000)
    assert time.process_time() - began < 10
