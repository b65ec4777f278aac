"""The metrics an evaluation job reports."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.server.sandbox.worker.metrics import NAMES, row_metrics, summary
from novaforge.tools.evaluation.figures import disagreements, figures_of
from novaforge.tools.evaluation.rows import Row
from novaforge.tools.evaluation.scoring import score_rows

WORDS = st.text(st.sampled_from("ab. \n"), max_size=12)


def reported(pairs: list[tuple[str, str]]) -> dict[str, float]:
    golds, outputs = [gold for gold, _ in pairs], [output for _, output in pairs]
    return summary([row_metrics(output, gold) for gold, output in pairs], outputs, golds)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_a_job_reports_the_figures_and_errors_that_get_evaluation_computes(pairs: list[tuple[str, str]]) -> None:
    found = reported(pairs)
    rows = [Row(str(place), "", "", gold, output) for place, (gold, output) in enumerate(pairs)]
    card = score_rows("job", rows, None, lambda share, text: None)
    ours = figures_of(card)
    assert set(found) == {f"{name}{end}" for name in NAMES for end in ("", "_stderr")}
    assert {name: ours[name].value for name in NAMES} == pytest.approx({name: found[name] for name in NAMES}, abs=1e-6)
    errors = {name: ours[name].se or 0.0 for name in NAMES}
    assert errors == pytest.approx({name: found[f"{name}_stderr"] for name in NAMES}, abs=1e-6)
    assert disagreements(figures_of(card.model_copy(update={"service": found}))) == []


def test_known_rows_have_known_figures() -> None:
    found = reported([("HQ", "The hq."), ("b c d d", "a b c"), ("x", " x\n"), ("x", "")])
    assert found["exact_match"] == 0.25
    assert found["quasi_exact_match"] == 0.5
    assert found["f1_score"] == pytest.approx((0 + 2 / 3 + 1 + 0) / 4)
    assert found["exact_match_stderr"] == pytest.approx(0.25)
    assert 0 < found["rouge1"] < 1


def test_one_row_has_no_error() -> None:
    assert reported([("x", "x")])["f1_score_stderr"] == 0
