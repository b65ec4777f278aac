"""SageMaker training jobs on chosen instances."""

from typing import Any

from novaforge.guards.errors import InputError, NotFoundError
from novaforge.guards.plan import Step
from novaforge.tools.context import ToolContext
from novaforge.tools.platforms.base import END, Artifacts, JobOrder, JobState, LogPage, LogPlace, Quota
from novaforge.tools.platforms.cloudwatch import LogReader, read_end, read_forward
from novaforge.tools.platforms.cursor import decode_cursor, encode_cursor
from novaforge.tools.platforms.loglines import matcher
from novaforge.tools.platforms.manifest import checkpoint_in
from novaforge.tools.platforms.sagemaker_quota import read_quotas
from novaforge.tools.platforms.sagemaker_request import own_prefix, recipe_uri, render_job
from novaforge.tools.platforms.sagemaker_state import state_of
from novaforge.tools.records import JobRecord

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class SageMakerJobs:
    """Write the request of a training job, and follow, read and stop it; a plan starts it."""

    name = "sagemaker"

    def check(self, ctx: ToolContext, instance_types: list[str]) -> dict[str, Quota]:
        """Return quota and use of each machine type for training jobs."""
        return read_quotas(ctx, instance_types)

    def render(self, order: JobOrder) -> list[Step]:
        """Return the upload of the recipe and CreateTrainingJob."""
        return render_job(order)

    def uploads(self, output: str) -> str:
        """Return the plan's own prefix in the bucket of the output."""
        return own_prefix(output)

    def reads(self, output: str) -> list[str]:
        """Return the recipe's place."""
        return [recipe_uri(own_prefix(output))]

    def describe(self, ctx: ToolContext, job: JobRecord) -> JobState:
        """Return the job's state now; raises NotFoundError when SageMaker does not know it in this account."""
        return state_of(_described(ctx, job), ctx.clock())

    def read_logs(
        self,
        ctx: ToolContext,
        job: JobRecord,
        cursor: str | None,
        limit: int,
        pattern: str | None,
        max_chars: int | None = None,
    ) -> LogPage:
        """Return up to `limit` matching lines after the cursor, all streams merged by time; see the Platform protocol."""
        reader = LogReader(ctx.aws, job.region, LOG_GROUP, f"{job.job_id}/")
        matches, sparse = matcher(pattern), bool(pattern)
        if cursor == END:
            page = read_end(reader, limit, matches, sparse=sparse)
        else:
            positions = decode_cursor(job.job_id, cursor) if cursor else {}
            page = read_forward(reader, positions, limit, max_chars, matches, sparse=sparse)
        return LogPage(lines=tuple(page.lines), cursor=encode_cursor(job.job_id, page.positions), more=page.full)

    def log_place(self, job: JobRecord) -> LogPlace:
        """Return the log group, the prefix of the job's streams and a ready AWS CLI command."""
        command = f"aws logs tail {LOG_GROUP} --log-stream-name-prefix {job.job_id}/ --since 2d --follow --region {job.region}"
        return LogPlace(group=LOG_GROUP, stream_prefix=f"{job.job_id}/", command=command)

    def artifacts(self, ctx: ToolContext, job: JobRecord) -> Artifacts:
        """Return the archive, and for a training job the checkpoint its manifest names.

        Raises NotFoundError while there is no archive or manifest, AwsError when they cannot be read. The archive's
        place follows from the output path: a finished Nova job reports no model artifacts, its weights are in escrow.
        """
        output = _described(ctx, job)["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        archive = f"{output}/{job.job_id}/output/output.tar.gz"
        try:
            ctx.storage.stat(archive)
        except InputError as error:
            raise NotFoundError(
                f"The job has left no archive at {archive}.",
                operation="artifacts",
                code="NoArchive",
                fix="it appears when the job has completed; a failed or stopped job may leave none",
            ) from error
        if job.kind != "training":
            return Artifacts(archive=archive)
        with ctx.storage.open(archive) as stream:
            return Artifacts(archive=archive, checkpoint=checkpoint_in(stream, archive))

    def stop(self, ctx: ToolContext, job: JobRecord) -> None:
        """Ask SageMaker to stop; it saves what it can for about two minutes and bills until it says Stopped."""
        ctx.aws.call("sagemaker", "stop_training_job", region=job.region, TrainingJobName=job.job_id)


def _described(ctx: ToolContext, job: JobRecord) -> dict[str, Any]:
    try:
        return ctx.aws.call("sagemaker", "describe_training_job", region=job.region, TrainingJobName=job.job_id)
    except NotFoundError as error:
        raise NotFoundError(
            f"SageMaker knows no training job {job.job_id} in {job.region}.",
            operation="sagemaker:DescribeTrainingJob",
            code=error.code,
            fix=f"use credentials of account {job.account}; a plan that is still being started may not have made it yet",
        ) from error
