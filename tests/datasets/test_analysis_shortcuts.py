"""Traits that give a label away are named with their figures; random data gives no finding."""

import math
import random
import statistics
from collections.abc import Callable, Sequence

import pytest

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.registry import make_checks
from novaforge.tools.datasets.analysis.shortcuts import lower_bound
from novaforge.tools.datasets.analysis.traits import traits_of

WORDS = [
    "alpha",
    "beta",
    "Gamma",
    "delta",
    "list",
    "code",
    "2020",
    "e.g.",
    "why?",
    "now!",
    "(x)",
    "a<b",
    "<b>",
    "&amp;",
    "it's",
]


def text(rng: random.Random) -> str:
    body = rng.choice([" ", "\n", "  "]).join(rng.choices(WORDS, k=rng.randint(5, 60)))
    return rng.choice(["", "\n", "> "]) + body + rng.choice([".", "?", "\n", ""])


def found(texts: Sequence[str], labels: Sequence[str], settings: CheckSettings | None = None) -> list[Finding]:
    rows = [RowView(line, *pair, pair) for line, pair in enumerate(zip(texts, labels, strict=True), start=1)]
    worker, parent = (make_checks(settings or CheckSettings(), ["shortcuts"])[0] for _ in range(2))
    for start in range(0, len(rows), 500):
        parent.merge("", worker.scan(rows[start : start + 500]))
    return parent.findings(len(rows))


def planted(change: Callable[[str], str], rows: int = 1500, noise: float = 0.02) -> list[Finding]:
    """Change the texts of one label of three, but for a few rows each way."""
    rng = random.Random(0)
    labels = rng.choices(["a", "b", "c"], k=rows)
    texts = [text(rng) for _ in labels]
    marked = [(label == "b") != (rng.random() < noise / (1 if label == "b" else 2)) for label in labels]
    return found([change(each) if mark else each for each, mark in zip(texts, marked, strict=True)], labels)


@pytest.mark.parametrize(
    ("change", "trait"),
    [
        (lambda each: f"<p>{each}</p>", "<p> tags"),
        (lambda each: each.replace(" ", "\r\n") + "\r\n", "\\r\\n line ends"),
        (lambda each: f"```\n{each}\n```", "code fences"),
        (lambda each: each.rstrip() + " ", "a space at the end"),
        (lambda each: f"Dear {each}", 'the first word "dear"'),
        (lambda each: f"{each} regards", 'the last word "regards"'),
        (lambda each: f"{each} caf\u00e9 x", "characters beyond ASCII"),
        (lambda each: f"{each} http://a.b x", "URLs"),
        (lambda each: f"{each} &nbsp; x", "&nbsp;"),
        (lambda each: each[:1] + "~" + each[1:], "~"),
        (lambda each: each * 9, "characters or more"),
    ],
)
def test_a_planted_trait_is_named_with_its_label_and_figures(change: Callable[[str], str], trait: str) -> None:
    (only,) = planted(change)

    assert (only.rule, only.severity) == ("DQ2-shortcut", "warn")
    assert trait in only.message
    assert 'means "b" with precision 9' in only.message


def test_the_absence_of_a_trait_is_a_trait() -> None:
    rng = random.Random(1)
    labels = rng.choices(["HQ", "LQ_EDIT", "LQ_CLOSE"], k=1600)
    texts = [
        f"plain words {rng.random()}" if label == "LQ_EDIT" else f"<p>plain words {rng.random()}</p>"
        for label in labels
    ]
    texts[labels.index("HQ")] = "plain words"

    (only,) = found(texts, labels)

    assert (
        "having no <p> tags: precision 99" in only.message
        or 'having no <p> tags means "LQ_EDIT" with precision 99' in only.message
    )
    assert '"LQ_EDIT"' in only.message and "recall 100.0%" in only.message


@pytest.mark.parametrize("shares", [(1, 1, 1), (1, 1), (9, 1), (97, 3), (1,) * 20])
def test_labels_that_have_nothing_to_do_with_the_text_give_no_finding(shares: tuple[int, ...]) -> None:
    """Ten files of each kind: 50 in all without a single false finding; the bound that is kept is one in a thousand."""
    for seed in range(10):
        rng = random.Random(seed)
        labels = rng.choices([f"label {at}" for at in range(len(shares))], shares, k=600)
        assert found([text(rng) for _ in labels], labels) == []


def test_a_weak_trait_is_no_shortcut() -> None:
    assert planted(lambda each: f"<p>{each}</p>", noise=0.5) == []


def test_a_trait_of_few_rows_is_no_shortcut() -> None:
    assert planted(lambda each: f"<p>{each}</p>", rows=60) == []


def test_free_answers_are_no_labels() -> None:
    texts = [f"<p>{at}" if at % 2 else str(at) for at in range(600)]

    assert found(texts, [f"answer {at % 299}" for at in range(600)]) == []
    assert found(texts, ["x" * (200 if at % 2 else 201) for at in range(600)]) == []
    assert found(texts, [str(at % 2) for at in range(600)], CheckSettings(labels=False)) == []


def test_a_large_file_is_sampled_and_that_is_said() -> None:
    rng = random.Random(3)
    labels = rng.choices(["a", "b"], k=2000)
    texts = [f"<p>{text(rng)}" if label == "a" else text(rng) for label in labels]

    first, second = found(texts, labels, CheckSettings(rows_expected=20_000))

    assert "; on a sample of " in first.message
    assert {"a", "b"} == {each.message.split(' means "')[1][0] for each in (first, second)}


def test_traits_tell_the_ends_of_a_text() -> None:
    assert {"an upper-case letter at the beginning", "a line feed at the end", "line feeds"} <= set(
        traits_of("Hello\n")
    )
    assert traits_of("")[-1] == "no text"
    assert {'the first word "say"', 'the last word "now"', "...", "a digit at the end"} <= {
        *traits_of("say ... now"),
        *traits_of("7"),
    }


def test_the_lower_bound_of_a_share_holds_as_often_as_it_says() -> None:
    rng = random.Random(4)
    z = statistics.NormalDist().inv_cdf(0.95)
    kept = sum(lower_bound(sum(rng.random() < 0.9 for _ in range(100)), 100, z) <= 0.9 for _ in range(1000))

    assert 0.92 <= kept / 1000 <= 0.98
    assert math.isclose(lower_bound(0, 10, z), 0, abs_tol=1e-9)
