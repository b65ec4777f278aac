"""The chat format, and the cut of prompts that are too long."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="the sandbox extra is not installed")

from novaforge.server.sandbox.worker.chat import PLAIN_TEMPLATE, fit, head, prompt_ids, tail, training_ids
from novaforge.server.sandbox.worker.settings import Settings
from novaforge.server.sandbox.worker.standin import make_tokenizer

TOKENIZER: Any = make_tokenizer(Settings(vocabulary=400), ["the parcel is late, please help the customer"] * 3)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("ab 🎉é", max_size=200)
CHAT = st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), TEXT), min_size=1, max_size=5)


def _chat(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


@settings(deadline=None)
@given(CHAT, st.integers(16, 80))
def test_a_cut_prompt_fits_and_every_text_that_stays_keeps_its_end(turns: list[tuple[str, str]], limit: int) -> None:
    chat = _chat(*turns)
    kept = fit(TOKENIZER, chat, limit)
    assert len(prompt_ids(TOKENIZER, kept)) <= limit
    assert kept
    for short, whole in zip(reversed(kept), reversed(chat), strict=False):
        assert short["role"] == whole["role"]
        assert whole["content"].endswith(short["content"])


@settings(deadline=None)
@given(CHAT)
def test_a_prompt_that_fits_stays_as_it_is(turns: list[tuple[str, str]]) -> None:
    assert fit(TOKENIZER, _chat(*turns), 10_000) == _chat(*turns)


@settings(deadline=None)
@given(TEXT, st.integers(1, 40))
def test_head_and_tail_are_ends_of_the_text_and_never_split_a_character(text: str, tokens: int) -> None:
    for part, whole in (
        (tail(TOKENIZER, text, tokens), text.endswith),
        (head(TOKENIZER, text, tokens), text.startswith),
    ):
        assert whole(part)
        if len(TOKENIZER(text)["input_ids"]) <= tokens:
            assert part == text


@settings(deadline=None)
@given(TEXT)
def test_the_tokenizer_gives_every_text_back(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids, skip_special_tokens=False) == text


def test_the_loss_is_taken_of_the_answers_and_their_ends_only() -> None:
    chat = _chat(
        ("system", "s"), ("user", "where is it"), ("assistant", "late"), ("user", "and now"), ("assistant", "lost")
    )
    ids, labels = training_ids(TOKENIZER, chat)
    assert TOKENIZER.decode([label for label in labels if label != -100]) == "late<|end|>lost<|end|>"
    assert all(label in (-100, token) for label, token in zip(labels, ids, strict=True))


def test_training_and_asking_see_the_same_prompt() -> None:
    chat = _chat(("system", "s"), ("user", "where is the parcel"), ("assistant", "late"))
    ids, labels = training_ids(TOKENIZER, chat)
    start = next(place for place, label in enumerate(labels) if label != -100)
    assert ids[:start] == prompt_ids(TOKENIZER, chat[:-1])


def test_a_template_without_marks_trains_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = PLAIN_TEMPLATE.replace("{%- generation -%}", "").replace("{%- endgeneration -%}", "")
    monkeypatch.setattr(TOKENIZER, "chat_template", plain)
    chat = _chat(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "late"))
    _, labels = training_ids(TOKENIZER, chat)
    assert TOKENIZER.decode([label for label in labels if label != -100]).startswith("late<|end|>")


def test_the_same_texts_give_the_same_tokenizer() -> None:
    texts = ["one parcel", "two parcels", "three invoices"]
    made = [make_tokenizer(Settings(vocabulary=320), texts).get_vocab() for _ in range(2)]
    assert made[0] == made[1]
