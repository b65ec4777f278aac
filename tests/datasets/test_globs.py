"""Patterns mean what they say, and none of them can stop the process."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.reading.globs import matcher

MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "[ab]": "[ab]", "[!a]": "[^/a]"}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*MEANING, "a", "b", "/"]), max_size=6), st.text("ab/c", max_size=8))
def test_a_pattern_fits_what_its_regular_expression_fits(parts: list[str], name: str) -> None:
    pattern = "".join(parts)
    signs = re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", pattern)
    expected = re.fullmatch("".join(MEANING.get(sign, re.escape(sign)) for sign in signs), name, re.DOTALL)
    assert matcher(pattern)(name) == (expected is not None)


@pytest.mark.parametrize(("pattern", "name"), [("*a" * 30 + "b", "a" * 250), ("**/" * 30 + "zz", "a/" * 200 + "b")])
def test_many_stars_and_a_long_name_take_no_time(pattern: str, name: str) -> None:
    began = time.process_time()
    assert not matcher(pattern)(name)
    assert time.process_time() - began < 20


def test_brackets_that_mean_nothing_are_an_error() -> None:
    with pytest.raises(InputError, match="no pattern"):
        matcher("[z-a]")
