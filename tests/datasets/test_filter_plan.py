"""Filters: strict arguments, what each leaves out under which name, and duplicates found from signatures."""

import pickle
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.analysis import spool
from novaforge.tools.datasets.analysis.spool import Spool
from novaforge.tools.datasets.filters.plan import FILTERS, Candidate, FilterPlan, parse_filters
from novaforge.tools.datasets.filters.quality import adult, character_repetition, word_repetition
from novaforge.tools.datasets.formats.converse import CONVERSE

GOOD = "How do I sort a list of tuples by the second item?\nI tried sorted() but it sorts by the first one."


def candidate(prompt: str, answer: str = "", *, blocked: bool = False, media: tuple[str, ...] = ()) -> Candidate:
    row = CONVERSE.build({"query": prompt, "response": answer})
    return Candidate(row, prompt, answer, blocked, media)


def plan(**filters: JsonValue) -> FilterPlan:
    made = parse_filters(filters, CONVERSE)
    travelled: FilterPlan = pickle.loads(pickle.dumps(made))
    return travelled


def removed(prompt: str, **filters: JsonValue) -> str:
    return plan(**filters).removes(candidate(prompt, "yes"))


def pairs(plan: FilterPlan, candidates: list[Candidate]) -> list[list[int]]:
    (each,) = plan.stateful
    signatures = Spool(each.words)
    for start in range(0, len(candidates), 90):
        signatures.add(each.signatures(candidates[start : start + 90]))
    found: list[list[int]] = each.duplicates(signatures).tolist()
    return found


@pytest.mark.parametrize(
    ("filters", "word"),
    [
        ({"exact_duplicate": True}, "did you mean exact_duplicates?"),
        ({"max_chars": 0}, "above 0"),
        ({"max_chars": True}, "above 0"),
        ({"max_tokens": "many"}, "above 0"),
        ({"invalid_rows": 1}, "true or false"),
        ({"quality": {"min_char": 3}}, "did you mean min_chars?"),
        ({"quality": {"min_chars": -1}}, "from 0"),
        ({"quality": {"max_url_ratio": 20}}, "from 0 to 1"),
        ({"quality": {"adult_urls": "no"}}, "true or false"),
        ({"quality": [1]}, "an object"),
        ({"languages": []}, "a list of codes"),
        ({"languages": True}, "a list of codes"),
        ({"languages": {"min_score": 0.4}}, "a list of codes"),
        ({"languages": ["english"]}, "ISO codes"),
        ({"languages": {"keep": ["en"], "min_scores": 1}}, "did you mean min_score?"),
        ({"near_duplicates": {"threshold": 0.2}}, "from 0.5 to 1"),
        ({"near_duplicates": {"num_perm": 100}}, "multiple of 16"),
        ({"near_duplicates": {"ngram": 2.5}}, "a whole number"),
        ({"near_duplicates": {"perms": 256}}, "settings: threshold, num_perm, ngram, seed"),
    ],
)
def test_what_is_not_understood_is_refused(filters: dict[str, JsonValue], word: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_filters(filters, CONVERSE)

    assert word in f"{caught.value} {caught.value.fix}"


@pytest.mark.parametrize("off", ["invalid_rows", "quality", "exact_duplicates", "near_duplicates", "languages"])
def test_a_filter_that_is_false_does_nothing(off: str) -> None:
    assert not plan(**{off: False})


def test_all_filters_together_keep_a_good_row() -> None:
    wanted = plan(
        invalid_rows=True, max_chars=1000, max_tokens=1000, quality=True, languages=["en"],
        exact_duplicates=True, near_duplicates=True,
    )  # fmt: skip

    assert set(wanted.names) == set(FILTERS)
    assert wanted.removes(candidate(GOOD, "HQ")) == ""


def test_invalid_and_long_rows_are_left_out_by_name() -> None:
    assert plan(invalid_rows=True).removes(candidate("x", "y", blocked=True)) == "invalid_rows"
    assert removed("x" * 98, max_chars=100) == "max_chars"
    assert removed("x" * 97, max_chars=100) == ""
    assert removed("\N{SNOWMAN}" * 14, max_tokens=11) == "max_tokens"
    assert removed("x" * 41, max_tokens=11) == ""


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("too short", "min_chars"),
        ("a\nb\nc\nd\ne\nf\n" * 6, "min_line_chars"),
        (f"see https://example.com/{'a' * 40} and more text about this matter", "url_ratio"),
        (f"{GOOD} {GOOD} http://www.pornhub.com/x {GOOD} {GOOD} {GOOD}", "adult_url"),
        ("=-=-#+*=-" * 4 + "".join(random.Random(0).choices("=-#+*!$%&", k=60)) + " abc", "alphanumeric_ratio"),
        ("one two three four five six seven eight nine ten " * 6, "word_repetition"),
        ("a" * 300, "character_repetition"),
        (f"{GOOD} l\u00c3\u00a9gende d\u00c3\u00a9j\u00c3\u00a0 vu", "mojibake"),
    ],
)
def test_each_test_of_quality_has_its_name(prompt: str, name: str) -> None:
    assert removed(prompt, quality=True) == f"quality: {name}"


