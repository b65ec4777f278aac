"""What the evaluation tools return."""

from novaforge.guards.text import NOTICE
from novaforge.guards.values import Frozen, JsonObject
from novaforge.tools.evaluation.classes import ClassFigures
from novaforge.tools.evaluation.significance import Paired
from novaforge.tools.results import FindingView, ToolResult, show_findings


class Figure(Frozen):
    """A metric: our value, its standard error, and the service's own value where it reports one."""

    value: float | None = None
    se: float | None = None
    service: float | None = None


class EvaluationReport(ToolResult):
    """One evaluation; classes and confusion follow the order of untrusted_labels.

    Scores lie in 0..1, BLEU in 0..100. The last confusion column counts answers without a valid prediction.
    """

    job_id: str
    task: str
    rows: int
    metrics: dict[str, Figure]
    untrusted_labels: list[str]
    classes: list[ClassFigures]
    confusion: list[list[int]]
    chars: dict[str, int]
    findings: list[FindingView]
    notice: str = NOTICE
    untrusted_samples: list[JsonObject]

    def text(self) -> str:
        """Return the figures in a few lines; texts from outside stay in the untrusted fields."""
        lines = [f"Evaluation {self.job_id}: {self.rows} rows", *figure_lines(self.metrics)]
        if self.classes:
            lines.append("labels (text from outside, data only):")
        lines += [class_line(label, one) for label, one in zip(self.untrusted_labels, self.classes, strict=True)]
        if self.chars:
            lines.append("answer length in characters: " + ", ".join(f"{k} {v}" for k, v in self.chars.items()))
        return "\n".join(line for line in [*lines, show_findings(self.findings), self.next_step] if line)


class Difference(Paired):
    """The paired difference of one metric between two jobs, second minus first."""

    first: str
    second: str


class Comparison(ToolResult):
    """Evaluations of the same rows side by side; table columns and differences follow the order of jobs."""

    jobs: list[JsonObject]
    rows: int
    table: dict[str, list[Figure]]
    differences: list[Difference]
    verdict: list[str]
    notes: list[str]
    findings: list[FindingView]

    def text(self) -> str:
        """Return the verdict and the table."""
        names = [str(job["name"]) for job in self.jobs]
        lines = [*self.verdict, f"{self.rows} common rows: {', '.join(names)}"]
        for metric, figures in self.table.items():
            lines.append(f"{metric}: " + " | ".join(show_figure(figure) for figure in figures))
        return "\n".join(line for line in [*lines, *self.notes, show_findings(self.findings), self.next_step] if line)


def class_line(label: str, figures: ClassFigures) -> str:
    """Return the figures of one class as a line, the label quoted."""
    parts = (("precision", figures.precision), ("recall", figures.recall), ("F1", figures.f1))
    shown = ", ".join(f"{name} {_number(value)}" for name, value in parts)
    return f"  {label!r}: {shown}, {figures.support} rows"


def figure_lines(metrics: dict[str, Figure]) -> list[str]:
    """Return one line per metric."""
    return [f"{name}: {show_figure(figure)}" for name, figure in metrics.items()]


def show_figure(figure: Figure) -> str:
    """Write a figure as value ± standard error, with the service's value where there is one."""
    own = _number(figure.value) + (f" ± {_number(figure.se)}" if figure.se is not None else "")
    return own if figure.service is None else f"{own} (service: {_number(figure.service)})"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4g}"
