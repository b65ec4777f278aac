"""What a training's metrics say about its health (rule RL10 of design-anchors B1, and its like for SFT).

Every rule compares the means of the first and the last third of a series, so that one odd step says nothing.
"""

from collections.abc import Callable
from statistics import fmean, pvariance

from novaforge.guards.findings import Finding
from novaforge.tools.jobs.metrics import Metrics

MIN_POINTS = 9
LOW_REWARD = 0.15
"""AWS's RFT page: below this on a plateau the run is not learning (RL10)."""

FLAT_SHARE = 0.01
JUMP = 2.0
CUT_SHARE = 0.5

Rule = Callable[[Metrics], list[Finding]]


def watch(metrics: Metrics) -> list[Finding]:
    """Return what stands out in the metrics; nothing where a series is too short to judge."""
    return [finding for rule in RULES for finding in rule(metrics)]


def broken_loss(metrics: Metrics) -> list[Finding]:
    """Find a loss or reward that is no number."""
    return [
        _warn(
            "LOG-nan",
            f"{name} was not a number at {len(steps)} steps, first at step {min(steps)}",
            "stop the job: it cannot recover; lower the learning rate and look for odd rows",
        )
        for name, steps in sorted(metrics.broken.items())
        if name in {"loss", "reward_mean", "validation_loss", "grad_norm"}
    ]


def flat_loss(metrics: Metrics) -> list[Finding]:
    """Find a training loss that does not fall."""
    first, last = _thirds(metrics, "loss")
    if not first or fmean(last) <= fmean(first) - abs(fmean(first)) * FLAT_SHARE:
        return []
    message = f"the loss is not falling: {fmean(first):.4g} in the first third, {fmean(last):.4g} in the last"
    return [_warn("LOG-loss-flat", message, "check the learning rate and that the answers are in the rows")]


def low_reward(metrics: Metrics) -> list[Finding]:
    """Find a reward that stays low (RL10)."""
    first, last = _thirds(metrics, "reward_mean")
    if not first or fmean(last) >= LOW_REWARD or fmean(last) - fmean(first) > 0.05:
        return []
    message = f"the mean reward stays at {fmean(last):.3g}, below {LOW_REWARD} and not rising"
    return [_warn("RL10-reward", message, "consider stop_job; do SFT first or make the reward less sparse")]


def length_jump(metrics: Metrics) -> list[Finding]:
    """Find responses that grow or shrink suddenly, the usual sign of a gamed reward (RL10)."""
    first, last = _thirds(metrics, "response_length_mean")
    if not first or fmean(first) <= 0 or 1 / JUMP < fmean(last) / fmean(first) < JUMP:
        return []
    message = f"the mean response length went from {fmean(first):.4g} to {fmean(last):.4g} tokens"
    return [
        _warn("RL10-length", message, "read some responses: the reward may pay for length; see test_reward's probes")
    ]


def rising_variance(metrics: Metrics) -> list[Finding]:
    """Find a reward that scatters more and more (RL10)."""
    first, last = _thirds(metrics, "reward_mean")
    if not first or pvariance(last) <= max(JUMP**2 * pvariance(first), 0.01):
        return []
    message = f"the reward scatters more: variance {pvariance(first):.3g} at first, {pvariance(last):.3g} now"
    return [_warn("RL10-variance", message, "lower the learning rate or raise kl_loss_coef")]


def overfitting(metrics: Metrics) -> list[Finding]:
    """Find a validation result that worsens while the training result improves (RL10)."""
    found: list[Finding] = []
    for train, held_out, sign in (("loss", "validation_loss", -1), ("reward_mean", "validation_reward", 1)):
        better, worse = _change(metrics, train, 3), _change(metrics, held_out, 1)
        if better is not None and worse is not None and sign * better > 0 and sign * worse < 0:
            message = f"{held_out} is getting worse while {train} improves"
            found.append(_warn("RL10-val", message, "stop earlier or use fewer steps: the model is overfitting"))
    return found


def aborted(metrics: Metrics) -> list[Finding]:
    """Find rollouts that were aborted (RL10)."""
    share = max((value for _, value in metrics.series("aborted_ratio")), default=0.0)
    if share <= 0:
        return []
    message = f"up to {share:.1%} of the rollouts were aborted"
    return [_warn("RL10-aborted", message, "look for timeouts of the reward Lambda in the log")]


def cut_responses(metrics: Metrics) -> list[Finding]:
    """Find responses that are cut at the length limit."""
    points = metrics.series("response_clip_ratio")
    if not points or points[-1][1] <= CUT_SHARE:
        return []
    message = f"{points[-1][1]:.0%} of the responses are cut at max_new_tokens"
    return [_warn("LOG-cut", message, "raise max_new_tokens, or the reward judges unfinished answers")]


RULES: tuple[Rule, ...] = (
    broken_loss,
    flat_loss,
    low_reward,
    length_jump,
    rising_variance,
    overfitting,
    aborted,
    cut_responses,
)


def _thirds(metrics: Metrics, name: str) -> tuple[list[float], list[float]]:
    values = [value for _, value in metrics.series(name)]
    third = len(values) // 3
    return (values[:third], values[-third:]) if len(values) >= MIN_POINTS else ([], [])


def _change(metrics: Metrics, name: str, width: int) -> float | None:
    """Return the mean of the last `width` values less that of the first; None when there are too few."""
    values = [value for _, value in metrics.series(name)]
    if len(values) < 2 * width + 1:
        return None
    return fmean(values[-width:]) - fmean(values[:width])


def _warn(rule: str, message: str, fix: str) -> Finding:
    return Finding(rule=rule, severity="warn", message=message, fix=fix)
