"""Metrics from the log lines of every container."""

import math
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.jobs.metrics import NAMES, Metrics, pairs, read_metrics, summary, thin
from novaforge.tools.platforms.base import LogLine
from novaforge.tools.platforms.loglines import physical_lines

PIPE = (
    "Training epoch 0, iteration 99/99 | lr: 1.003e-06 | global_batch_size: 32 | global_step: 99 | "
    "reduced_train_loss: 0.7932 | train_step_timing in s: 73.79 | consumed_samples: 3200"
)
PROGRESS_BAR = (
    "[run] [2025-12-17 04:54:49,774] [INFO] Epoch 1: : 1it [00:04, 4.36s/it, v_num=d3c7, reduced_train_loss=0.674, "
    "global_step=1.000, consumed_samples=128.0, train_step_timing in s=3.370]"
)
HYPERPOD_RFT = (
    "global_step: 4 | prompt_length: 90 | completion_length: 210.5 | train_rm_score: 0.6797 | kl: 0.0008378 | "
    "ent: 0.1944 | clipfrac: 0.004458"
)
VERL = (
    "\x1b[36m(TaskRunner pid=12647)\x1b[0m step:295 - actor/entropy:2.54 - actor/reward_kl_penalty:-0.29 - "
    "actor/pg_loss:0.0 - actor/ppo_kl:0.01 - actor/grad_norm:0.37 - actor/lr:1e-05 - training/global_step:295 - "
    "training/epoch:5 - critic/score/mean:0.80 - critic/rewards/mean:0.83 - critic/rewards/max:1.09 - "
    "critic/rewards/min:-0.99 - response_length/mean:4.7 - response_length/clip_ratio:0.0 - perf/throughput:38.8"
)


def lines(*texts: str, stream: str = "algo-1") -> list[LogLine]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [LogLine(at=at, stream=stream, text=line) for text in texts for line in physical_lines(text)]


def last_values(metrics: Metrics) -> dict[str, float]:
    return {name: metrics.series(name)[-1][1] for name in metrics.values}


@pytest.mark.parametrize(
    ("line", "step", "values"),
    [
        (PIPE, 99, {"loss": 0.7932, "lr": 1.003e-06, "step_time": 73.79}),
        (PROGRESS_BAR, 1, {"loss": 0.674, "step_time": 3.37}),
        (
            HYPERPOD_RFT,
            4,
            {
                "reward_mean": 0.6797,
                "kl": 0.0008378,
                "entropy": 0.1944,
                "clip_fraction": 0.004458,
                "response_length_mean": 210.5,
            },
        ),
        (
            VERL,
            295,
            {
                "reward_mean": 0.83,
                "reward_max": 1.09,
                "reward_min": -0.99,
                "kl": 0.01,
                "entropy": 2.54,
                "grad_norm": 0.37,
                "lr": 1e-05,
                "epoch": 5,
                "response_length_mean": 4.7,
                "response_clip_ratio": 0.0,
                "throughput": 38.8,
            },
        ),
        (
            "{'loss': 0.5, 'grad_norm': 1.5, 'learning_rate': 1e-5, 'step': 3}",
            3,
            {"loss": 0.5, "grad_norm": 1.5, "lr": 1e-5},
        ),
        ("global_step: 7 | val_loss: 1.25 | samples/sec: 12", 7, {"validation_loss": 1.25, "throughput": 12}),
    ],
)
def test_each_containers_line_gives_its_metrics(line: str, step: int, values: dict[str, float]) -> None:
    metrics = read_metrics(lines(line))
    assert last_values(metrics) == values
    assert {point[0] for name in values for point in metrics.series(name)} == {step}


def test_progress_bar_updates_of_one_event_are_separate_and_a_repeated_step_counts_once() -> None:
    text = "a, reduced_train_loss=9.0, global_step=1.000#015b, reduced_train_loss=2.0, global_step=1.000"
    assert read_metrics(lines(text)).series("loss") == [(1, 2.0)]


def test_a_value_without_a_step_belongs_to_the_last_step_of_its_own_stream() -> None:
    mixed = [
        *lines("global_step: 5 | reduced_train_loss: 1", stream="algo-1"),
        *lines("val_loss: 3", stream="algo-2"),
        *lines("val_loss: 2", "reduced_train_loss: 7", stream="algo-1"),
    ]
    metrics = read_metrics(mixed)
    assert (metrics.series("validation_loss"), metrics.series("loss")) == ([(5, 2.0)], [(5, 1.0)])


def test_steps_counted_from_zero_are_done_after_the_last_iteration() -> None:
    metrics = read_metrics(lines(PIPE))
    assert (metrics.steps_done, metrics.steps_total) == (100, 100)
    assert read_metrics(lines(VERL)).steps_done == 295


def test_a_number_glued_to_other_text_is_not_a_metric() -> None:
    assert pairs("loss=4.36it step=1") == {"step": 1.0}
    assert pairs("loss: 0.5. lr: 1e-5, other_loss=3 step_time: 2.5s") == {"loss": 0.5, "lr": 1e-5, "step_time": 2.5}


def test_not_a_number_is_counted_apart_so_that_the_summary_stays_json() -> None:
    metrics = read_metrics(
        lines("global_step: 1 | loss: 2", "global_step: 2 | loss: nan", "global_step: 3 | loss: inf")
    )
    shown = summary(metrics)["loss"]
    assert (shown["count"], shown["not_a_number"], shown["series"]) == (1, 2, [[1, 2.0]])
    only = summary(read_metrics(lines("step:1 - loss:nan")))["loss"]
    assert only == {"count": 0, "not_a_number": 1}


def test_a_summary_has_the_extremes_and_a_thinned_series_with_both_ends() -> None:
    metrics = read_metrics(lines(*(f"global_step: {step} | loss: {abs(step - 600)}" for step in range(1000))))
    shown = summary(metrics)["loss"]
    assert [shown[name] for name in ("first", "last", "min", "max", "count")] == [600, 399, 0, 600, 1000]
    series = shown["series"]
    assert isinstance(series, list) and len(series) == 40
    assert (series[0], series[-1]) == ([0, 600.0], [999, 399.0])


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), unique_by=lambda p: p[0]), st.integers(2, 50))
def test_thinning_keeps_order_and_ends(points: list[tuple[int, float]], most: int) -> None:
    kept = thin(sorted(points), most)
    assert len(kept) == min(len(points), most)
    assert kept == sorted(set(kept)) and (not points or (kept[0], kept[-1]) == (min(points), max(points)))


WORDS = st.sampled_from(
    [*(name for names in NAMES.values() for name in names), "global_step", "iteration 1/", "=", ":", "nan", "1e999", "-", "9" * 30, "\x1b[0m", '"', "|"]
)  # fmt: skip


@given(st.lists(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=12).map(" ".join)), max_size=8))
def test_random_junk_never_raises_and_only_finite_numbers_come_out(texts: list[str]) -> None:
    metrics = read_metrics(lines(*texts))
    assert all(math.isfinite(value) for name in metrics.values for _, value in metrics.series(name))
    summary(metrics)


@pytest.mark.parametrize("unit", ["a", "a=", "loss: ", "1.", " ", "x in s ", "e1", "loss=1e1", "/", "'"])
def test_a_hostile_line_is_read_in_no_time(unit: str) -> None:
    text = unit * (8000 // len(unit))
    began = time.process_time()
    pairs(text)
    pairs("loss" + text)
    assert time.process_time() - began < 5
