"""Files of finished jobs in S3: what lies under a job's own prefix, and what its plan uploaded."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import AwsStep, Precondition, Step
from novaforge.guards.text import one_word
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.resources import look, objects, read_content
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.cleanup.inventory import UNSETTLED
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.preconditions import expect
from novaforge.tools.records import ENDED_PHASES, ArtifactRecord, JobRecord

MAX_OBJECTS = 300
"""Objects one plan deletes, one call each, so that every refusal is seen; the rest is for the next plan."""


@dataclass
class Files:
    """Objects to delete with their ETags, and the preconditions that they stay as listed."""

    uris: dict[str, str] = field(default_factory=dict[str, str])
    findings: list[Finding] = field(default_factory=list[Finding])
    preconditions: list[Precondition] = field(default_factory=list[Precondition])

    def steps(self) -> list[Step]:
        """Return one deletion per object."""
        return [_delete(uri, etag) for uri, etag in self.uris.items()]


def collect(ctx: ToolContext, jobs: Sequence[JobRecord]) -> Files:
    """List the files of ended jobs that are verifiably ours; whatever else is found is named and left alone."""
    files = Files()
    for job in jobs:
        if job.phase not in ENDED_PHASES:
            message = f"the files of {job.job_id} stay: the job is {job.phase}"
            files.findings.append(Finding(rule="CL2", severity="warn", message=message, fix="stop it, or wait"))
            continue
        try:
            _outputs(ctx, job, files)
            for artifact in ctx.ledger.artifacts(job.plan_digest):
                _upload(ctx, artifact, files)
        except NovaForgeError as error:
            message = f"the files of {job.job_id}: {error.message}"
            files.findings.append(Finding(rule="CL4", severity="not_checked", message=message, fix=error.fix))
    return files


def own_prefix(job: JobRecord) -> str:
    """Return the prefix only this job writes to: its output location and its own name, which holds the plan's digest."""
    return f"{job.output.rstrip('/')}/{job.job_id}/"


def _outputs(ctx: ToolContext, job: JobRecord, files: Files) -> None:
    prefix = own_prefix(job)
    found = objects(ctx, prefix)
    if not found:
        return
    seen = look(ctx, "sagemaker:training-job", job.job_id)
    if seen is None or seen.plan_tag != job.plan_digest:
        message = f"{len(found)} objects below {prefix} stay: the job's own tag does not confirm that they are ours"
        files.findings.append(Finding(rule="CL1", severity="warn", message=message, fix="delete them by hand"))
        return
    bucket, _ = split_s3(prefix)
    etags = {f"s3://{bucket}/{item['key']}": str(item["etag"]) for item in found}
    _add(files, etags, found, f"outputs of {job.job_id} below {one_word(prefix)}")
    files.preconditions.append(expect(ctx, f"outputs of {job.job_id}", "objects", {"uri": prefix}))


def _upload(ctx: ToolContext, artifact: ArtifactRecord, files: Files) -> None:
    """Take an uploaded object only while it has the very content that was uploaded."""
    execution = ctx.ledger.execution(artifact.plan_digest)
    if (execution is not None and execution.state in UNSETTLED) or not ctx.storage.exists(artifact.uri):
        return
    if read_content(ctx, {"uri": artifact.uri}) != {"bytes": artifact.bytes, "sha256": artifact.sha256}:
        message = f"{artifact.uri} stays: it is not what was uploaded"
        files.findings.append(Finding(rule="CL1", severity="warn", message=message, fix="delete it by hand"))
        return
    etag = ctx.storage.stat(artifact.uri).etag or ""
    _add(files, {artifact.uri: etag}, [{"bytes": artifact.bytes}], f"the upload {one_word(artifact.uri)}")
    files.preconditions.append(expect(ctx, artifact.uri, "object", {"uri": artifact.uri}))


def _add(files: Files, uris: dict[str, str], listed: Sequence[JsonObject], what: str) -> None:
    if len(files.uris) + len(uris) > MAX_OBJECTS:
        message = f"{what} stay: one plan deletes at most {MAX_OBJECTS} objects"
        fix = "apply this plan, then plan the cleanup again; for more, delete the prefix by hand"
        files.findings.append(Finding(rule="CL2", severity="warn", message=message, fix=fix))
        return
    files.uris |= uris
    size = sum(int(str(item["bytes"])) for item in listed)
    message = f"deletes {len(uris)} objects, {size} bytes, for ever: {what}"
    files.findings.append(Finding(rule="CL4", severity="confirm", message=message, count=len(uris)))


def _delete(uri: str, etag: str) -> Step:
    """Delete one object while it is the one that was listed: S3 itself refuses what somebody wrote there since."""
    bucket, key = split_s3(uri)
    request: JsonObject = {"Bucket": bucket, "Key": key, "IfMatch": etag}
    return AwsStep(name=f"delete {uri}", service="s3", operation="delete_object", request=request)
