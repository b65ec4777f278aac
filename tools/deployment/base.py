"""Find the checkpoint a deployment starts from."""

import re
from dataclasses import dataclass, replace

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Fact, Finding, known, not_checked
from novaforge.tools.context import ToolContext

DEFAULT_MODEL = "nova_lite_2"
_PREFIX = re.compile(r"s3://[a-z0-9.-]{3,63}/([A-Za-z0-9_.-]+/)+")
"""SageMaker wants a folder of plain segments that ends with a slash for an uncompressed model."""


@dataclass(frozen=True)
class Base:
    """A checkpoint folder in S3, the model it belongs to, and what is not known about it."""

    uri: str
    model: str
    job_id: str | None
    facts: list[Fact]
    findings: list[Finding]


def find_base(ctx: ToolContext, base: str) -> Base:
    """Return the checkpoint of a training job or an escrow URI; raises InputError or RefusedError for anything else."""
    if base.startswith("arn:"):
        raise RefusedError(
            "Model packages and custom models cannot be deployed yet.",
            rule="base",
            fix="give the id of a training job, or the s3:// folder of its checkpoint",
        )
    if not base.startswith("s3://"):
        return _from_job(ctx, base)
    found = _from_uri(base, base)
    return replace(found, findings=[*found.findings, *_presence(ctx, base)])


def _presence(ctx: ToolContext, uri: str) -> list[Finding]:
    """Say when nothing is stored there, since an endpoint that cannot load its model may bill while it fails."""
    from novaforge.tools.jobs.artifacts import stored_below  # here: reads archives, needed for this case only

    seen = stored_below(ctx, uri)
    if seen is True:
        return []
    if seen is False:
        message, fix = f"nothing is stored below {uri}: the endpoint would fail to start", "give the training job's id"
        return [Finding(rule="base", severity="confirm", message=message, fix=fix)]
    return [Finding(rule="base", severity="not_checked", message=f"whether the checkpoint is there: {seen}")]


def _from_job(ctx: ToolContext, job_id: str) -> Base:
    job = ctx.ledger.job(job_id)
    if job is None:
        fix = "give a job id from list_jobs, or the s3:// folder of a checkpoint"
        raise InputError(f"There is no job {job_id!r} in the ledger.", field="base", value=job_id, fix=fix)
    if job.kind != "training":
        fix = "give the id of a training job"
        raise InputError(f"{job_id} is an evaluation; it has no checkpoint.", field="base", value=job_id, fix=fix)
    from novaforge.tools.jobs.artifacts import checkpoint_of  # here: reads archives, needed for this case only

    uri = checkpoint_of(ctx, job_id)
    found = _from_uri(uri if uri.endswith("/") else f"{uri}/", job_id)
    facts = [known("checkpoint", found.uri, f"manifest.json of {job_id}"), known("model", job.model, "ledger")]
    return Base(found.uri, job.model, job_id, facts, [])


def _from_uri(uri: str, given: str) -> Base:
    if not _PREFIX.fullmatch(uri):
        raise InputError(
            f"{uri!r} is not a checkpoint folder.",
            field="base",
            value=given,
            fix="write s3://bucket/folder/, ending with a slash, of letters, digits, dots, hyphens and underscores",
        )
    reason = f"the URI does not say which model it holds; {DEFAULT_MODEL} is assumed"
    finding = Finding(rule="base", severity="not_checked", message=reason, fix="give the training job's id instead")
    facts = [known("checkpoint", uri, "argument"), not_checked("model", reason)]
    return Base(uri, DEFAULT_MODEL, None, facts, [finding])
