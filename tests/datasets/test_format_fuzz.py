"""Whatever JSON a row is, every format reads and checks it without failing, and the quick checks agree with the full ones."""

import importlib.util
import string
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.formats import converse_check, converse_plain, dpo, rft
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.converse_text import all_texts, holds_reserved_word, placed_texts
from novaforge.tools.datasets.formats.rules import RESERVED_WORDS, RULES
from novaforge.tools.datasets.formats.targets import ABILITIES
from novaforge.tools.datasets.rows import Hit

_spec = importlib.util.spec_from_file_location("rows_of_formats", Path(__file__).with_name("rows_of_formats.py"))
assert _spec is not None and _spec.loader is not None
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)

Row = dict[str, Any]
FORMATS: dict[str, RowFormat] = examples.FORMATS
GOOD: list[Row] = [row for rows in examples.GOOD.values() for row in rows]

KEYS = sorted({"schemaVersion", "candidates", "preferenceLabel", "metadata", "info", "task", "answer", "prompt", "tool_calls", "tool_call_id", "response_A", "images", "video", "document", "reasoningContent", "reasoningText", "toolUse", "toolResult", "toolConfig", "arguments", "extra"})  # fmt: skip
WORDS = ["", " ", "user", "assistant", "system", "tool", "preferred", "1", "look", "User: x", "{}", "s3://b/k", "png"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 1) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


@st.composite
def changed_rows(draw: st.DrawFn) -> Row:
    """Draw a good row of some format with up to three places removed, replaced, doubled or added to."""
    row = deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(0, 3))):
        found = places(row)
        if not found:
            break
        *before, last = draw(st.sampled_from(found))
        place: Any = row
        for step in before:
            place = place[step]
        match draw(st.sampled_from(["replace", "remove", "double", "add"])):
            case "replace":
                place[last] = draw(JSON)
            case "remove":
                del place[last]
            case "double" if isinstance(place, list):
                place.append(deepcopy(place[last]))
            case _ if isinstance(place, dict):
                place[draw(st.sampled_from(KEYS))] = draw(JSON)
            case _:
                place.append(draw(JSON))
    return row


def reads_and_checks(row_format: RowFormat, row: Row) -> None:
    hits = row_format.check(row)
    assert all(isinstance(hit, Hit) and hit.rule in RULES and hit.path.startswith("$") for hit in hits)
    assert isinstance(row_format.prompt(row), str) and isinstance(row_format.answer(row), str)
    assert all(isinstance(text, str) for text in row_format.texts(row))
    assert all(isinstance(part, str) for part in row_format.parts(row))


@pytest.mark.parametrize("key", FORMATS)
@settings(max_examples=60, deadline=None)
@given(row=st.dictionaries(st.sampled_from(["messages", "system", "id", "query", "response", "text", *KEYS]), JSON, max_size=5) | changed_rows())  # fmt: skip
def test_no_json_object_makes_a_format_fail(key: str, row: Row) -> None:
    reads_and_checks(FORMATS[key], row)


@settings(max_examples=400, deadline=None)
@given(row=changed_rows())
def test_the_quick_look_accepts_no_row_that_the_full_check_does_not(row: Row) -> None:
    for abilities in ABILITIES.values():
        if converse_plain.keeps_the_rules(row, abilities):
            assert converse_check.check(row, abilities) == []
    for wanted in FORMATS.values():
        quick = wanted.plain(row) if wanted.plain is not None else None
        if quick is not None:
            assert quick == (wanted.prompt(row), wanted.answer(row), tuple(wanted.texts(row)), wanted.parts(row))
    if dpo.keeps_the_rules(row):
        assert all(dpo.check_in_full(abilities, row) == [] for abilities in ABILITIES.values())
    if rft.keeps_the_rules(row):
        assert rft.check_in_full(row) == []


def test_the_quick_look_accepts_the_usual_rows() -> None:
    quick = [converse_plain.keeps_the_rules(row, ABILITIES["nova_lite_2"]) for row in examples.GOOD["sft"]]
    assert quick == [True, True, False, False, False, True]
    assert [dpo.keeps_the_rules(row) for row in examples.GOOD["dpo"]] == [True, False, True]
    assert [rft.keeps_the_rules(row) for row in examples.GOOD["rft"]] == [True, True, False, False]


@settings(max_examples=300, deadline=None)
@given(row=changed_rows())
def test_all_texts_are_the_texts_that_have_a_place(row: Row) -> None:
    assert all_texts(row) == [text for _, text in placed_texts(row)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*RESERVED_WORDS, *string.punctuation, "User", "er:", "image>", "unk", " ", "word"])))
def test_reserved_words_are_found_wherever_they_stand(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert holds_reserved_word(text) == any(word in text for word in RESERVED_WORDS)


TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: not text.isspace()) | st.sampled_from(
    ["User: x", "<image>", "[EOS]", "a: b", "fine"]
)
ID = st.sampled_from(["train-1", "7"])
FIELDS: dict[str, st.SearchStrategy[Row]] = {
    "sft": st.fixed_dictionaries({"query": TEXTS, "response": TEXTS}, optional={"system": TEXTS, "reasoning": TEXTS}),
    "sft1": st.fixed_dictionaries({"query": TEXTS, "response": TEXTS}, optional={"system": TEXTS}),
    "dpo": st.fixed_dictionaries({"query": TEXTS, "chosen": TEXTS, "rejected": TEXTS}, optional={"system": TEXTS}),
    "rft": st.fixed_dictionaries({"id": ID, "query": TEXTS, "response": TEXTS}, optional={"system": TEXTS, "extra": st.just({"level": 1})}),
    "nested": st.fixed_dictionaries({"id": ID, "query": TEXTS}, optional={"response": TEXTS, "task": TEXTS, "info": TEXTS | st.just({"n": 1})}),
    "flat": st.fixed_dictionaries({"id": ID, "query": TEXTS}, optional={"response": TEXTS, "info": TEXTS, "extra": st.just({"level": 1})}),
    "cpt": st.fixed_dictionaries({"text": TEXTS}),
    "qa": st.fixed_dictionaries({"id": ID, "query": TEXTS, "response": TEXTS}, optional={"system": TEXTS}),
    "judge": st.fixed_dictionaries({"query": TEXTS, "response_A": TEXTS, "response_B": TEXTS}),
}  # fmt: skip


@pytest.mark.parametrize("key", FIELDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_built_row_says_what_its_fields_say_and_the_quick_check_of_fields_agrees(
    key: str, data: st.DataObject
) -> None:
    fields, row_format = data.draw(FIELDS[key]), FORMATS[key]
    row = row_format.build(fields)
    assert {hit.rule for hit in row_format.check_fields(fields)} == {hit.rule for hit in row_format.check(row)}
    asked = fields["text"] if key == "cpt" else fields["query"]
    wanted = next((fields[name] for name in ("response", "chosen", "response_B") if name in fields), "")
    assert (row_format.prompt(row), row_format.answer(row)) == (asked, wanted)
    assert asked in list(row_format.texts(row))
