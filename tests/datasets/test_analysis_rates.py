"""The rates of further checks are those of the rows: precision, recall and shares as counted, limits where they are said to be."""

import math
import re
from collections.abc import Sequence
from typing import Any

import pytest

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.registry import make_checks
from novaforge.tools.datasets.analysis.traits import traits_of


def found(name: str, rows: Sequence[tuple[str, str]], **settings: Any) -> list[Finding]:
    views = [RowView(line, *pair, pair) for line, pair in enumerate(rows, start=1)]
    worker, parent = (make_checks(CheckSettings(**settings), [name])[0] for _ in range(2))
    for start in range(0, len(views), 70):
        parent.merge("", worker.scan(views[start : start + 70]))
    return parent.findings(len(views))


def marked(having: dict[str, int], rows: dict[str, int]) -> list[tuple[str, str]]:
    """Return rows of each label, some of them with a mark no other row has."""
    return [
        (f"words of some length {'~ ' if number < having[label] else ''}here", label)
        for label, count in rows.items()
        for number in range(count)
    ]


def test_precision_recall_and_rows_of_a_shortcut_are_those_counted() -> None:
    rows = marked({"a": 280, "b": 5, "c": 1}, {"a": 300, "b": 400, "c": 300})
    (told,) = found("shortcuts", rows)
    said = re.search(r'the mark ~ means "a" with precision ([\d.]+)% and recall ([\d.]+)%, (\d+) rows', told.message)
    assert said is not None, told.message
    assert [float(figure) for figure in said.groups()] == [round(28000 / 286, 1), round(28000 / 300, 1), 286]
    assert told.count == 286 and "on a sample" not in told.message


def test_of_equal_figures_the_trait_that_tells_most_comes_first() -> None:
    rows = [(f"{'<p>' if label == 'a' else ''}words number", label) for label in "ab" for _ in range(200)]
    for told in found("shortcuts", rows):
        assert "<p> tags" in told.message.split(" means ")[0] and "also" in told.message


@pytest.mark.parametrize(("hits", "told"), [(99, False), (100, True)])
def test_a_trait_counts_from_a_tenth_of_the_rows_of_its_label(hits: int, told: bool) -> None:
    rows = marked({"a": hits, "b": 0}, {"a": 1000, "b": 1000})
    assert any("the mark ~" in finding.message for finding in found("shortcuts", rows)) is told


def test_a_trait_of_a_label_that_nearly_all_rows_have_is_none() -> None:
    # 95 of 100 rows with the mark are of the label, and so are 94 of 100 without it.
    rows = marked({"a": 380, "b": 20}, {"a": 1900, "b": 110})
    assert found("shortcuts", rows) == []


TRAITS = {
    "line feeds": ("a\nb", "a b"), "tabs": ("a\tb", "a b"), "non-breaking spaces": ("a\xa0b", "a b"), "?": ("a?", "a"),
    "\\r\\n line ends": ("a\r\nb", "a\nb\r"), "blank lines": ("a\n\nb", "a\nb\n"), "two spaces in a row": ("a  b", "a b "),
    "blank lines of \\r\\n": ("a\r\n\r\nb", "a\r\nb\r\n"), "lines that begin with spaces": ("a\n  b", "a \n b"),
    "lines that begin with -": ("a\n- b", "- a"), "lines that begin with *": ("a\n* b", "a\n*b"),
    "lines that begin with #": ("a\n# b", "a\n b #"), "code fences": ("a ``` b", "a `` b"), "bold **": ("**a", "*a*"),
    "URLs": ("a s://b", "a: //b"), "...": ("a... b", "a.. b"), "escaped \\n": ("a\\nb", "a\\tb"), "<p> tags": ("<P >", "<pre>"),
    "&nbsp;": ("a&nbsp;", "a&nbsp"), "&#39;": ("a&#39;", "a&39;"), "characters beyond ASCII": ("é", "e"),
    "typographic quotes": ("\u201ca", '"a'), "dashes": ("a\u2014b", "a-é"), "invisible characters": ("a\u200bb", "aé"),
    "replacement characters": ("\ufffd", "é"), "upper-case letters": ("aBc", "abc"), "digits": ("a1b", "ab"),
    "no text": ("", " "), "a space at the beginning": (" a", "a "), "a line feed at the end": ("a\n", "\na"),
    "a carriage return at the end": ("a\r", "a\n"), "a tab at the beginning": ("\ta", "a\t"),
    "an upper-case letter at the beginning": ("Ab", "aB"), "a letter, not upper-case, at the end": ("Ab", "aB"),
    "a digit at the end": ("a1", "1a"), "! at the end": ("a!", "!a"), "another character at the beginning": ("→a", "a→"),
    'the first word "dear"': ("Dear Sir", "my Dear"), 'the last word "now"': ("do Now", "now do"),
}  # fmt: skip


@pytest.mark.parametrize("trait", TRAITS)
def test_a_trait_is_seen_where_it_is_and_only_there(trait: str) -> None:
    having, lacking = TRAITS[trait]
    assert trait in traits_of(having) and trait not in traits_of(lacking)
    assert len(set(traits_of(having))) == len(traits_of(having)), "a row counts once for each trait"


ENGLISH = "How do I sort this list of numbers in ascending order without the built-in function? I tried a loop."
GERMAN = "Wie sortiere ich diese Liste von Zahlen aufsteigend, ohne die eingebaute Funktion zu verwenden?"


@pytest.mark.parametrize(("others", "told"), [(3, False), (4, True)])
def test_a_language_counts_from_two_rows_in_a_hundred(others: int, told: bool) -> None:
    rows = [(f"{GERMAN if number < others else ENGLISH} {number}", "") for number in range(200)]
    assert bool(found("languages", rows)) is told
    assert bool(found("languages", rows, languages=("en",))) is told


def test_shares_of_languages_leave_out_texts_of_no_language() -> None:
    rows = [(ENGLISH, "")] * 60 + [(GERMAN, "")] * 20 + [("1 2 3", "")] * 40
    (told,) = found("languages", rows)
    assert "en 75.0%, de 25.0%" in told.message and "sample" not in told.message and told.count == 120


@pytest.mark.parametrize("rows", [1, 7, 100, 1001])
def test_percentiles_of_lengths_are_those_of_the_rows(rows: int) -> None:
    from novaforge.tools.datasets.checks.stats import Lengths

    sizes = [(number * 7919) % 997 for number in range(rows)]
    first, second = Lengths(), Lengths()
    for size in sizes:
        (first if size % 3 else second).add("é" * size, "x")
    first.merge(second)
    for percent, name in ((50, "p50"), (95, "p95"), (100, "max")):
        chars = sorted(sizes)[max(0, math.ceil(rows * percent / 100) - 1)] + 1
        bytes_each = (2 * sum(sizes) + rows) / (sum(sizes) + rows)
        assert first.percentile(percent) == chars == first.summary()[f"chars_{name}"]
        assert first.summary()[f"tokens_{name}"] == math.ceil(chars * bytes_each / 4)
