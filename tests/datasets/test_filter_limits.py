"""A filter leaves a row out beyond its limit and not at it; what is set for one test moves no other."""

from typing import Any

import pytest
from pydantic import JsonValue

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.filters.plan import Candidate, parse_filters
from novaforge.tools.datasets.formats.converse import CONVERSE

OPEN: dict[str, JsonValue] = {
    "max_url_ratio": 1, "min_alphanumeric_ratio": 0, "max_word_repetition": 1, "max_character_repetition": 1,
    "max_mojibake_badness": 1e9, "max_mojibake_ratio": 1, "min_chars": 0, "min_line_chars": 0, "adult_urls": False,
}  # fmt: skip
"""No row fails these."""
MOJIBAKE = "\u00c3\u00a9"


def removed(text: str, **filters: JsonValue) -> str:
    row = CONVERSE.build({"query": text, "response": ""})
    return parse_filters(filters, CONVERSE).removes(Candidate(row, text, "", False, ()))


def whole(text: str) -> int:
    """Return how many characters quality sees: the query and what joins it to an empty answer."""
    return len(Candidate({}, text, "", False, ()).text)


TEN = "abcdefghij"


@pytest.mark.parametrize(
    ("name", "setting", "text", "limit"),
    [
        ("min_chars", "min_chars", "x" * 60, whole("x" * 60)),
        ("min_line_chars", "min_line_chars", "\n".join(["x" * 9] * 6), whole("\n".join(["x" * 9] * 6)) / 6),
        ("alphanumeric_ratio", "min_alphanumeric_ratio", "x" * 30 + "-" * 30, 30 / whole("x" * 60)),
    ],
)
def test_a_row_stays_at_the_least_it_has_to_have_and_goes_below(
    name: str, setting: str, text: str, limit: float
) -> None:
    assert removed(text, quality={**OPEN, setting: limit}) == ""
    assert removed(text, quality={**OPEN, setting: limit * 1.01}) == f"quality: {name}"


WORDS = " ".join(f"w{number}" for number in range(10))
"""Eleven runs of ten words when it stands twice, of which two are equal."""


@pytest.mark.parametrize(
    ("name", "setting", "text", "limit"),
    [
        ("url_ratio", "max_url_ratio", "http://a.b/" + "x" * 9 + " " * 20, 20 / whole("x" * 40)),
        ("word_repetition", "max_word_repetition", f"{WORDS} {WORDS}", 2 / 11 + 1e-9),
        ("mojibake", "max_mojibake_ratio", "x" * 37 + f" {MOJIBAKE}", 2 / whole("x" * 40)),
        ("mojibake", "max_mojibake_badness", f"{MOJIBAKE} and {MOJIBAKE} and {MOJIBAKE}", 3),
    ],
)
def test_a_row_stays_at_the_most_it_may_have_and_goes_above(name: str, setting: str, text: str, limit: float) -> None:
    assert removed(text, quality={**OPEN, setting: limit}) == ""
    assert removed(text, quality={**OPEN, setting: limit * 0.99}) == f"quality: {name}"


def test_text_beyond_ascii_that_is_right_is_no_mojibake() -> None:
    assert removed("Größe, naïve café, 東京, Москва, œuvre", quality={**OPEN, "max_mojibake_badness": 0}) == ""
    assert removed("plain", quality={**OPEN, "max_mojibake_badness": 0, "max_mojibake_ratio": 0}) == ""


def test_the_default_of_mojibake_allows_one_place_that_is_short() -> None:
    text = "This is a long enough sentence about sorting lists, and it says so in plain words."
    assert removed(f"{text} {MOJIBAKE}", quality=True) == ""
    assert removed(f"{text} {MOJIBAKE} or {MOJIBAKE}", quality=True) == "quality: mojibake"


@pytest.mark.parametrize(("score", "word"), [(0.0, ""), (1.0, "languages: unsure")])
def test_how_sure_a_language_has_to_be_can_be_set(score: float, word: str) -> None:
    text = "How do I sort this list of numbers in ascending order without the built-in function?"
    assert removed(text, languages={"keep": ["en"], "min_score": score}) == word


@pytest.mark.parametrize(
    ("name", "least", "most", "below", "above"),
    [
        ("threshold", 0.5, 1, 0.49, 1.01), ("num_perm", 16, 1024, 0, 1040), ("ngram", 1, 200, 0, 201),
        ("seed", 0, 2**32 - 1, -1, 2**32),
    ],
)  # fmt: skip
def test_settings_of_near_duplicates_reach_to_their_bounds(
    name: str, least: float, most: float, below: float, above: float
) -> None:
    for value in (least, most):
        made: Any = parse_filters({"near_duplicates": {name: value}}, CONVERSE).stateful[0]
        assert getattr(made, name) == value and made.words == 1 + made.num_perm // 4
    for value in (below, above):
        with pytest.raises(InputError):
            parse_filters({"near_duplicates": {name: value}}, CONVERSE)


def test_near_duplicates_are_compared_without_case() -> None:
    text = "sort this list of numbers in ascending order without the built in function please and thank you " * 3
    rows = [
        Candidate(CONVERSE.build({"query": each, "response": "a"}), each, "a", False, ())
        for each in (text, text.upper())
    ]
    from novaforge.tools.datasets.analysis.spool import Spool

    (each,) = parse_filters({"near_duplicates": True}, CONVERSE).stateful
    spool = Spool(each.words)
    spool.add(each.signatures(rows))
    assert each.duplicates(spool).tolist() == [[1, 0]]
