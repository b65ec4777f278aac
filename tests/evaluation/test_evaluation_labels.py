"""Inferring labels and reading them from answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.evaluation.labels import NONE, Labels, given_labels, inferred_labels

QUALITY = Labels(["HQ", "LQ_EDIT", "LQ_CLOSE"])


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("HQ", "HQ"),
        (" hq.\n", "HQ"),
        ("**LQ_EDIT**", "LQ_EDIT"),
        ("LQ edit", "LQ_EDIT"),
        ("The label is LQ_CLOSE, because it is unclear.", "LQ_CLOSE"),
        ("HQ. Yes, HQ!", "HQ"),
        ("HQ or LQ_EDIT", None),
        ("HQs", None),
        ("", None),
        ("none of them", None),
    ],
)
def test_the_label_is_the_whole_answer_or_the_only_one_it_mentions(answer: str, label: str | None) -> None:
    found = QUALITY.named_in(answer)
    assert (None if found == NONE else QUALITY.names[found]) == label


def test_a_label_inside_a_longer_label_is_no_mention_of_its_own() -> None:
    labels = Labels(["good", "very good"])
    assert labels.named_in("it is very good indeed") == 1
    assert labels.named_in("it is good") == 0
    assert labels.named_in("good, even very good") == NONE


@pytest.mark.parametrize("names", [["C", "C++", "C#"], ["-1", "1"], ["+", "-"], ["?", "!"]])
def test_labels_told_apart_by_signs_only_stay_apart(names: list[str]) -> None:
    labels = given_labels(names)
    assert [labels.named_in(name) for name in names] == list(range(len(names)))


@given(st.text(max_size=60))
def test_reading_a_label_never_raises(answer: str) -> None:
    assert QUALITY.named_in(answer) in (NONE, 0, 1, 2)


def test_labels_are_inferred_from_few_distinct_gold_answers_in_their_usual_spelling() -> None:
    found = inferred_labels(["HQ"] * 8 + ["hq"] + ["LQ "] * 11)
    assert isinstance(found, Labels) and found.names == ("HQ", "LQ")


@pytest.mark.parametrize(
    "golds",
    [
        [f"answer {place}" for place in range(100)],
        ["a", "b"] * 9,
        ["same"] * 50,
        ["a" * 61, "b"] * 50,
        ["", "b"] * 50,
        [f"label{place % 21}" for place in range(1000)],
    ],
    ids=["free text", "more than one value in ten rows", "one value", "long", "blank", "21 values"],
)
def test_no_labels_are_inferred_from_what_does_not_look_like_labels(golds: list[str]) -> None:
    assert isinstance(inferred_labels(golds), str)


@pytest.mark.parametrize("names", [[], ["one"], ["a", ""], ["a", "x" * 61], ["Yes", "yes"]])
def test_unusable_labels_are_refused(names: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        given_labels(names)
    assert caught.value.data["field"] == "labels"
