"""The seven tests of the quality filter at the very values of the facts (section 1.3): what stands on the line is kept.

The figures are worked out here by hand from the table of the facts, not by the filter's own code.
"""

import itertools
import string

import pytest
from ftfy.badness import BADNESS_RE

from novaforge.tools.datasets.filters.plan import Candidate, parse_filters
from novaforge.tools.datasets.formats.converse import CONVERSE


def removed(text: str) -> str:
    """Return under which name a row of this one text is left out."""
    row = CONVERSE.build({"query": text, "response": ""})
    return parse_filters({"quality": True}, CONVERSE).removes(Candidate(row, text, "", False))


def prose(count: int) -> str:
    """Return so many characters of different words; no run of ten characters or words comes twice."""
    words = ("".join(each) for each in itertools.product("bdfglmnp", "aeiou", "rstvz", "aeiou", "kxc"))
    text = " ".join(itertools.islice(words, 5, 5 + count // 3))
    return text[: count - 1] + "e"


def test_the_text_of_these_tests_is_kept() -> None:
    assert [removed(prose(count)) for count in (50, 100, 400)] == ["", "", ""]


@pytest.mark.parametrize(("count", "name"), [(49, "quality: min_chars"), (50, ""), (51, "")])
def test_a_text_has_at_least_fifty_characters(count: int, name: str) -> None:
    assert removed(prose(count)) == name


@pytest.mark.parametrize(("extra", "name"), [(-1, "quality: min_line_chars"), (0, ""), (1, "")])
def test_lines_have_ten_characters_on_average(extra: int, name: str) -> None:
    """Ten lines and 100 characters in all, of which nine are line feeds."""
    lines = [prose(100)[at * 9 : at * 9 + 9].replace(" ", "q") for at in range(9)]
    text = "\n".join([*lines, "vwxyzabcdefgh"[: 10 + extra]])

    assert len(text) == 100 + extra
    assert removed(text) == name


@pytest.mark.parametrize(("url", "name"), [(39, ""), (40, ""), (41, "quality: url_ratio")])
def test_a_fifth_of_a_text_may_be_urls(url: int, name: str) -> None:
    """Of 200 characters."""
    address = "https://docs.python.org/3/library/itertools.html"[:url]
    text = f"{prose(200 - url - 1)} {address}"

    assert (len(text), len(address)) == (200, url)
    assert removed(text) == name


@pytest.mark.parametrize(("letters", "name"), [(24, "quality: alphanumeric_ratio"), (25, ""), (26, "")])
def test_a_quarter_of_a_text_is_letters_and_digits(letters: int, name: str) -> None:
    """Of 100 characters; the marks come in an order in which no ten of them come twice."""
    marks = "".join(a + b for a, b in itertools.product("+-*=%#!?", "~^|;:.,<>&"))[: 100 - letters]
    text = marks + (string.ascii_letters + string.digits)[:letters]

    assert len(text) == 100
    assert removed(text) == name


@pytest.mark.parametrize(("between", "name"), [(12, "quality: word_repetition"), (13, ""), (14, "")])
def test_half_of_the_runs_of_ten_words_may_come_twice(between: int, name: str) -> None:
    """Twenty words twice: 11 runs of ten in each come again, 22 in all, of 40 + `between` - 9 runs."""
    words = prose(600).split()
    twenty, others = words[:20], words[20 : 20 + between]

    assert removed(" ".join([*twenty, *others, *twenty])) == name


@pytest.mark.parametrize(("again", "name"), [(49, ""), (50, ""), (51, "quality: character_repetition")])
def test_half_of_the_runs_of_ten_characters_may_be_the_same(again: int, name: str) -> None:
    """Of 100 runs; `again` + 9 times the letter a make `again` equal runs, and one kind of run counts, being the only one."""
    text = "a" * (again + 9) + " " + prose(400)[1 : 100 - again]

    assert len(text) == 109
    assert removed(text) == name


@pytest.mark.parametrize(
    ("bad", "name"), [("", ""), ("\u00c3\u00a9", ""), ("\u00c3\u00a9 \u00c3\u00a8", "quality: mojibake")]
)
def test_one_place_of_mojibake_is_kept_and_two_are_not(bad: str, name: str) -> None:
    assert removed(f"{prose(200)} {bad} {prose(90)[60:]}") == name


@pytest.mark.parametrize(("count", "name"), [(59, "quality: mojibake"), (60, ""), (61, "")])
def test_a_twentieth_of_a_text_may_be_mojibake(count: int, name: str) -> None:
    """One place, of which ftfy sees three characters."""
    bad = "\u00c3\u00a9\u00c3\u00a8"

    assert [len(match.group()) for match in BADNESS_RE.finditer(bad)] == [3]
    assert removed(f"{prose(count - 5)} {bad}") == name
