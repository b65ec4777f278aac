"""Near copies are found where they were planted; shared templates and unrelated rows are not taken for any."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.analysis import spool
from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.registry import make_checks, prepare
from novaforge.tools.datasets.analysis.shingles import Template, shingles, template_of

WORDS = [f"w{at}{'xyz' * (at % 3)}" for at in range(5000)]


def text(rng: random.Random, words: int = 120) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def edited(rng: random.Random, source: str, edits: int = 2) -> str:
    words = source.split()
    for at in rng.sample(range(len(words)), edits):
        words[at] = "edited"
    return " ".join(words)


def rows_of(texts: Sequence[str]) -> list[RowView]:
    return [RowView(line, prompt, "a", (prompt, "a")) for line, prompt in enumerate(texts, start=1)]


def near(texts: Sequence[str], **others: Sequence[str]) -> dict[str, Finding]:
    settings = prepare(CheckSettings(references=tuple(others)), rows_of(texts)[:200])
    (worker,), (parent,) = (make_checks(settings, ["near copies"]) for _ in range(2))
    for name, source in {"": texts, **others}.items():
        rows = rows_of(source)
        for start in range(0, len(rows), 300):
            parent.merge(name, worker.scan(rows[start : start + 300]))
    return {found.rule: found for found in parent.findings(len(texts))}


def test_unrelated_rows_have_no_near_copies() -> None:
    rng = random.Random(0)

    assert near([text(rng) for _ in range(3000)], other=[text(rng) for _ in range(1000)]) == {}


def test_edited_copies_are_found_with_the_line_they_resemble() -> None:
    rng = random.Random(1)
    texts = [text(rng) for _ in range(3000)]
    texts += [edited(rng, texts[at]) for at in range(500, 520)]

    found = near(texts)["DA11-some-near-duplicates"]

    assert found.count == 20
    assert "line" in found.message and "3001 (as 501)" in found.message


def test_near_copies_in_a_reference_block() -> None:
    rng = random.Random(2)
    texts = [text(rng) for _ in range(1000)]
    other = [text(rng) for _ in range(500)] + [edited(rng, texts[7])]

    found = near(texts, validation=other)["DA11-near-overlap"]

    assert (found.severity, found.count, found.line) == ("block", 1, 8)
    assert "with validation, 1 row: line 8 (as 501)" in found.message


def test_exact_copies_are_left_to_the_exact_check() -> None:
    rng = random.Random(3)
    texts = [text(rng) for _ in range(500)]

    assert near([*texts, texts[3]], other=[texts[4]]) == {}


def test_a_template_that_all_queries_share_makes_them_no_near_copies() -> None:
    rng = random.Random(4)
    frame = text(rng, 200)
    texts = [f"{frame} {text(rng, 25)} {frame}" for _ in range(600)]

    assert near(texts, other=[f"{frame} {text(rng, 25)} {frame}" for _ in range(300)]) == {}


def test_near_copies_within_a_template_are_found() -> None:
    rng = random.Random(5)
    frame = text(rng, 200)
    inner = [text(rng, 60) for _ in range(600)]
    inner.append(edited(rng, inner[9], 1))

    assert near([f"{frame} {each} {frame}" for each in inner])["DA11-some-near-duplicates"].count == 1


def test_it_is_said_when_most_queries_are_too_short_to_compare() -> None:
    found = near([f"question {at}" for at in range(300)])

    assert found["DA11-short"].severity == "not_checked"


def test_large_files_give_the_same_findings_in_less_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(6)
    texts = [text(rng) for _ in range(800)]
    texts += [edited(rng, texts[at]) for at in range(0, 800, 20)]
    other = [edited(rng, texts[at]) for at in range(0, 800, 50)]
    whole = near(texts, other=other)

    monkeypatch.setattr(spool, "BUCKET", 100)
    assert near(texts, other=other) == whole


def test_pieces_do_not_reach_over_the_end_of_a_text() -> None:
    texts = ["a" * 30, "", "short", "b" * 24, "\N{SNOWMAN}" * 26, "x"]

    found = shingles(texts, 24)

    assert [int(end - start) for start, end in zip(found.starts, found.starts[1:], strict=False)] == [
        7,
        0,
        0,
        1,
        3 * 26 - 23,
        0,
    ]
    for at, one in enumerate(texts):
        alone = shingles([one], 24).hashes
        assert found.hashes[found.starts[at] : found.starts[at + 1]].tolist() == alone.tolist()


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 13, 24, 31])
def test_equal_pieces_have_equal_hashes_wherever_they_stand(width: int) -> None:
    rng = random.Random(width)
    source = "".join(rng.choices("abcdefghij", k=200))
    hashes = shingles([source], width).hashes
    by_piece: dict[str, int] = {}
    for at, value in enumerate(hashes.tolist()):
        assert by_piece.setdefault(source[at : at + width], value) == value
    assert len(set(by_piece.values())) == len(by_piece)


@given(st.lists(st.text(max_size=60), max_size=8))
def test_texts_hashed_together_have_the_hashes_of_each_alone(texts: list[str]) -> None:
    found = shingles(texts, 24)

    for at, one in enumerate(texts):
        together = found.hashes[found.starts[at] : found.starts[at + 1]].tolist()
        assert together == shingles([one], 24).hashes.tolist()
    template_of(texts)


def test_more_than_one_percent_of_near_copies_is_a_warning() -> None:
    rng = random.Random(7)
    texts = [text(rng) for _ in range(100)]
    texts += [edited(rng, texts[at], 1) for at in (3, 4, 5)]

    assert near(texts)["DA11-near-duplicates"].severity == "warn"


def test_a_template_is_left_out_and_nothing_else() -> None:
    frame = "the frame that all of them share"
    texts = [f"{frame} {at}" for at in range(20)]

    rest = Template(template_of(texts)).without(shingles(["another text that is not like them", *texts]))

    assert int(rest.starts[1]) == len("anothertextthatisnotlikethem") - 17
    assert int(rest.starts[-1] - rest.starts[1]) <= 20 * 3


@pytest.mark.parametrize("change", [("  ",), ("\n",), ("\r\n",), ("\u00a0",), (" \u200b",), ("\u3000",)])
def test_blanks_do_not_make_another_text(change: tuple[str]) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    plain, changed = shingles([text, "x" * 30]), shingles([text.upper().replace(" ", *change), "x" * 30])
    assert (plain.hashes == changed.hashes).all() and (plain.starts == changed.starts).all()


@pytest.mark.parametrize(
    "blank", ["\x85", "\xa0", "\u2003", "\u200b", "\u2028", "\u202f", "\u2060", "\u3000", "\ufeff", "\x7f"]
)
def test_blanks_of_any_kind_do_not_count(blank: str) -> None:
    source = "Ünïcode テスト。, “quoted” and plain words that go on for a while"
    spaced = blank.join(source.split(" "))

    assert (
        shingles([source, spaced, "next to it"]).hashes.tolist()[: len(shingles([source]).hashes)]
        == shingles([spaced]).hashes.tolist()
    )
    assert len(shingles([source]).hashes) > 30
