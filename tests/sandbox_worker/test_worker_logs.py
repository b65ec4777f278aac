"""The worker's log lines are AWS's: what reads those reads these."""

import re
from datetime import UTC, datetime

import pytest

from novaforge.server.sandbox.worker.logs import note, rft_line, sft_line
from novaforge.tools.jobs.metrics import Metrics, read_metrics
from novaforge.tools.platforms.base import LogLine

AWS_STEP = re.compile(r"global_step[=:]\s*([\d.]+)")
AWS_LOSS = re.compile(r"reduced_train_loss[=:]\s*(-?[\d.]+(?:[eE][+-]?\d+)?)")
AWS_REWARD = re.compile(r"critic/rewards/mean[=:]\s*(-?[\d.]+(?:[eE][+-]?\d+)?)")


def _read(*lines: str) -> Metrics:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return read_metrics([LogLine(at=at, stream="s", text=line) for line in lines])


def test_an_sft_line_gives_step_loss_and_rate_to_the_readers_of_aws_lines() -> None:
    line = sft_line(100, 100, 2, 32, 0.79321, 1.003e-06, 73.791)
    assert (AWS_STEP.findall(line), AWS_LOSS.findall(line)) == (["99"], ["0.7932"])
    metrics = _read(line)
    assert (metrics.steps_done, metrics.steps_total) == (100, 100)
    assert metrics.series("lr") == [(99, 1.003e-06)]
    assert "consumed_samples: 3200" in line


def test_an_rft_line_gives_reward_and_divergence_in_spite_of_its_colours() -> None:
    line = rft_line(7, {"actor/ppo_kl": 0.00025, "training/global_step": 7, "critic/rewards/mean": -1e-05})
    assert "\x1b[" in line
    assert (AWS_STEP.findall(line), AWS_REWARD.findall(line)) == (["7"], ["-1e-05"])
    metrics = _read(line)
    assert metrics.series("kl") == [(7, 0.00025)]
    assert metrics.series("reward_mean") == [(7, -1e-05)]


def test_a_loss_that_is_no_number_is_shown_as_such() -> None:
    assert _read(sft_line(1, 2, 0, 4, float("nan"), 1e-3, 0.1)).broken["loss"] == {0}


def test_a_note_is_one_line_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    note("three rows")
    assert re.fullmatch(
        r"\[run\] \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] \[INFO\] three rows\n", capsys.readouterr().out
    )
