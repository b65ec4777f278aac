"""Times and ceilings come from stated figures and never understate what may be billed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.cost import RUNTIME_LIMIT_S, default_runtime, estimate_evaluation, estimate_rft, estimate_sft
from novaforge.guards.plan import NodeGroup, ceiling


def test_an_sft_step_takes_the_time_of_awss_sample_log() -> None:
    estimate = estimate_sft(100, 32, 4, "ml.p5.48xlarge")
    assert estimate.seconds_per_step == pytest.approx(73.79)
    assert estimate.seconds == 8279
    assert "73.79" in estimate.basis and "assumption" in estimate.basis


def test_twice_the_nodes_halve_and_twice_the_batch_doubles_a_step() -> None:
    one = estimate_sft(100, 32, 4, "ml.p5.48xlarge").seconds_per_step
    assert one is not None
    assert estimate_sft(100, 32, 8, "ml.p5.48xlarge").seconds_per_step == pytest.approx(one / 2)
    assert estimate_sft(100, 64, 4, "ml.p5.48xlarge").seconds_per_step == pytest.approx(one * 2)


def test_a_reinforcement_estimate_says_that_it_is_an_assumption() -> None:
    assert estimate_rft(50, 64, 8, 1024, 2, "ml.p5.48xlarge").basis.startswith("assumption, no figure is published")


def test_an_evaluation_takes_at_least_awss_sample_run() -> None:
    assert estimate_evaluation(5, 32768, 1, "ml.p5.48xlarge").seconds == 647
    assert estimate_evaluation(500, 32768, 1, "ml.p5.48xlarge").seconds == 704


@given(st.integers(0, 10**8))
def test_the_default_limit_is_an_hour_or_twice_the_estimate_in_whole_minutes(expected: int) -> None:
    limit = default_runtime(expected)
    assert limit % 60 == 0 and 3600 <= limit <= RUNTIME_LIMIT_S
    assert limit >= min(2 * expected, RUNTIME_LIMIT_S)


@given(st.integers(1, 64), st.integers(1, RUNTIME_LIMIT_S), st.decimals("0.001", "500", places=4))
def test_a_ceiling_is_every_node_for_the_whole_limit_and_never_rounded_down(
    count: int, seconds: int, usd: Decimal
) -> None:
    nodes = (NodeGroup(role="job", instance_type="ml.x", count=count),)
    total = ceiling(nodes, {"ml.x": usd}, seconds)
    exact = usd * count * seconds / 3600
    assert exact <= total < exact + Decimal("0.011")
