"""Corpus BLEU from per-row counts."""

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.evaluation.bleu import bleu_error, corpus_bleu, row_counts

SENTENCE = st.lists(st.sampled_from(["the", "cat", "sat", "on", "mat", ",", "."]), max_size=9).map(" ".join)


@settings(deadline=None)
@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=6))
def test_it_equals_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    golds, outputs = [gold for gold, _ in pairs], [output for _, output in pairs]
    expected = sacrebleu.corpus_bleu(outputs, [golds]).score
    assert corpus_bleu(row_counts(golds, outputs)) == pytest.approx(expected, abs=1e-9)


def test_identical_texts_score_100_and_labels_of_one_word_score_0_even_when_all_are_right() -> None:
    text = "one two three four five"
    assert corpus_bleu(row_counts([text], [text])) == pytest.approx(100)
    assert corpus_bleu(row_counts(["HQ"] * 5, ["HQ"] * 5)) == 0


def test_the_error_is_the_spread_over_resampled_rows_and_the_same_every_time() -> None:
    golds = ["one two three four five six"] * 40
    outputs = [gold if place % 2 else "one two nine four five six" for place, gold in enumerate(golds)]
    counts = row_counts(golds, outputs)
    error = bleu_error(counts)
    assert error is not None and 0.5 < error < 15
    assert error == bleu_error(counts)
    assert bleu_error(counts[:20]) > error  # type: ignore[operator]  # 20 rows always have an error
    assert bleu_error(row_counts(golds, golds)) == pytest.approx(0, abs=1e-9)
    assert bleu_error(counts[:1]) is None
