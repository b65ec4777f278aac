"""What the metrics of a run give away."""

import math
from collections.abc import Callable

import pytest

from novaforge.tools.jobs.metrics import Metrics
from novaforge.tools.jobs.monitor import RULES, watch
from novaforge.tools.jobs.plot import plot_metrics


def run(**series: Callable[[int], float]) -> Metrics:
    metrics = Metrics()
    for name, value in series.items():
        for step in range(30):
            metrics.add(step, name, value(step))
    return metrics


def rules(metrics: Metrics) -> list[str]:
    return [finding.rule for finding in watch(metrics)]


HEALTHY_SFT = run(loss=lambda s: 2.0 - s / 20, validation_loss=lambda s: 2.1 - s / 25, grad_norm=lambda s: 1.0)
HEALTHY_RFT = run(
    reward_mean=lambda s: -0.5 + s / 25,
    response_length_mean=lambda s: 40 + s / 10,
    response_clip_ratio=lambda s: 0.01,
    aborted_ratio=lambda s: 0.0,
)


def test_a_healthy_run_raises_nothing() -> None:
    assert rules(HEALTHY_SFT) == []
    assert rules(HEALTHY_RFT) == []


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        ("LOG-nan", run(loss=lambda s: math.nan if s > 20 else 2.0 - s / 20)),
        ("LOG-loss-flat", run(loss=lambda s: 1.5)),
        ("LOG-loss-flat", run(loss=lambda s: 1.0 + s / 10)),
        ("RL10-reward", run(reward_mean=lambda s: 0.1)),
        ("RL10-reward", run(reward_mean=lambda s: -0.9)),
        ("RL10-length", run(response_length_mean=lambda s: 20 + (s > 15) * 80.0)),
        ("RL10-length", run(response_length_mean=lambda s: 100 - (s > 15) * 80.0)),
        ("RL10-variance", run(reward_mean=lambda s: 0.5 + (0.4 * (-1) ** s if s > 18 else 0.0))),
        ("RL10-val", run(loss=lambda s: 2.0 - s / 20, validation_loss=lambda s: 1.0 + s / 50)),
        ("RL10-val", run(reward_mean=lambda s: s / 30, validation_reward=lambda s: 0.6 - s / 100)),
        ("RL10-aborted", run(aborted_ratio=lambda s: 0.05 if s == 3 else 0.0)),
        ("LOG-cut", run(response_clip_ratio=lambda s: 0.8)),
    ],
)
def test_each_illness_is_found_and_named(rule: str, bad: Metrics) -> None:
    found = [finding for finding in watch(bad) if finding.rule == rule]
    assert [(finding.severity, bool(finding.fix)) for finding in found] == [("warn", True)]


def test_a_short_series_is_not_judged() -> None:
    metrics = Metrics()
    for step in range(5):
        metrics.add(step, "loss", 1.0)
        metrics.add(step, "reward_mean", 0.0)
    assert rules(metrics) == []


def test_no_rule_fails_without_metrics() -> None:
    assert all(rule(Metrics()) == [] for rule in RULES)


@pytest.mark.parametrize(
    "metrics", [HEALTHY_SFT, HEALTHY_RFT, run(reward_mean=float, reward_min=float, reward_max=float)]
)
def test_the_curve_is_a_png(metrics: Metrics) -> None:
    png = plot_metrics(metrics, "job-a")
    assert png is not None and png.startswith(b"\x89PNG") and len(png) > 5000


def test_nothing_to_draw_gives_no_image() -> None:
    metrics = Metrics()
    metrics.add(1, "loss", 2.0)
    assert plot_metrics(metrics, "job-a") is None
