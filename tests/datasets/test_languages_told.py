"""What a language filter left out is told in one line, however many languages there are."""

from typing import TYPE_CHECKING, cast

from novaforge.tools.datasets.checks.reports import reject_findings
from novaforge.tools.datasets.checks.tally import Rejects
from novaforge.tools.datasets.rows import Reject

if TYPE_CHECKING:
    from novaforge.tools.datasets.reading.source import Source


def told(*reasons: str) -> list[tuple[str, int | None]]:
    rejects = Rejects()
    for line, reason in enumerate(reasons, 1):
        rejects.add(Reject(line, f"filter {reason}"))
    return [(found.message, found.count) for found in reject_findings(cast("Source", None), rejects)]


def test_several_languages_are_one_finding_with_the_most_frequent_first() -> None:
    (found,) = told("languages: fr", "languages: de", "languages: fr", "languages: ceb")
    assert found == ("rows left out: filter languages (4 rows: 2 x fr, 1 x ceb, 1 x de)", 4)


def test_many_languages_are_counted() -> None:
    ((message, count),) = told(*(f"languages: a{letter}" for letter in "abcdefghijk"))
    assert message.endswith("1 x ah and 3 other languages)") and count == 11


def test_one_language_and_what_is_none_keep_their_lines() -> None:
    assert told("languages: fr", "languages: unsure", "languages: too short to tell", "max_chars") == [
        ("rows left out: filter languages: fr (1 row, line 1)", 1),
        ("rows left out: filter languages: unsure (1 row, line 2)", 1),
        ("rows left out: filter languages: too short to tell (1 row, line 3)", 1),
        ("rows left out: filter max_chars (1 row, line 4)", 1),
    ]
