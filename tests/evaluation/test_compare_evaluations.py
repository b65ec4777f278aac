"""The tool compare_evaluations."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.evaluation.results import Comparison, Difference
from novaforge.tools.evaluation.tool import compare_evaluations
from novaforge.tools.evaluation.verdict import sentence

Archive = Callable[..., bytes]
Pairs = Sequence[tuple[str, str]]

ROWS = 200
GOLD = ["HQ", "LQ"] * (ROWS // 2)


def right(count: int, wrong: str = "no idea") -> list[tuple[str, str]]:
    """The first `count` rows right, the others answered alike."""
    return [(gold, gold if place < count else wrong) for place, gold in enumerate(GOLD)]


@pytest.fixture
def study(ctx: ToolContext, jobs: Any, archive: Archive) -> ToolContext:
    """Baseline, SFT and RFT evaluations of the same 200 rows: 20, 150 and 153 right."""
    jobs.add("train-sft", kind="training", method="SFT_LORA")
    jobs.add("train-rft", kind="training", method="RFT_LORA")
    jobs.add("e-base", archive(right(20)))
    jobs.add("e-sft", archive(right(150)), spec={"base_job": "train-sft", "base": "train-sft"})
    jobs.add("e-rft", archive(right(153)), spec={"base_job": "train-rft", "base": "train-rft"})
    return ctx


def compared(ctx: ToolContext, *job_ids: str, **more: Any) -> Comparison:
    return compare_evaluations(ctx, job_ids=list(job_ids), **more)


def difference(result: Comparison, metric: str, first: str, second: str) -> Difference:
    (found,) = [one for one in result.differences if (one.metric, one.first, one.second) == (metric, first, second)]
    return found


def test_jobs_are_named_by_what_they_evaluated_and_paired_one_after_the_other_and_first_with_last(
    study: ToolContext,
) -> None:
    result = compared(study, "e-base", "e-sft", "e-rft")
    assert [job["name"] for job in result.jobs] == ["baseline", "SFT", "RFT"]
    pairs = [(one.first, one.second) for one in result.differences if one.metric == "exact_match"]
    assert pairs == [("baseline", "SFT"), ("SFT", "RFT"), ("baseline", "RFT")]


def test_the_table_has_each_metric_with_its_error_for_each_job(study: ToolContext) -> None:
    result = compared(study, "e-base", "e-sft", "e-rft")
    assert [figure.value for figure in result.table["exact_match"]] == [0.1, 0.75, 0.765]
    assert all(figure.se is not None and figure.se > 0 for figure in result.table["exact_match"])
    assert {"label_accuracy", "macro_f1", "rougeL", "bleu"} <= set(result.table)


def test_a_clear_gain_is_called_better_with_interval_and_p_value(study: ToolContext) -> None:
    result = compared(study, "e-base", "e-sft", "e-rft")
    found = difference(result, "exact_match", "baseline", "SFT")
    assert found.significant and found.low < 0.65 < found.high
    assert result.verdict[0].startswith("SFT is better than baseline: +65.0 points of exact match, 95 % interval +5")
    assert "McNemar p < 0.001" in result.verdict[0]


def test_a_small_gain_is_not_called_better(study: ToolContext) -> None:
    result = compared(study, "e-base", "e-sft", "e-rft")
    # Three rows gained, none lost: exact p = 2 / 2^3.
    assert difference(result, "exact_match", "SFT", "RFT").p == 0.25
    assert "RFT vs SFT: +1.5 points of exact match, not significant" in result.verdict[1]
    assert "would usually be missed" in result.verdict[1] and "better" not in result.verdict[1]
    assert any("does not show equality" in note for note in result.notes)


def test_p_values_of_several_pairs_are_holm_adjusted(study: ToolContext) -> None:
    result = compared(study, "e-base", "e-sft", "e-rft")
    exact = [one for one in result.differences if one.metric == "exact_match"]
    assert exact[0].p_holm == pytest.approx(2 * exact[0].p) and exact[2].p_holm == pytest.approx(3 * exact[2].p)
    assert any("Holm-adjusted for 3 pairs" in note for note in result.notes)
    assert all("Holm" not in note for note in compared(study, "e-base", "e-sft").notes)


def test_a_loss_is_called_worse(study: ToolContext) -> None:
    assert "baseline is worse than SFT: -65.0 points" in compared(study, "e-sft", "e-base").verdict[0]


def test_the_verdict_on_labels_is_added_where_it_concludes_otherwise(
    ctx: ToolContext, jobs: Any, archive: Archive
) -> None:
    jobs.add("e-1", archive([(gold, f"I would say {gold}.") for gold in GOLD]))
    jobs.add("e-2", archive([(gold, gold) for gold in GOLD]))
    verdict = compared(ctx, "e-1", "e-2").verdict
    assert len(verdict) == 2 and " is better than " in verdict[0]
    assert verdict[1].startswith("By the label read from the answers instead:") and "not significant" in verdict[1]


def test_short_gold_answers_bring_the_remark_on_bleu_and_rouge(study: ToolContext, jobs: Any, archive: Archive) -> None:
    assert any(note.startswith("BLEU and ROUGE say little") for note in compared(study, "e-base", "e-sft").notes)
    prose = [(f"a gold answer of some length number {place}", "one answer") for place in range(20)]
    jobs.add("long-1", archive(prose))
    jobs.add("long-2", archive(prose))
    assert not any(note.startswith("BLEU") for note in compared(study, "long-1", "long-2").notes)


def test_rows_are_matched_by_id_whatever_their_order(
    ctx: ToolContext, jobs: Any, tarball: Callable[[dict[str, bytes]], bytes], line: Callable[..., bytes]
) -> None:
    lines = [line(f"gold {place}", f"gold {place if place < 15 else 0}", f"id-{place}", "q") for place in range(20)]
    for job_id, ordered in (("e-1", lines), ("e-2", lines[::-1])):
        jobs.add(job_id, tarball({"r/eval_results/inference_output.jsonl": b"".join(ordered)}))
    result = compared(ctx, "e-1", "e-2")
    assert (result.rows, result.notes[0]) == (20, "Rows were matched by row id.")
    assert difference(result, "exact_match", *(str(job["name"]) for job in result.jobs)).p == 1
    assert [one.difference for one in result.differences] == [0.0] * len(result.differences)


def test_rows_without_ids_are_matched_by_prompt_and_gold_answer_repeats_in_order(
    ctx: ToolContext, jobs: Any, tarball: Callable[[dict[str, bytes]], bytes], line: Callable[..., bytes]
) -> None:
    same = [line("gold", output, None, "same question") for output in ("gold", "wrong", "gold")]
    other = [line("gold", "gold", None, "another question")]
    jobs.add("e-1", tarball({"r/eval_results/inference_output.jsonl": b"".join(same + other)}))
    jobs.add("e-2", tarball({"r/eval_results/inference_output.jsonl": b"".join(other + same)}))
    result = compared(ctx, "e-1", "e-2")
    assert (result.rows, result.notes[0]) == (4, "Rows were matched by prompt and gold answer.")
    assert all(one.low == one.high == 0 for one in result.differences)


def test_evaluations_of_other_rows_are_refused_with_the_count_of_common_rows(
    ctx: ToolContext, jobs: Any, tarball: Callable[[dict[str, bytes]], bytes], line: Callable[..., bytes]
) -> None:
    for job_id, start in (("e-1", 0), ("e-2", 8)):
        rows = b"".join(line("gold", "x", f"id-{place}", "q") for place in range(start, start + 10))
        jobs.add(job_id, tarball({"r/eval_results/inference_output.jsonl": rows}))
    with pytest.raises(InputError, match="2 are common, e-1 has 10, e-2 has 10") as caught:
        compared(ctx, "e-1", "e-2")
    assert caught.value.data["common_rows"] == 2


def test_rows_missing_on_one_side_are_left_out_everywhere_and_counted(
    study: ToolContext, jobs: Any, archive: Archive
) -> None:
    jobs.add("e-part", archive(right(150)[:160]))
    result = compared(study, "e-base", "e-part")
    assert result.rows == 160
    assert [figure.value for figure in result.table["exact_match"]] == [20 / 160, 150 / 160]
    assert any("160 common rows only: e-base has 200, e-part has 160" in one.message for one in result.findings)


def test_the_same_id_with_another_gold_answer_is_another_row(ctx: ToolContext, jobs: Any, archive: Archive) -> None:
    jobs.add("e-1", archive([("gold", "x")] * 20))
    jobs.add("e-2", archive([("gold" if place else "changed", "x") for place in range(20)]))
    result = compared(ctx, "e-1", "e-2")
    assert result.rows == 19
    assert any("1 rows with another gold answer left out" in one.message for one in result.findings)


def test_prompts_that_differ_between_jobs_are_pointed_out(
    ctx: ToolContext, jobs: Any, tarball: Callable[[dict[str, bytes]], bytes], line: Callable[..., bytes]
) -> None:
    for job_id, question in (("e-1", "short?"), ("e-2", "a longer question?")):
        rows = b"".join(line("gold", "x", f"id-{place}", question) for place in range(5))
        jobs.add(job_id, tarball({"r/eval_results/inference_output.jsonl": rows}))
    assert any(one.rule == "EVAL-prompts" and "5" in one.message for one in compared(ctx, "e-1", "e-2").findings)


def test_jobs_of_the_same_kind_are_told_apart_by_their_id(study: ToolContext, jobs: Any, archive: Archive) -> None:
    jobs.add("e-base2", archive(right(30)))
    names = [job["name"] for job in compared(study, "e-base", "e-base2").jobs]
    assert names == ["baseline (e-base)", "baseline (e-base2)"]


@pytest.mark.parametrize("job_ids", [["a"], ["a", "a"], list("abcdefg"), []])
def test_anything_but_two_to_six_different_jobs_is_refused(ctx: ToolContext, job_ids: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        compare_evaluations(ctx, job_ids=job_ids)
    assert caught.value.data["field"] == "job_ids"


def test_an_evaluation_without_rows_cannot_be_compared(
    study: ToolContext, jobs: Any, tarball: Callable[[dict[str, bytes]], bytes], results: Callable[..., bytes]
) -> None:
    data = tarball({"r/eval_results/results_1.json": results({"lambda_reward_score": 0.5}, "rft_eval_rft_eval")})
    jobs.add("e-reward", data)
    with pytest.raises(InputError, match="no rows to compare"):
        compared(study, "e-base", "e-reward")


def test_a_sandbox_comparison_says_that_the_stand_in_does_not_predict_nova(study: ToolContext) -> None:
    from dataclasses import replace

    result = compared(replace(study, mode=Mode(sandbox=True)), "e-base", "e-sft")
    assert result.sandbox and any("do not predict" in note for note in result.notes)
    assert not any("predict" in note for note in compared(study, "e-base", "e-sft").notes)


def test_the_plot_is_a_png_and_only_on_request(study: ToolContext) -> None:
    assert compared(study, "e-base", "e-sft").images == []
    (image,) = compared(study, "e-base", "e-sft", "e-rft", plots=True).images
    assert image.startswith(b"\x89PNG")


def made(**fields: Any) -> Difference:
    defaults: dict[str, Any] = {
        "metric": "exact_match", "difference": 0.1, "low": 0.02, "high": 0.18, "test": "mcnemar", "p": 0.01, "p_holm": 0.01,
        "detectable": 0.11, "first": "A", "second": "B",
    }  # fmt: skip
    return Difference(**(defaults | fields))


def test_no_verdict_claims_more_than_both_the_interval_and_the_test_show() -> None:
    assert sentence(made()).startswith("B is better than A")
    by_test = sentence(made(p_holm=0.06))
    assert "not significant: McNemar p = 0.06 (Holm)" in by_test
    by_interval = sentence(made(low=-0.01))
    assert "not significant: the interval contains 0" in by_interval
    assert "better" not in by_test and "better" not in by_interval
