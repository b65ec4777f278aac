"""Exact match, F1 and their quasi forms."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.evaluation.overlap import exact_match, f1_score, quasi, text_scores


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The  Quick, brown-fox!", "quick brown fox"),
        ("a cat an owl the end", "cat owl end"),
        ("1", "1.0"),
        ("1.0 apples", "10.0 apples"),
        ("LQ_EDIT", "lqedit"),
        ("theatre", "theatre"),
        ("...", ""),
        ("line\nthe\tbreak", "line break"),
    ],
)
def test_the_quasi_form_drops_case_punctuation_articles_and_spacing(text: str, form: str) -> None:
    assert quasi(text) == form


def test_exact_match_ignores_outer_white_space_only() -> None:
    assert exact_match("HQ", " HQ\n") == 1
    assert exact_match("HQ", "hq") == 0
    assert exact_match("HQ", "HQ.") == 0


def test_an_empty_answer_matches_nothing_not_even_an_empty_gold_answer() -> None:
    assert text_scores("", "") == (0.0, 0.0, 0.0, 0.0)


def test_quasi_exact_match_accepts_case_articles_and_punctuation() -> None:
    assert text_scores("The answer.", "answer")[:2] == (0.0, 1.0)


def test_f1_is_over_the_sets_of_words() -> None:
    # gold {the, cat, sat}, answer {the, cat, ran, far}: 2 shared, precision 2/4, recall 2/3.
    assert f1_score("the cat sat", "the cat ran far") == pytest.approx(2 * (0.5 * 2 / 3) / (0.5 + 2 / 3))
    assert f1_score("cat cat", "cat") == 1
    assert f1_score("cat", "dog") == 0


WORDS = st.lists(st.text(string.ascii_letters + string.punctuation + " ", max_size=8), max_size=6).map(" ".join)


@given(gold=WORDS, output=WORDS)
def test_every_score_lies_between_0_and_1_and_exact_implies_quasi(gold: str, output: str) -> None:
    exact, quasi_exact, f1, f1_quasi = text_scores(gold, output)
    assert all(0 <= score <= 1 for score in (exact, quasi_exact, f1, f1_quasi))
    assert quasi_exact >= exact


@given(gold=WORDS, output=WORDS)
def test_f1_equals_the_harmonic_mean_of_precision_and_recall(gold: str, output: str) -> None:
    wanted, given_words = set(gold.split()), set(output.split())
    shared = len(wanted & given_words)
    precision, recall = (shared / len(side) if side else 0.0 for side in (given_words, wanted))
    harmonic = 2 * precision * recall / (precision + recall) if shared else 0.0
    assert f1_score(gold, output) == pytest.approx(harmonic)
