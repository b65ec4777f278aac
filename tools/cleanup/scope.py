"""Which resources and jobs a cleanup is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from novaforge.guards.errors import InputError
from novaforge.guards.text import one_line
from novaforge.tools.cleanup.inventory import DEPLOYMENT_KINDS, KINDS, REWARD_KINDS
from novaforge.tools.context import ToolContext
from novaforge.tools.records import JobRecord, ResourceRecord

Scope = Literal["all", "deployments", "rewards", "plan"]
"""all: everything; deployments: endpoints with configuration and model; rewards: Lambdas with their roles; plan: what the
plans or jobs named in `ids` made."""

MAX_JOBS = 1000
_SCOPE_KINDS = {"all": KINDS, "deployments": DEPLOYMENT_KINDS, "rewards": REWARD_KINDS, "plan": KINDS}


@dataclass(frozen=True)
class Selection:
    """Ledger rows in scope, and the jobs whose files may go when artifacts are included."""

    rows: list[ResourceRecord]
    jobs: list[JobRecord]


def select(ctx: ToolContext, scope: Scope, ids: Sequence[str] | None, *, include_artifacts: bool) -> Selection:
    """Return what is in scope; whatever belongs to one plan is selected together.

    Raises InputError for ids that match nothing of ours and for combinations that make no sense.
    """
    _refuse_nonsense(scope, ids, include_artifacts=include_artifacts)
    rows = [row for row in ctx.ledger.resources() if row.kind in _SCOPE_KINDS[scope]]
    jobs = ctx.ledger.jobs(limit=MAX_JOBS) if scope in {"all", "plan"} else []
    if ids is None:
        return Selection(rows, jobs)
    digests = _matched(ids, rows, jobs)
    return Selection(
        [row for row in rows if row.plan_digest in digests], [job for job in jobs if job.plan_digest in digests]
    )


def _refuse_nonsense(scope: Scope, ids: Sequence[str] | None, *, include_artifacts: bool) -> None:
    if scope == "plan" and not ids:
        fix = "give the ids of plans or jobs"
        raise InputError('scope "plan" needs ids.', field="ids", value=ids, fix=fix)
    if ids is not None and not ids:
        raise InputError("ids is empty.", field="ids", value=ids, fix="name what should go, or leave ids out")
    if include_artifacts and scope in {"deployments", "rewards"}:
        raise InputError(
            f'scope "{scope}" has no artifacts in S3.',
            field="include_artifacts",
            value=True,
            fix='use scope "plan" with job ids, or "all"',
        )


def _matched(ids: Sequence[str], rows: Sequence[ResourceRecord], jobs: Sequence[JobRecord]) -> set[str]:
    """Return the digests of the plans the ids belong to: by plan id, digest, job id, resource name, id or ARN."""
    names: dict[str, set[str]] = {}
    for row in rows:
        for alias in (row.name, row.resource_id, row.arn, row.plan_id, row.plan_digest):
            names.setdefault(alias, set()).add(row.plan_digest)
    for job in jobs:
        for alias in (job.job_id, job.plan_id, job.plan_digest):
            names.setdefault(alias, set()).add(job.plan_digest)
    unknown = [given for given in ids if not given or given not in names]
    if unknown:
        known = sorted({row.name for row in rows} | {job.job_id for job in jobs})
        raise InputError(
            f"Nothing in this scope is called {', '.join(one_line(item, 80) or 'an empty text' for item in unknown)}.",
            field="ids",
            value=[*unknown],
            fix=f"these are known: {', '.join(known[:20])}" if known else "there is nothing in this scope",
        )
    return {digest for given in ids for digest in names[given]}
