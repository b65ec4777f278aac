"""The tools get_evaluation and compare_evaluations."""

from collections.abc import Sequence

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.evaluation.classes import class_figures
from novaforge.tools.evaluation.compare import differences_of, label_findings, same_labels, table_of
from novaforge.tools.evaluation.figures import disagreements, figures_of, matrix_of
from novaforge.tools.evaluation.join import join_rows
from novaforge.tools.evaluation.labels import given_labels
from novaforge.tools.evaluation.results import Comparison, EvaluationReport
from novaforge.tools.evaluation.samples import MOST_SAMPLES
from novaforge.tools.evaluation.scorecard import Scorecard
from novaforge.tools.evaluation.spread import quantile
from novaforge.tools.evaluation.store import evaluation_job, scorecard_of
from novaforge.tools.evaluation.verdict import notes, verdicts
from novaforge.tools.records import JobRecord
from novaforge.tools.results import finding_views

LEAST_JOBS, MOST_JOBS = 2, 6
STAND_IN = "The sandbox's stand-in model proves the pipeline; its scores do not predict those of Nova."


def get_evaluation(
    ctx: ToolContext, *, job_id: str, labels: list[str] | None = None, worst: int = 5, plots: bool = False
) -> EvaluationReport:
    """Report a completed evaluation job; raises InputError while it has no results or when they are damaged."""
    if not 0 <= worst <= MOST_SAMPLES:
        raise InputError(f"worst is {worst}.", field="worst", value=worst, fix=f"give 0 to {MOST_SAMPLES}")
    _check_labels(labels)
    card = scorecard_of(ctx, job_id, labels)
    figures, matrix = figures_of(card), matrix_of(card)
    report = EvaluationReport(
        job_id=job_id,
        task=card.task,
        rows=len(card.untrusted_ids),
        metrics=figures,
        untrusted_labels=list(card.untrusted_labels),
        classes=class_figures(matrix),
        confusion=matrix,
        chars=_lengths(card.chars),
        findings=finding_views([*card.findings, *disagreements(figures), *_stand_in(ctx)]),
        untrusted_samples=list(card.untrusted_samples[:worst]),
        sandbox=ctx.mode.sandbox,
        next_step=f'Compare with others of the same rows: compare_evaluations(job_ids=["{job_id}", ...]).',
    )
    if plots:
        _attach_confusion(report)
    return report


def compare_evaluations(
    ctx: ToolContext, *, job_ids: list[str], labels: list[str] | None = None, plots: bool = False
) -> Comparison:
    """Compare two to six evaluation jobs on the rows they share, in the order given (the baseline first)."""
    _check_jobs(job_ids)
    _check_labels(labels)
    jobs = [evaluation_job(ctx, job_id) for job_id in job_ids]
    cards = [_with_rows(scorecard_of(ctx, job_id, labels)) for job_id in job_ids]
    joined = join_rows(cards)
    names = job_names(ctx, jobs)
    differences = differences_of(cards, joined, names)
    result = Comparison(
        jobs=[_job_view(job, name, card) for job, name, card in zip(jobs, names, cards, strict=True)],
        rows=len(joined.places[0]),
        table=table_of(cards, joined),
        differences=differences,
        verdict=verdicts(differences),
        notes=[f"Rows were matched by {joined.by}.", *_notes(cards, len(joined.places[0])), *_stand_in_text(ctx)],
        findings=finding_views([*joined.findings, *label_findings(cards)]),
        sandbox=ctx.mode.sandbox,
        next_step="Deploy the best job's model with plan_deployment, or look at failures with get_evaluation.",
    )
    if plots:
        from novaforge.tools.evaluation.plots import comparison_png

        result.attach(comparison_png(result.table, names))
    return result


def job_names(ctx: ToolContext, jobs: Sequence[JobRecord]) -> list[str]:
    """Name each evaluation by what it evaluated: baseline, SFT, RFT; by its own name where that is not unique."""
    names = [_role(ctx, job) for job in jobs]
    return [
        name if names.count(name) == 1 else f"{name} ({one_line(job.job_id, 63)})"
        for name, job in zip(names, jobs, strict=True)
    ]


def _role(ctx: ToolContext, job: JobRecord) -> str:
    base_job, base = job.spec.get("base_job"), job.spec.get("base")
    trained = ctx.ledger.job(str(base_job)) if base_job else None
    if trained is not None:
        return trained.method.split("_")[0]
    return one_line(job.name, 40) if base or base_job else "baseline"


def _check_jobs(job_ids: list[str]) -> None:
    if not LEAST_JOBS <= len(job_ids) <= MOST_JOBS or len(set(job_ids)) != len(job_ids):
        raise InputError(
            f"{len(job_ids)} job ids were given, {len(set(job_ids))} of them different.",
            field="job_ids",
            value=job_ids,
            fix=f"give {LEAST_JOBS} to {MOST_JOBS} different evaluation jobs, the baseline first",
        )


def _check_labels(labels: list[str] | None) -> None:
    if labels is not None:
        given_labels(labels)


def _with_rows(card: Scorecard) -> Scorecard:
    if not card.untrusted_ids:
        raise InputError(
            f"Evaluation {card.job_id} has no rows to compare: its task is {card.task}.",
            field="job_ids",
            value=card.job_id,
            fix="compare gen_qa evaluations; get_evaluation shows the service's own figures of other tasks",
        )
    return card


def _job_view(job: JobRecord, name: str, card: Scorecard) -> JsonObject:
    return {"job_id": job.job_id, "name": name, "rows": len(card.untrusted_ids)}


def _notes(cards: Sequence[Scorecard], rows: int) -> list[str]:
    pairs = len(cards) - 1 + (len(cards) > LEAST_JOBS)
    return notes(pairs, rows, cards[0].gold_words, same_labels(cards))


def _lengths(chars: Sequence[int]) -> dict[str, int]:
    """Answer lengths in characters, and how many answers are empty."""
    if not chars:
        return {}
    return {
        "min": min(chars),
        "p50": quantile(chars, 0.5),
        "p95": quantile(chars, 0.95),
        "max": max(chars),
        "empty": list(chars).count(0),
    }


def _attach_confusion(report: EvaluationReport) -> None:
    if not report.confusion:
        return
    from novaforge.tools.evaluation.plots import confusion_png

    report.attach(confusion_png(report.confusion, report.untrusted_labels))


def _stand_in_text(ctx: ToolContext) -> list[str]:
    return [STAND_IN] if ctx.mode.sandbox else []


def _stand_in(ctx: ToolContext) -> list[Finding]:
    return [Finding(rule="EVAL-sandbox", severity="info", message=text) for text in _stand_in_text(ctx)]
