"""A training's curve as a PNG."""

import io
from typing import Any

from novaforge.tools.jobs.metrics import Metrics, thin

_PLOT_POINTS = 2000
_PANELS = (
    ("reward", (("reward_mean", "mean reward"), ("validation_reward", "validation"))),
    ("loss", (("loss", "training loss"), ("validation_loss", "validation loss"))),
    ("KL", (("kl", "KL"),)),
)


def plot_metrics(metrics: Metrics, title: str) -> bytes | None:
    """Return a PNG of reward and KL, or of loss, over steps; None when there is nothing to draw."""
    panels = [panel for panel in _PANELS if any(len(metrics.series(name)) > 1 for name, _ in panel[1])][:2]
    if not panels:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here: heavy, and only needed for a plot
    from matplotlib.figure import Figure

    # The object interface keeps no global state, so that threads can draw at the same time.
    figure: Any = Figure(figsize=(7, 2.6 * len(panels) + 0.4), dpi=110, layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, (label, curves) in zip(axes, panels, strict=True):
        _draw(axis, metrics, label, curves)
    axes[0].set_title(title, fontsize=10)
    axes[-1].set_xlabel("step")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def _draw(axis: Any, metrics: Metrics, label: str, curves: tuple[tuple[str, str], ...]) -> None:
    for name, legend in curves:
        points = thin(metrics.series(name), _PLOT_POINTS)
        if points:
            axis.plot(*zip(*points, strict=True), label=legend, linewidth=1.2, marker="." if len(points) < 40 else None)
    if label == "reward" and metrics.series("reward_min"):
        low, high = dict(metrics.series("reward_min")), dict(metrics.series("reward_max"))
        steps = sorted(low.keys() & high.keys())
        axis.fill_between(steps, [low[step] for step in steps], [high[step] for step in steps], alpha=0.12, linewidth=0)
    axis.set_ylabel(label)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, frameon=False)
