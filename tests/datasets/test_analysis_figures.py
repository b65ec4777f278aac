"""Balance of labels, languages and lengths of a file."""

import random
from collections.abc import Sequence

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.lengths import TokenLengths, next_length
from novaforge.tools.datasets.analysis.registry import make_checks


def rows_of(pairs: Sequence[tuple[str, str]]) -> list[RowView]:
    return [RowView(line, *pair, pair) for line, pair in enumerate(pairs, start=1)]


def by_rule(name: str, settings: CheckSettings, **sources: list[RowView]) -> dict[str, Finding]:
    worker, parent = (make_checks(settings, [name])[0] for _ in range(2))
    for file, rows in sources.items():
        for start in range(0, len(rows), 90):
            parent.merge("" if file == "rows" else file, worker.scan(rows[start : start + 90]))
    return {found.rule: found for found in parent.findings(len(sources["rows"]))}


def labelled(**counts: int) -> list[RowView]:
    return rows_of([(f"{label} {at}", label) for label, count in counts.items() for at in range(count)])


def test_even_labels_give_no_finding() -> None:
    assert by_rule("balance", CheckSettings(), rows=labelled(a=100, b=90, c=80)) == {}


def test_very_unequal_labels_are_told_with_their_shares() -> None:
    found = by_rule("balance", CheckSettings(), rows=labelled(a=960, b=40))

    assert found.keys() == {"DQ3-balance"}
    assert '"a" has 96.0% of the rows, "b" 4.0%' in found["DQ3-balance"].message


def test_labels_of_few_rows_are_named() -> None:
    found = by_rule("balance", CheckSettings(), rows=labelled(a=100, b=90, c=19))

    assert found["DQ3-rare"].count == 19
    assert 'under 20 rows each: "c"' in found["DQ3-rare"].message


def test_labels_of_one_file_only_are_named_with_the_file() -> None:
    settings = CheckSettings(references=("s3://b/val.jsonl",))

    found = by_rule("balance", settings, rows=labelled(a=100, b=90), **{"s3://b/val.jsonl": labelled(a=20, c=20)})

    assert '"c" only in s3://b/val.jsonl' in found["DQ3-one-file"].message


def test_files_without_common_labels_are_another_task() -> None:
    settings = CheckSettings(references=("other",))

    assert by_rule("balance", settings, rows=labelled(a=100, b=90), other=labelled(x=50, y=50)) == {}


def test_free_answers_have_no_balance() -> None:
    assert by_rule("balance", CheckSettings(), rows=rows_of([(str(at), f"answer {at}") for at in range(400)])) == {}


ENGLISH = "How do I sort this list of numbers in ascending order without the built-in function? I tried a loop."
GERMAN = "Wie sortiere ich diese Liste von Zahlen aufsteigend, ohne die eingebaute Funktion zu verwenden?"


def test_one_language_gives_no_finding() -> None:
    rows = rows_of([(f"{ENGLISH} {at}", "") for at in range(200)])

    assert by_rule("languages", CheckSettings(), rows=rows) == {}
    assert by_rule("languages", CheckSettings(languages=("en",)), rows=rows) == {}


def test_a_mix_of_languages_is_told_with_shares() -> None:
    rows = rows_of([(f"{GERMAN if at % 4 == 0 else ENGLISH} {at}", "") for at in range(200)])

    assert "en 75.0%, de 25.0%" in by_rule("languages", CheckSettings(), rows=rows)["DQ5-languages"].message
    other = by_rule("languages", CheckSettings(languages=("en",)), rows=rows)["DQ5-other-languages"]
    assert (other.severity, other.count, other.line) == ("warn", 50, 1)


def test_a_large_file_is_sampled_for_its_languages() -> None:
    rows = rows_of([(f"{GERMAN if at % 2 else ENGLISH} {at}", "") for at in range(400)])

    found = by_rule("languages", CheckSettings(rows_expected=5_000), rows=rows)["DQ5-languages"]

    assert "; on a sample of " in found.message
    assert 10 <= found.count <= 90


def sized(sizes: Sequence[int]) -> list[RowView]:
    return [RowView(line, "", "", ("x" * (4 * tokens),)) for line, tokens in enumerate(sizes, start=1)]


def test_percentiles_are_within_two_percent() -> None:
    rng = random.Random(0)
    sizes = [int(rng.lognormvariate(6, 1)) + 1 for _ in range(5000)]
    check = TokenLengths(CheckSettings())
    check.merge("", check.scan(sized(sizes)))

    for percent in (1, 50, 95, 99, 100):
        exact = sorted(sizes)[-(-len(sizes) * percent // 100) - 1]
        assert exact <= check.percentile(percent) <= exact * 1.03 + 1


def test_rows_over_max_length_need_agreement_when_they_are_more_than_one_percent() -> None:
    settings = CheckSettings(max_length=1000)

    many = by_rule("lengths", settings, rows=sized([900] * 97 + [1001, 2500, 1001]))["SL3"]
    few = by_rule("lengths", settings, rows=sized([900] * 999 + [1001]))["SL3-few"]

    assert (many.severity, many.count, many.line) == ("confirm", 3, 98)
    assert "3072 would hold all" in many.message
    assert (few.severity, few.count) == ("info", 1)


def test_a_needlessly_large_max_length_comes_with_one_that_would_do() -> None:
    found = by_rule("lengths", CheckSettings(max_length=8192), rows=sized([500] * 95 + [1500] * 5))

    assert "2048 would do" in found["SL2"].message
    assert found["SL2"].fix == '"max_length": 2048'
    assert "SL2" not in by_rule("lengths", CheckSettings(max_length=1024), rows=sized([500] * 100))


def test_a_length_that_would_do_leaves_no_more_than_one_percent_out() -> None:
    sizes = [500] * 960 + [3000] * 30 + [6000] * 10

    fix = by_rule("lengths", CheckSettings(max_length=8192), rows=sized(sizes))["SL2"].fix

    assert fix == '"max_length": 3072'
    assert "SL3" not in by_rule("lengths", CheckSettings(max_length=3072), rows=sized(sizes))
    assert "SL2" not in by_rule("lengths", CheckSettings(max_length=8192), rows=sized([500] * 960 + [9000] * 40))


def test_lengths_are_told_with_their_basis() -> None:
    found = by_rule("lengths", CheckSettings(), rows=sized([10, 100, 1000]))

    assert found.keys() == {"SL-lengths"}
    assert "longest 1000; estimated as UTF-8 bytes / 4" in found["SL-lengths"].message
    assert by_rule("lengths", CheckSettings(), rows=[]) == {}


def test_the_next_length_is_a_multiple_of_1024() -> None:
    assert [next_length(tokens) for tokens in (1, 1024, 1025, 5000)] == [1024, 1024, 2048, 5120]