def test_thresholds_of_quality_can_be_set() -> None:
    assert removed("short text", quality={"min_chars": 3, "min_line_chars": 0}) == ""
    assert removed(f"{GOOD} http://pornhub.com", quality={"adult_urls": False}) == ""


def test_only_hosts_make_a_url_adult() -> None:
    assert adult("https://m.xvideos.com/a") and adult("www.some.xxx")
    assert not adult("https://example.com/porn") and not adult("https://sussex.ac.uk/")


@given(st.text(max_size=300))
def test_repetition_is_a_share_of_any_text(text: str) -> None:
    assert 0 <= word_repetition(text) <= 1
    assert 0 <= character_repetition(text) <= 1
    plan(quality=True).removes(candidate(text))


def test_rows_in_other_languages_are_left_out_with_their_language() -> None:
    french = "Comment trier une liste de nombres dans l'ordre croissant sans utiliser la fonction de tri ?"

    assert removed(french, languages=["en"]) == "languages: fr"
    assert removed(french, languages=["en", "fr"]) == ""
    assert removed(GOOD, languages={"keep": ["en"], "min_score": 0.5}) == ""
    assert removed("12345 67", languages=["en"]) == "languages: unsure"


@pytest.mark.parametrize("text", ["Fix it", "Bonjour", "def f(x): return x+1", "git rebase -i HEAD~3", '{"a": 1}'])
def test_a_text_of_a_few_words_is_said_to_have_no_language(text: str) -> None:
    assert removed(text, languages=["en"]) == "languages: too short to tell"


@pytest.mark.parametrize("text", ["Sum 2 and 3", "Yes please", "for (int i = 0; i < n; i++) { total += values[i]; }"])
def test_short_texts_and_code_that_seem_to_be_in_a_wanted_language_are_kept(text: str) -> None:
    assert removed(text, languages=["en"]) == ""


@pytest.mark.parametrize(("text", "code"), [("\u4f60\u597d", "zh"), ("\u041f\u0440\u0438\u0432\u0435\u0442", "ru")])
def test_other_scripts_tell_themselves_in_a_word(text: str, code: str) -> None:
    assert removed(text, languages=["en"]) == f"languages: {code}"
    assert removed(text, languages=[code]) == ""


def test_exact_duplicates_repeat_texts_and_media() -> None:
    rows = [candidate("a", "x"), candidate("b", "x"), candidate("a", "x"), candidate("a", "y")]
    rows += [
        candidate("a", "x", media=("s3://b/1.png",)),
        candidate("a", "x"),
        candidate("a", "x", media=("s3://b/1.png",)),
    ]

    assert pairs(plan(exact_duplicates=True), rows) == [[2, 0], [5, 0], [6, 4]]


def texts(count: int, rng: random.Random) -> list[str]:
    words = ["".join(rng.choices(string.ascii_lowercase, k=7)) for _ in range(3000)]
    return [" ".join(rng.choices(words, k=100)) for _ in range(count)]


def test_near_duplicates_name_the_earliest_row_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    found = texts(700, rng)
    planted = {700 + at: 13 * at for at in range(30)}
    found += [f"{found[of][:300]}X{found[of][301:]}".upper() for of in planted.values()]
    rows = [candidate(each, rng.choice("ab")) for each in found]
    wanted = plan(near_duplicates=True)

    assert pairs(wanted, rows) == [[row, of] for row, of in planted.items()]
    monkeypatch.setattr(spool, "BUCKET", 50)
    assert pairs(wanted, rows) == [[row, of] for row, of in planted.items()]


def test_rows_shorter_than_a_piece_or_with_media_are_no_near_duplicates() -> None:
    long = texts(1, random.Random(1))[0]
    rows = [
        candidate("short"),
        candidate("short"),
        candidate(long, media=("s3://b/1",)),
        candidate(long, media=("s3://b/2",)),
    ]

    assert pairs(plan(near_duplicates=True), rows) == []


def test_settings_of_near_duplicates_are_used() -> None:
    (each,) = plan(near_duplicates={"threshold": 0.9, "num_perm": 64, "ngram": 5, "seed": 7}).stateful

    assert (each.name, each.words) == ("near_duplicates", 17)
    # Close enough for the default, not for a higher threshold with pieces of this width.
    base = texts(1, random.Random(2))[0]
    words = base.split()
    words[::14] = ["other"] * len(words[::14])
    rows = [candidate(base), candidate(" ".join(words)), candidate(base + " end")]
    assert pairs(plan(near_duplicates={"threshold": 0.95, "ngram": 5}), rows) == [[2, 0]]


def test_no_rows_have_no_duplicates() -> None:
    assert pairs(plan(near_duplicates=True), []) == []
    assert pairs(plan(exact_duplicates=True), []) == []
