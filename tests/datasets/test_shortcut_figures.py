"""The figures of a shortcut are those that counting by hand gives, for traits of many kinds; chance gives no finding."""

import random
import re
from collections.abc import Callable, Sequence

import pytest

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.registry import make_checks

SENTENCE = "how do I read that list of rows from file and print each one as text when it has no value at all"
WORDS = SENTENCE.split(" ")
LABELS = ("keep", "edit", "close")


def text(rng: random.Random) -> str:
    return rng.choice([" ", "\n"]).join(rng.choices(WORDS, k=rng.randint(8, 40))) + rng.choice(".?!")


def messages(texts: Sequence[str], labels: Sequence[str]) -> list[str]:
    rows = [RowView(line, *pair, pair) for line, pair in enumerate(zip(texts, labels, strict=True), start=1)]
    worker, parent = (make_checks(CheckSettings(), ["shortcuts"])[0] for _ in range(2))
    for start in range(0, len(rows), 300):
        parent.merge("", worker.scan(rows[start : start + 300]))
    return [each.message for each in parent.findings(len(rows))]


def figures(texts: Sequence[str], labels: Sequence[str], has: Callable[[str], bool]) -> str:
    """Return the figures of a trait for the label "edit", counted here."""
    having = [label for each, label in zip(texts, labels, strict=True) if has(each)]
    hits = having.count("edit")
    return f"precision {hits / len(having):.1%} and recall {hits / labels.count('edit'):.1%}"


def at_least(chars: int) -> Callable[[str], bool]:
    return lambda each: len(each) >= chars


Change = Callable[[str], str]
TRAITS: dict[str, tuple[Change, Change, Callable[[str], bool], str]] = {
    # What is done to most rows of the label, what to the others, what has the trait, and how it is called.
    "a space at the end": (lambda t: t + " ", str, lambda t: t.endswith(" "), "having a space at the end"),
    "a first word": (lambda t: f"Sir {t}", str, lambda t: t.startswith("Sir "), 'having the first word "sir"'),
    "a tag": (lambda t: f"<p>{t}</p>", str, lambda t: "<p>" in t, "having <p> tags"),
    "no tag": (str, lambda t: f"<p>{t}</p>", lambda t: "<p>" not in t, "having no <p> tags"),
    "Windows line ends": (
        lambda t: t.replace("\n", " ") + "\r\nx", lambda t: t + "\nx", lambda t: "\r\n" in t, "having \\r\\n line ends"
    ),
    "a letter beyond ASCII": (
        lambda t: t + " caf\u00e9 a", lambda t: t + " a", lambda t: not t.isascii(), "having characters beyond ASCII"
    ),
    "a URL": (lambda t: t + " see http://x a", lambda t: t + " see http x a", lambda t: "://" in t, "having URLs"),
    "a tab": (lambda t: t.replace(" ", "\t", 1) + "\t.", str, lambda t: "\t" in t, "having tabs"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAITS)
@pytest.mark.parametrize("recall", [0.95, 0.4])
def test_precision_and_recall_are_what_counting_gives(name: str, recall: float) -> None:
    mark, other, has, called = TRAITS[name]
    rng = random.Random(7)
    labels = rng.choices(LABELS, k=2400)
    chosen = [rng.random() < (recall if label == "edit" else 0.01) for label in labels]
    if name == "no tag":
        chosen = [rng.random() < (0.95 if label == "edit" else 0.01) for label in labels]
    texts = [(mark if yes else other)(text(rng)) for yes in chosen]

    told = [message for message in messages(texts, labels) if "edit" in message]

    assert len(told) == 1 and called in told[0]
    after = told[0].split(called, 1)[1]
    assert re.split(r' means "edit" with |: ', after, maxsplit=1)[1].startswith(figures(texts, labels, has))


def test_a_length_gives_a_label_away_with_the_right_figures() -> None:
    rng = random.Random(8)
    labels = rng.choices(LABELS, k=1800)
    texts = [text(rng) * (12 if label == "edit" and rng.random() < 0.9 else 1) for label in labels]

    (told,) = [message for message in messages(texts, labels) if "edit" in message]

    found = re.findall(r"having (\d+) characters or more(?: means \"edit\" with |: )(precision [\d.]+% and recall [\d.]+%)", told)  # fmt: skip
    assert found
    for edge, shown in found:
        assert shown == figures(texts, labels, at_least(int(edge)))


@pytest.mark.parametrize("name", TRAITS)
def test_a_trait_that_all_labels_share_is_not_told(name: str) -> None:
    mark, other, _, _ = TRAITS[name]
    for seed in range(3):
        rng = random.Random(seed)
        labels = rng.choices(LABELS, (6, 3, 1), k=1500)
        texts = [(mark if rng.random() < 0.5 else other)(text(rng)) for _ in labels]
        assert messages(texts, labels) == []
