"""PNG plots of evaluations, drawn with matplotlib's object interface (no display, no global state)."""

import io
import warnings
from collections.abc import Sequence
from typing import Any

from novaforge.tools.evaluation.results import Figure

DPI = 110
_WIDEST_LABEL = 18


def confusion_png(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> bytes:
    """Draw a confusion matrix: gold labels down, predictions across, "no valid prediction" last."""
    names = [_short(label) for label in labels]
    columns = [*names, "no valid prediction"]
    figure, axes = _canvas(2.4 + 0.75 * len(columns), 1.8 + 0.55 * len(names))
    axes.imshow(_shares(matrix), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)))
    axes.set_xticklabels(columns, rotation=35, ha="right", parse_math=False)
    axes.set_yticks(range(len(names)))
    axes.set_yticklabels(names, parse_math=False)
    axes.set_xlabel("prediction")
    axes.set_ylabel("gold label")
    for row, (counts, total) in enumerate(zip(matrix, map(sum, matrix), strict=True)):
        for column, count in enumerate(counts):
            dark = total > 0 and count / total > 0.5
            axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    return _png(figure)


def comparison_png(table: dict[str, list[Figure]], names: Sequence[str]) -> bytes:
    """Draw metrics on 0..1 as grouped bars, one per evaluation, with error bars of one standard error."""
    shown = {name: figures for name, figures in table.items() if name not in ("bleu", "no_valid_prediction")}
    figure, axes = _canvas(1.5 + 1.15 * len(shown), 3.8)
    width = 0.8 / len(names)
    for place, job in enumerate(names):
        values = [figures[place].value or 0.0 for figures in shown.values()]
        errors = [figures[place].se or 0.0 for figures in shown.values()]
        left = [group + (place - (len(names) - 1) / 2) * width for group in range(len(shown))]
        axes.bar(left, values, width, yerr=errors, capsize=2, label=_short(job).replace("$", r"\$"))
    axes.set_xticks(range(len(shown)))
    axes.set_xticklabels([name.replace("_", "\n") for name in shown], fontsize=8)
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("score, ± 1 standard error")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return _png(figure)


def _canvas(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A label in a script the font lacks is drawn as boxes; that is no reason to warn on stderr.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _shares(matrix: Sequence[Sequence[int]]) -> list[list[float]]:
    """Share of each row's total, so that rare labels are as visible as frequent ones."""
    return [[count / max(sum(row), 1) for count in row] for row in matrix]


def _short(label: str) -> str:
    return label if len(label) <= _WIDEST_LABEL else f"{label[: _WIDEST_LABEL - 1]}…"
