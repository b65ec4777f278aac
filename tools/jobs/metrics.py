"""Training metrics from log lines of any of the containers, in `name=value` or `name: value` style."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from novaforge.guards.values import JsonObject
from novaforge.tools.platforms.base import LogLine

SERIES_POINTS = 40
"""A series on the wire is thinned to this many points; the first and the last always stay."""

# Metric -> the names containers print, the preferred first (nova-platform-facts sections 7.2 and 7.3).
NAMES: dict[str, tuple[str, ...]] = {
    "loss": ("reduced_train_loss", "training_loss_step", "loss"),
    "lr": ("lr", "learning_rate", "actor/lr"),
    "reward_mean": ("critic/rewards/mean", "train_rm_score", "rollout/reward/mean", "reward"),
    "reward_max": ("critic/rewards/max",),
    "reward_min": ("critic/rewards/min",),
    "reward_std": ("critic/rewards/std", "reward_std"),
    "kl": ("kl", "actor/ppo_kl", "actor/kl_loss"),
    "entropy": ("ent", "actor/entropy", "entropy"),
    "grad_norm": ("grad_norm", "actor/grad_norm"),
    "response_length_mean": ("response_length/mean", "completion_length", "completions/mean_length"),
    "response_length_max": ("response_length/max", "completions/max_length"),
    "response_clip_ratio": ("response_length/clip_ratio", "completions/clipped_ratio"),
    "validation_loss": ("val_loss", "validation_loss", "reduced_val_loss", "eval_loss"),
    "validation_reward": ("val/reward/mean", "val_reward", "validation_reward"),
    "throughput": ("perf/throughput", "samples/sec", "throughput"),
    "step_time": ("train_step_timing in s", "perf/time_per_step", "timing_s/step", "batch_time", "step_time"),
    "clip_fraction": ("clipfrac", "actor/pg_clipfrac"),
    "aborted_ratio": ("response/aborted_ratio", "aborted_ratio"),
    "epoch": ("training/epoch", "epoch"),
}
STEP_NAMES = ("global_step", "training/global_step", "step")

_PAIR = re.compile(
    r"""(?<![\w/.\-])([A-Za-z_][\w/]*(?:\ in\ s)?)["']?\s*[=:]\s*["']?"""
    r"""([+-]?(?>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|nan|inf(?:inity)?))(?=s?(?!\w))""",
    re.IGNORECASE | re.VERBOSE,
)
_ITERATION = re.compile(r"\biteration (\d{1,9})/(\d{1,9})\b", re.IGNORECASE)
_KNOWN = {name for names in NAMES.values() for name in names} | set(STEP_NAMES)
_MAX_STEP = 10**9


@dataclass
class Metrics:
    """What lines told: values by metric and step (the last one printed for a step counts), and how far training is."""

    values: dict[str, dict[int, float]] = field(default_factory=dict[str, dict[int, float]])
    broken: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    steps_done: int | None = None
    steps_total: int | None = None

    def series(self, name: str) -> list[tuple[int, float]]:
        """Return one metric as (step, value) in step order."""
        return sorted(self.values.get(name, {}).items())

    def add(self, step: int, name: str, value: float) -> None:
        """Take one value; one that is no finite number is kept apart as broken."""
        if math.isfinite(value):
            self.values.setdefault(name, {})[step] = value
        else:
            self.broken.setdefault(name, set()).add(step)


def read_metrics(lines: Iterable[LogLine]) -> Metrics:
    """Collect the metrics of lines; a line without a step of its own belongs to its stream's last step. Never raises."""
    metrics = Metrics()
    last: dict[str, int] = {}
    for line in lines:
        found = pairs(line.text)
        own = _step(found, line.text)
        step = last.get(line.stream) if own is None else own
        if step is None:
            continue
        last[line.stream] = step
        measured = _measured(found)
        for name, value in measured.items():
            if own is not None or step not in metrics.values.get(name, {}):
                metrics.add(step, name, value)
        if own is not None and measured:
            _progress(metrics, own, line.text)
    return metrics


def pairs(text: str) -> dict[str, float]:
    """Return the known names and their numbers in one line; the last of a repeated name counts."""
    found: dict[str, float] = {}
    for match in _PAIR.finditer(text):
        name = match.group(1).lower()
        if name in _KNOWN:
            found[name] = float(match.group(2))
    return found


def summary(metrics: Metrics) -> dict[str, JsonObject]:
    """Return for each metric first, last, min, max, count and a thinned series of [step, value]."""
    shown: dict[str, JsonObject] = {}
    for name in NAMES:
        points = metrics.series(name)
        broken = metrics.broken.get(name, set())
        if points:
            numbers = [value for _, value in points]
            shown[name] = {"first": numbers[0], "last": numbers[-1], "min": min(numbers), "max": max(numbers)}
            shown[name] |= {"count": len(points), "series": [list(point) for point in thin(points, SERIES_POINTS)]}
        if broken:
            shown[name] = shown.get(name, {"count": 0}) | {"not_a_number": len(broken)}
    return shown


def thin(points: list[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """Return evenly spread points, the first and the last included."""
    if len(points) <= most:
        return points
    return [points[round(index * (len(points) - 1) / (most - 1))] for index in range(most)]


def _measured(found: dict[str, float]) -> dict[str, float]:
    chosen = {metric: next((name for name in names if name in found), None) for metric, names in NAMES.items()}
    return {metric: found[name] for metric, name in chosen.items() if name}


def _step(found: dict[str, float], text: str) -> int | None:
    value = next((found[name] for name in STEP_NAMES if name in found), None)
    if value is None:
        iteration = _ITERATION.search(text)
        value = float(iteration.group(1)) if iteration else None
    usable = value is not None and math.isfinite(value) and 0 <= value < _MAX_STEP
    return round(value) if usable and value is not None else None


def _progress(metrics: Metrics, step: int, text: str) -> None:
    """Count steps done; pipe-style lines count iterations from 0, as 99/99 for the last of a hundred."""
    iteration = _ITERATION.search(text)
    done = int(iteration.group(1)) + 1 if iteration else step
    metrics.steps_done = max(done, metrics.steps_done or 0)
    if iteration:
        metrics.steps_total = int(iteration.group(2)) + 1
