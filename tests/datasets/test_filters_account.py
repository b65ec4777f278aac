"""Every row that filters leave out is counted, listed once under one filter, and the rest is written: in = out + left out."""

import json
import random
import string
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

SENTENCE = (
    "how do you read a list of rows from the file and print each one as text when it has no value in any column of the "
    "table that was made last week by someone who had never used this program before and did not know its name"
)
WORDS = SENTENCE.split(" ")
ALL = {
    "invalid_rows": True, "max_chars": 700, "quality": True, "languages": ["en"], "exact_duplicates": True,
    "near_duplicates": True,
}  # fmt: skip


def english(rng: random.Random) -> str:
    return " ".join(rng.sample(WORDS, 30)) + f" {''.join(rng.choices(string.ascii_lowercase, k=9))}?"


def rows() -> tuple[list[dict[str, str]], dict[int, str]]:
    """Return rows, and by line (the header is line 1) under which filter each bad one belongs when all filters are on."""
    rng = random.Random(2)
    good = [english(rng) for _ in range(120)]
    bad = {
        "max_chars": " ".join(english(rng) for _ in range(6)),
        "quality: min_chars": "too short",
        "quality: url_ratio": f"see https://example.com/{'a' * 60} and more text about this",
        "languages: fr": "Comment trier une liste de nombres dans l'ordre croissant sans utiliser la fonction de tri ?",
        "exact_duplicates": good[3],
        "near_duplicates": good[5] + " Thanks",
    }
    made, expected = [], {}
    places = dict(zip(sorted(rng.sample(range(20, 115), len(bad))), bad, strict=True))
    for at, text in enumerate(good):
        if at in places:
            made.append(bad[places[at]])
            expected[len(made) + 1] = places[at]
        made.append(text)
    return [{"Body": text, "Y": "a"} for text in made], expected


@pytest.mark.parametrize("only", [*ALL, "all"])
@pytest.mark.parametrize("split", [None, {"train": 0.7, "test": 0.3}], ids=["one file", "split"])
def test_what_comes_in_goes_out_or_is_listed_once(desk: "Desk", only: str, split: Any) -> None:
    given, expected = rows()
    source = desk.csv([tuple(row.values()) for row in given])
    wanted = ALL if only == "all" else {only: ALL[only]}

    result = desk.transform(source, columns={"query": "Body", "response": "Y"}, split=split, filters=wanted)

    tree = desk.tree()
    rejects = [json.loads(line) for line in tree.get("out/rejects.jsonl", b"").splitlines()]
    listed = {each["line"]: each["reason"].removeprefix("filter ") for each in rejects}
    if "exact_duplicates" not in wanted and "near_duplicates" in wanted:
        # An exact copy is a near one as well.
        expected = {line: name.replace("exact_duplicates", "near_duplicates") for line, name in expected.items()}
    due = {line: name for line, name in expected.items() if name.split(":")[0] in wanted}
    assert listed == due and len(rejects) == len(listed)
    written = sum(
        len(data.splitlines()) for name, data in tree.items() if name.startswith("out/") and name.endswith(".jsonl") and "rejects" not in name
    )  # fmt: skip
    assert written == result.rows_written == len(given) - len(due)
    manifest = json.loads(tree["out/manifest.json"])
    assert manifest["counts"]["rows_rejected"] == len(due)
    assert {reason.removeprefix("filter "): count for reason, count in manifest["rejected"].items()} == Counter(due.values())  # fmt: skip
