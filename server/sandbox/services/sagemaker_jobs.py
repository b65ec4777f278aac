"""SageMaker's training job operations."""

import shutil
from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox import channels
from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.jobs import ENDED, Job
from novaforge.server.sandbox.services import listing, permissions
from novaforge.server.sandbox.settings import ACCOUNT, REGION
from novaforge.server.sandbox.wire import AwsFault, Call, invalid

Answer = dict[str, Any]


def create(account: Account, call: Call) -> Answer:
    """CreateTrainingJob: refuse what AWS refuses at once, then hand the job to the supervisor."""
    request = call.json()
    _check_form(request)
    check_role(account, request["RoleArn"])
    _check_places(account, request)
    job = Job(request)
    with account.lock:
        if job.name in account.jobs:
            raise AwsFault(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with this name "
                f"already exists ({job.arn})",
            )
        resources = request["ResourceConfig"]
        used = _instances_in_use(account, resources["InstanceType"])
        check_quota(account, resources["InstanceType"], "training job", used, resources["InstanceCount"])
        account.jobs[job.name] = job
        account.tags[job.arn] = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    account.supervisor.submit(job)
    return {"TrainingJobArn": job.arn}


def describe(account: Account, call: Call) -> Answer:
    """DescribeTrainingJob."""
    return _job(account, call).describe()


def stop(account: Account, call: Call) -> Answer:
    """StopTrainingJob."""
    job = _job(account, call)
    if not job.ask_to_stop():
        raise invalid(f"The request was rejected because the training job is in status {job.status}.")
    return {}


def delete(account: Account, call: Call) -> Answer:
    """DeleteTrainingJob: only a job that has ended."""
    job = _job(account, call)
    if job.status not in ENDED:
        raise AwsFault("ResourceInUse", f"The training job {job.name} is in status {job.status}; stop it first.")
    with account.lock:
        account.jobs.pop(job.name, None)
        account.tags.pop(job.arn, None)
    shutil.rmtree(account.life_folder / "jobs" / job.name, ignore_errors=True)
    return {}


def list_jobs(account: Account, call: Call) -> Answer:
    """ListTrainingJobs."""
    with account.lock:
        rows = [job.summary() for job in account.jobs.values()]
    return listing.page(call.json(), rows, "TrainingJobSummaries", "TrainingJobName", "TrainingJobStatus")


def check_role(account: Account, role_arn: str) -> None:
    """Raise the ValidationException of a role that does not exist here or does not trust SageMaker."""
    if not permissions.assumable(account.moto, role_arn, "sagemaker.amazonaws.com"):
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )


def check_quota(account: Account, instance_type: str, use: str, used: int, wanted: int) -> None:
    """Raise ResourceLimitExceeded when an account-level limit would be passed."""
    name = f"{instance_type} for {use} usage"
    limit = int(account.settings.quotas.get(name, 0))
    if used + wanted > limit:
        raise AwsFault(
            "ResourceLimitExceeded",
            f"The account-level service limit '{name}' is {limit} Instances, with current utilization of {used} "
            f"Instances and a request delta of {wanted} Instances. Please use AWS Service Quotas to request an increase "
            "for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for "
            "this quota.",
        )


def _job(account: Account, call: Call) -> Job:
    job = account.jobs.get(call.json()["TrainingJobName"])
    if job is None:
        raise invalid("Requested resource not found.")
    return job


def _check_form(request: Answer) -> None:
    if "ServerlessJobConfig" in request:
        raise invalid("The sandbox plays training jobs on chosen instances; it does not play serverless ones yet.")
    for member in ("AlgorithmSpecification", "ResourceConfig"):
        if member not in request:
            raise invalid(f"{member} is required for a training job that is not serverless.")
    resources = request["ResourceConfig"]
    for member in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if member not in resources:
            raise invalid(f"ResourceConfig.{member} is required.")
    algorithm = request["AlgorithmSpecification"]
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise invalid("Exactly one of TrainingImage and AlgorithmName must be given in AlgorithmSpecification.")


def _check_places(account: Account, request: Answer) -> None:
    for channel, uri in channels.sources(request).items():
        bucket = channels.split(uri)[0]
        _check_bucket(account, bucket)
        if not channels.objects(account.moto, uri):
            raise invalid(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
                f"exists in the selected region ({REGION}), that objects exist under that S3 prefix, and that the role "
                f'"{request["RoleArn"]}" has "s3:ListBucket" permissions on bucket "{bucket}" (channel {channel}).'
            )
    _check_bucket(account, channels.split(request["OutputDataConfig"]["S3OutputPath"])[0])


def _check_bucket(account: Account, bucket: str) -> None:
    client = account.moto.client("s3")
    try:
        client.head_bucket(Bucket=bucket)
    except client.exceptions.ClientError:
        raise invalid(
            f"S3 bucket '{bucket}' does not exist, or account {ACCOUNT} has no access to it in region {REGION}."
        ) from None


def _instances_in_use(account: Account, instance_type: str) -> int:
    return sum(
        int(job.request["ResourceConfig"]["InstanceCount"])
        for job in account.jobs.values()
        if job.status not in ENDED and job.request["ResourceConfig"]["InstanceType"] == instance_type
    )


OPERATIONS: dict[str, Callable[[Account, Call], Answer]] = {
    "CreateTrainingJob": create,
    "DescribeTrainingJob": describe,
    "StopTrainingJob": stop,
    "DeleteTrainingJob": delete,
    "ListTrainingJobs": list_jobs,
}
