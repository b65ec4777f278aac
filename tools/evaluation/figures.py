"""The metrics of a scorecard, over all its rows or some of them, beside the service's own figures."""

from collections.abc import Sequence

from novaforge.guards.findings import Finding
from novaforge.tools.evaluation.bleu import bleu_error, corpus_bleu
from novaforge.tools.evaluation.classes import confusion, macro_f1, macro_f1_error
from novaforge.tools.evaluation.labels import NONE
from novaforge.tools.evaluation.results import Figure
from novaforge.tools.evaluation.scorecard import Scorecard
from novaforge.tools.evaluation.spread import mean, mean_error

BLEU_TOLERANCE = 0.1
TOLERANCE = 0.001
"""Differences up to these are rounding: BLEU is on 0..100, the rest on 0..1."""

DIGITS = 6


def figures_of(card: Scorecard, places: Sequence[int] | None = None) -> dict[str, Figure]:
    """Return each metric with its standard error over the rows at `places`, or over all with the service's figures."""
    chosen = range(len(card.untrusted_ids)) if places is None else places
    figures = {name: _mean_figure([values[place] for place in chosen]) for name, values in card.scores.items()}
    if card.bleu:
        counts = [card.bleu[place] for place in chosen]
        figures["bleu"] = _figure(corpus_bleu(counts), bleu_error(counts))
    figures |= _label_figures(card, chosen)
    return figures if places is not None else _with_service(figures, card.service)


def label_hits(card: Scorecard, places: Sequence[int]) -> list[float]:
    """Return 1 for each of these rows whose predicted label is the gold label, else 0."""
    return [float(card.gold_labels[place] == card.predictions[place]) for place in places]


def matrix_of(card: Scorecard, places: Sequence[int] | None = None) -> list[list[int]]:
    """Return the confusion matrix over these rows; empty without labels."""
    if not card.untrusted_labels:
        return []
    chosen = range(len(card.untrusted_ids)) if places is None else places
    golds, predictions = ([column[place] for place in chosen] for column in (card.gold_labels, card.predictions))
    return confusion(golds, predictions, len(card.untrusted_labels))


def labelled(card: Scorecard, places: Sequence[int]) -> list[int]:
    """Return those rows whose gold answer is one of the labels."""
    return [place for place in places if card.gold_labels[place] != NONE] if card.untrusted_labels else []


def _label_figures(card: Scorecard, places: Sequence[int]) -> dict[str, Figure]:
    rows = labelled(card, places)
    if not rows:
        return {}
    matrix = matrix_of(card, rows)
    return {
        "label_accuracy": _mean_figure(label_hits(card, rows)),
        "macro_f1": _figure(macro_f1(matrix), macro_f1_error(matrix)),
        "no_valid_prediction": _mean_figure([float(card.predictions[place] == NONE) for place in rows]),
    }


def _mean_figure(values: Sequence[float]) -> Figure:
    return _figure(mean(values), mean_error(values))


def _figure(value: float | None, se: float | None) -> Figure:
    return Figure(value=_rounded(value), se=_rounded(se))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _with_service(figures: dict[str, Figure], service: dict[str, float]) -> dict[str, Figure]:
    """Add the service's values; where only the service has a metric, its own standard error stands beside it."""
    merged = dict(figures)
    for name, value in service.items():
        if name.removesuffix("_stderr") in service and name.endswith("_stderr"):
            continue
        own = merged.get(name)
        update = {"service": _rounded(value)} if own else {}
        merged[name] = (
            own.model_copy(update=update)
            if own
            else Figure(service=_rounded(value), se=_rounded(service.get(f"{name}_stderr")))
        )
    return merged


def disagreements(figures: dict[str, Figure]) -> list[Finding]:
    """Return a finding for each metric where the service's figure differs from ours beyond rounding."""
    return [
        Finding(
            rule="EVAL-service",
            severity="warn",
            message=f"{name}: ours is {figure.value:g}, the service reports {figure.service:g}",
            fix="rows, solution markers or normalisation may differ; ours is computed from inference_output.jsonl",
        )
        for name, figure in figures.items()
        if figure.value is not None and figure.service is not None and not _agree(name, figure.value, figure.service)
    ]


def _agree(name: str, own: float, service: float) -> bool:
    if name == "bleu":
        # sacrebleu counts in percent; a service may report the share.
        return min(abs(own - service), abs(own - 100 * service)) <= BLEU_TOLERANCE
    return abs(own - service) <= TOLERANCE
