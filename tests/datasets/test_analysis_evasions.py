"""Copies that were made to look different to a program and alike to a person are found; what is not found is stated here too."""

import random
import unicodedata
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.folded import folded, words_of
from novaforge.tools.datasets.analysis.registry import make_checks, prepare
from novaforge.tools.datasets.analysis.shingles import shingles

LOOKS = dict(zip("aeopcxyijs", "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0458\u0455", strict=True))
RNG = random.Random(5)
WORDS = ["".join(RNG.choices("abcdefghijklmnoprstuvwxyz", k=RNG.randint(2, 9))) for _ in range(4000)]


def query(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words)).capitalize() + "?"


def views(texts: Sequence[str]) -> list[RowView]:
    return [RowView(line, text, "a", (text, "a")) for line, text in enumerate(texts, start=1)]


def overlap(texts: Sequence[str], other: Sequence[str]) -> int:
    """Return how many rows have nearly the same query in the other file."""
    settings = prepare(CheckSettings(references=("other",)), views(texts)[:200])
    (worker,), (parent,) = (make_checks(settings, ["near copies"]) for _ in range(2))
    for name, source in {"": texts, "other": other}.items():
        rows = views(source)
        for start in range(0, len(rows), 70):
            parent.merge(name, worker.scan(rows[start : start + 70]))
    found = {each.rule: each.count for each in parent.findings(len(texts))}
    return found.get("DA11-near-overlap", 0)


CHANGES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "a mark after each word": lambda text: text.replace(" ", ", "),
    "another mark after each word": lambda text: text.replace(" ", ". "),
    "words in quotes": lambda text: " ".join(f'"{word}"' for word in text.split()),
    "Cyrillic look-alikes": lambda text: "".join(LOOKS.get(char, char) for char in text),
    "some Cyrillic look-alikes": lambda text: text.replace("e", LOOKS["e"]).replace("o", LOOKS["o"]),
    "Greek look-alikes": lambda text: text.replace("o", "\u03bf").replace("a", "\u03b1"),
    "full-width letters": lambda text: "".join(chr(ord(char) + 0xFEE0) if char.isalpha() else char for char in text),
    "mathematical letters": lambda text: "".join(
        chr(0x1D41A + ord(char) - 97) if char.islower() else char for char in text
    ),
    "accents": lambda text: text.replace("e", "\u00e9").replace("u", "u\u0308"),
    "zero-width spaces within words": "\u200b".join,
    "soft hyphens within words": "\u00ad".join,
    "typographic marks": lambda text: "\u201c" + text.replace(" ", " \u2013 ") + "\u201d\u2026",
    "other line ends": lambda text: text.replace(" ", "\r\n"),
    "markup of quotes": lambda text: "`" + text.replace(" ", "_ _") + "`",
}


@pytest.mark.parametrize("words", [6, 120], ids=["short queries", "long queries"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_in_disguise_is_found(change: str, words: int) -> None:
    rng = random.Random(words)
    texts = [query(rng, words) for _ in range(300)]
    other = [query(rng, words) for _ in range(100)] + [CHANGES[change](text) for text in texts[50:70]]

    # What a change leaves as it was is told by the exact check.
    changed = sum(CHANGES[change](text) != text for text in texts[50:70])
    assert changed >= 15
    assert overlap(texts, other) == changed


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text[::-1],
        lambda text: " ".join(f"{word} *" for word in text.split()),
        lambda text: text.replace("e", "3").replace("o", "0"),
        lambda text: " ".join(f"{word}x" for word in text.split()),
    ],
    ids=["half a query", "words backwards", "operators between words", "digits for letters", "misspelt words"],
)
def test_these_disguises_are_not_seen_through(change: Callable[[str], str]) -> None:
    """Told in the README; a change that finds one of them is welcome and moves it to the list above."""
    rng = random.Random(9)
    texts = [query(rng, 120) for _ in range(100)]

    assert overlap(texts, [change(text) for text in texts[:10]]) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the sum of 1, 23 and 4?", "What is the sum of 12, 3 and 4?"),
        ("Evaluate a + b for a = 3, b = 4", "Evaluate a - b for a = 3, b = 4"),
        ("Is x <= 5 the right condition here?", "Is x >= 5 the right condition here?"),
        ("How do I read a file in C#?", "How do I read a file in C++?"),
        ("Put it on the left side please", "Put it on the right side please"),
        ("\u65e5\u672c\u8a9e\u306e\u8cea\u554f\u3067\u3059\u304b", "\u65e5\u672c\u8a9e\u306e\u7b54\u3048\u3067\u3059\u304b"),
    ],
)  # fmt: skip
def test_short_queries_that_ask_something_else_are_no_copies(one: str, other: str) -> None:
    assert overlap([one], [other]) == 0


def test_greetings_are_left_to_the_exact_check() -> None:
    assert overlap(["Hi there!"], ["hi there"]) == 0


@given(st.text(max_size=80))
def test_folding_a_folded_text_changes_nothing(text: str) -> None:
    once = folded([text.encode("utf-8", "surrogatepass")])

    assert folded(once) == once
    once[0].decode("utf-8", "surrogatepass")


@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_plain_ascii_is_left_as_it_is(text: str) -> None:
    assert folded([text.encode()]) == [text.encode()]


@given(st.text(st.sampled_from("ab\u00e9\u0301\u200b. \u201c"), max_size=40))
def test_composed_and_decomposed_texts_are_alike(text: str) -> None:
    one, two = (words_of(folded([unicodedata.normalize(form, text).encode()])[0]) for form in ("NFC", "NFD"))
    assert one == two


def test_words_that_tell_languages_apart_keep_their_letters() -> None:
    """Folding must not make unrelated texts of other scripts alike."""
    scripts = ["\u4e2d\u6587\u5b57\u7b26\u4e32", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0645\u0631\u062d\u0628\u0627"]  # fmt: skip
    plain = folded([each.encode() for each in scripts])

    assert len(set(plain)) == len(scripts) and all(len(text) >= 10 for text in plain)
    assert all(len(shingles([each * 20]).hashes) > 100 for each in scripts)
