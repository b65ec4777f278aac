"""Get an evaluation's scorecard: from the ledger when it was computed before, else from the job's archive."""

from collections.abc import Sequence

from pydantic import ValidationError

from novaforge.guards.errors import InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.evaluation.reading import read_scorecard
from novaforge.tools.evaluation.scorecard import VERSION, Scorecard, stored
from novaforge.tools.jobs.artifacts import archive_of
from novaforge.tools.jobs.refresh import find_job
from novaforge.tools.records import EvaluationRecord, JobRecord


def scorecard_of(ctx: ToolContext, job_id: str, labels: Sequence[str] | None) -> Scorecard:
    """Return the scorecard of a completed evaluation job.

    Raises InputError that says what to do when the job is no evaluation, has not completed or left damaged results.
    """
    evaluation_job(ctx, job_id)
    kept = _kept(ctx, job_id, labels)
    if kept is not None:
        return kept
    card = read_scorecard(archive_of(ctx, job_id), job_id, labels, lambda share, text: ctx.progress(share, 1.0, text))
    ctx.ledger.put_evaluation(EvaluationRecord(job_id=job_id, at=ctx.clock(), report=stored(card)))
    return card


def evaluation_job(ctx: ToolContext, job_id: str) -> JobRecord:
    """Return the ledger's row of an evaluation job; raises InputError for an unknown job or one of another kind."""
    job = find_job(ctx, job_id)
    if job.kind != "evaluation":
        raise InputError(
            f"{job_id} is a {job.method} training job, not an evaluation.",
            field="job_id",
            value=job_id,
            fix=f'evaluate what it trained: plan_evaluation(base="{job_id}", ...), then ask for that job',
        )
    return job


def _kept(ctx: ToolContext, job_id: str, labels: Sequence[str] | None) -> Scorecard | None:
    record = ctx.ledger.evaluation(job_id)
    asked = tuple(labels) if labels is not None else None
    if record is None or record.report.get("version") != VERSION:
        return None
    try:
        card = Scorecard.model_validate(record.report)
    except ValidationError:
        # Written by another version of this program: the archive still has everything.
        return None
    return card if card.asked_labels == asked else None
