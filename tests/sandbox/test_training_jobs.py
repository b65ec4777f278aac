"""Training jobs live through SageMaker's states and leave what SageMaker leaves."""

import io
import itertools
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from novaforge.guards.errors import AwsError, ConflictError, NotFoundError, RefusedError
from novaforge.server.sandbox.settings import BUCKET, ESCROW_BUCKET, ROLE_ARN, JobFault
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws

Make = Callable[..., dict[str, Any]]
GROUP = "/aws/sagemaker/TrainingJobs"


def run(sandbox: RunningSandbox, aws: Aws, request: dict[str, Any]) -> dict[str, Any]:
    aws.call("sagemaker", "create_training_job", **request)
    sandbox.wait_for_job(request["TrainingJobName"])
    return describe(aws, request["TrainingJobName"])


def describe(aws: Aws, name: str) -> dict[str, Any]:
    return aws.call("sagemaker", "describe_training_job", TrainingJobName=name)


def stages(job: dict[str, Any]) -> list[str]:
    return [transition["Status"] for transition in job["SecondaryStatusTransitions"]]


def messages(aws: Aws, job: str, node: int = 1) -> list[str]:
    events = aws.call("logs", "filter_log_events", logGroupName=GROUP, logStreamNamePrefix=f"{job}/algo-{node}-")[
        "events"
    ]
    return [event["message"] for event in events]


def archive(aws: Aws, job: dict[str, Any]) -> dict[str, bytes]:
    prefix = job["OutputDataConfig"]["S3OutputPath"].removeprefix(f"s3://{BUCKET}/")
    key = f"{prefix}/{job['TrainingJobName']}/output/output.tar.gz"
    data = aws.call("s3", "get_object", Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr] # files only


def test_a_job_passes_through_every_state_and_bills_from_the_download_on(
    sandbox: RunningSandbox, aws: Aws, job_request: Make
) -> None:
    job = run(sandbox, aws, job_request())
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    assert stages(job) == ["Starting", "Pending", "Downloading", "Training", "Uploading", "Completed"]
    transitions = job["SecondaryStatusTransitions"]
    assert all(earlier["EndTime"] == later["StartTime"] for earlier, later in itertools.pairwise(transitions))
    assert job["TrainingStartTime"] == transitions[2]["StartTime"] >= job["CreationTime"]
    assert job["TrainingEndTime"] == transitions[-1]["EndTime"]
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 1


def test_a_job_that_runs_shows_no_billed_seconds_yet(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    with sandbox.settings(waiting_s=30):
        request = job_request()
        aws.call("sagemaker", "create_training_job", **request)
        job = describe(aws, request["TrainingJobName"])
        aws.call("sagemaker", "stop_training_job", TrainingJobName=request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "InProgress"
    assert not {"TrainingStartTime", "BillableTimeInSeconds", "TrainingEndTime"} & job.keys()
    assert sandbox.wait_for_job(request["TrainingJobName"]) == "Stopped"
    assert "TrainingStartTime" not in describe(aws, request["TrainingJobName"])


def test_lines_of_the_worker_become_events_of_the_first_node(aws: Aws, trained: str) -> None:
    lines = messages(aws, trained)
    assert lines[0] == "Starting training"
    assert [line for line in lines if "global_step: 2 " in line and "reduced_train_loss: 0.5000" in line]
    assert lines[-1] == "Training is complete"


def test_every_node_has_a_stream_of_its_own(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    job = run(sandbox, aws, job_request(count=3))
    streams = aws.call(
        "logs", "describe_log_streams", logGroupName=GROUP, logStreamNamePrefix=f"{job['TrainingJobName']}/"
    )["logStreams"]
    nodes = sorted(stream["logStreamName"].split("/")[1].rsplit("-", 1)[0] for stream in streams)
    assert nodes == ["algo-1", "algo-2", "algo-3"]
    assert messages(aws, job["TrainingJobName"], node=2)


def test_the_archive_names_an_escrow_checkpoint_that_nobody_can_read(aws: Aws, trained: str) -> None:
    uri = json.loads(archive(aws, describe(aws, trained))["manifest.json"])["checkpoint_s3_bucket"]
    assert uri == f"s3://{ESCROW_BUCKET}/{trained}/"
    for operation, request in (
        ("list_objects_v2", {"Bucket": ESCROW_BUCKET}),
        ("get_object", {"Bucket": ESCROW_BUCKET, "Key": f"{trained}/weights.txt"}),
        ("copy_object", {"Bucket": BUCKET, "Key": "x", "CopySource": f"{ESCROW_BUCKET}/{trained}/weights.txt"}),
    ):
        with pytest.raises(AwsError) as refused:
            aws.call("s3", operation, **request)
        assert refused.value.code == "AccessDenied"


def test_a_job_starts_from_the_checkpoint_of_another(
    sandbox: RunningSandbox, aws: Aws, job_request: Make, trained: str
) -> None:
    request = job_request()
    request["HyperParameters"]["base_model_location"] = f"s3://{ESCROW_BUCKET}/{trained}/"
    job = run(sandbox, aws, request)
    kept = sandbox.folder / "escrow" / job["TrainingJobName"] / "weights.txt"
    assert kept.read_text() == f"base > {trained} > {job['TrainingJobName']}"


@pytest.mark.parametrize(
    "uri",
    [f"s3://{ESCROW_BUCKET}/never-trained/", f"s3://{ESCROW_BUCKET}/../../etc/", f"s3://{ESCROW_BUCKET}/", "s3://x/y/"],
)
def test_a_checkpoint_that_does_not_exist_fails_the_job(
    sandbox: RunningSandbox, aws: Aws, job_request: Make, uri: str
) -> None:
    request = job_request()
    request["HyperParameters"]["base_model_location"] = uri
    job = run(sandbox, aws, request)
    assert job["TrainingJobStatus"] == "Failed"
    assert uri in job["FailureReason"]


def test_an_evaluation_recipe_leaves_evaluation_results(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    job = run(sandbox, aws, job_request(recipe="run:\n  name: e\nevaluation:\n  task: gen_qa\n"))
    assert list(archive(aws, job)) == ["run/eval_results/results_2026-11-20T00-00-00.json"]


def test_without_compression_results_are_plain_objects(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    request = job_request()
    request["OutputDataConfig"]["CompressionType"] = "NONE"
    job = run(sandbox, aws, request)
    key = f"{job['TrainingJobName']}/out/{job['TrainingJobName']}/output/output/manifest.json"
    assert aws.call("s3", "head_object", Bucket=BUCKET, Key=key)["ContentLength"] > 0


def test_a_name_is_used_once(aws: Aws, job_request: Make, trained: str) -> None:
    with pytest.raises(ConflictError) as refused:
        aws.call("sagemaker", "create_training_job", **job_request(TrainingJobName=trained))
    assert refused.value.code == "ResourceInUse"


def test_more_instances_than_the_quota_are_refused_in_aws_words(aws: Aws, job_request: Make) -> None:
    with pytest.raises(AwsError) as refused:
        aws.call("sagemaker", "create_training_job", **job_request(count=16))
    assert refused.value.code == "ResourceLimitExceeded"
    assert (
        "The account-level service limit 'ml.p5.48xlarge for training job usage' is 8 Instances, with current utilization of "
        "0 Instances and a request delta of 16 Instances."
    ) in refused.value.message


def test_instances_of_a_running_job_count_against_the_quota(
    sandbox: RunningSandbox, aws: Aws, job_request: Make
) -> None:
    first = job_request(count=5)
    with sandbox.settings(waiting_s=30):
        aws.call("sagemaker", "create_training_job", **first)
        with pytest.raises(AwsError, match="current utilization of 5 Instances"):
            aws.call("sagemaker", "create_training_job", **job_request(count=4))
        aws.call("sagemaker", "stop_training_job", TrainingJobName=first["TrainingJobName"])
    sandbox.wait_for_job(first["TrainingJobName"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RoleArn": "arn:aws:iam::111122223333:role/NoSuchRole"}, "Could not assume role"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/NovaForgeExecution"}, "Could not assume role"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket-here/out"}}, "no-such-bucket-here"),
        ({"ResourceConfig": {"InstanceType": "ml.p5.48xlarge", "VolumeSizeInGB": 30}}, "InstanceCount"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "TrainingImage"),
    ],
)
def test_what_aws_refuses_at_once_is_refused_at_once(
    aws: Aws, job_request: Make, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(AwsError, match=words) as refused:
        aws.call("sagemaker", "create_training_job", **job_request(**changes))
    assert refused.value.code == "ValidationException"


def test_a_channel_without_objects_is_refused(aws: Aws, job_request: Make) -> None:
    request = job_request()
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{BUCKET}/nothing/here"
    with pytest.raises(AwsError, match="No S3 objects found under S3 URL"):
        aws.call("sagemaker", "create_training_job", **request)


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("TrainingJobName", "no_underscores", "TrainingJobName"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": 1, "MaxPendingTimeInSeconds": 1}, "MaxPendingTimeInSeconds"),
    ],
)
def test_the_service_model_is_enforced_where_botocore_sends_anything(
    aws: Aws, job_request: Make, member: str, value: Any, words: str
) -> None:
    request = job_request(**{member: value})
    with pytest.raises(RefusedError):
        aws.call("sagemaker", "create_training_job", **request)
    client = aws.client("sagemaker")
    if member == "TrainingJobName":  # botocore does check minima itself, but no patterns
        with pytest.raises(client.exceptions.ClientError, match=f"ValidationException.*{words}"):
            client.create_training_job(**request)


def test_an_unknown_instance_type_is_refused_by_the_model(aws: Aws, job_request: Make) -> None:
    request = job_request()
    request["ResourceConfig"]["InstanceType"] = "ml.p9.48xlarge"
    client = aws.client("sagemaker")
    with pytest.raises(client.exceptions.ClientError, match=r"ResourceConfig\.InstanceType"):
        client.create_training_job(**request)


def test_a_worker_that_says_why_gives_the_failure_reason(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    with sandbox.settings(stand_in={"fail": "AlgorithmError: loss is NaN " + "x" * 2000}):
        job = run(sandbox, aws, job_request())
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: loss is NaN")
    assert len(job["FailureReason"]) == 1024
    assert job["BillableTimeInSeconds"] >= 1


def test_a_worker_that_crashes_shows_its_traceback_in_the_log(
    sandbox: RunningSandbox, aws: Aws, job_request: Make
) -> None:
    with sandbox.settings(stand_in={"crash": True}):
        job = run(sandbox, aws, job_request())
    assert "exit code 1" in job["FailureReason"]
    assert "RuntimeError: out of luck" in messages(aws, job["TrainingJobName"])


def test_a_recipe_that_is_not_yaml_fails_the_job(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    assert "not valid YAML" in run(sandbox, aws, job_request(recipe="run: ["))["FailureReason"]


def test_a_role_that_may_not_read_the_data_fails_the_job(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = aws.call("iam", "create_role", RoleName="powerless", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    job = run(sandbox, aws, job_request(RoleArn=arn))
    assert "not authorized to perform: s3:GetObject" in job["FailureReason"]


def test_stopping_a_running_job_ends_its_worker(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    with sandbox.settings(stand_in={"step_s": 60, "steps": 2}):
        request = job_request()
        aws.call("sagemaker", "create_training_job", **request)
        sandbox.wait_for_stage(request["TrainingJobName"], "Training")
        aws.call("sagemaker", "stop_training_job", TrainingJobName=request["TrainingJobName"])
        assert sandbox.wait_for_job(request["TrainingJobName"]) == "Stopped"
    job = describe(aws, request["TrainingJobName"])
    assert stages(job)[-2:] == ["Stopping", "Stopped"]
    assert job["BillableTimeInSeconds"] >= 1
    assert sandbox.endpoint.sandbox.children.pids() == []


def test_a_worker_that_ignores_the_signal_is_killed(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    with sandbox.settings(stand_in={"step_s": 60, "linger": True}, stop_grace_s=0.3):
        request = job_request()
        aws.call("sagemaker", "create_training_job", **request)
        sandbox.wait_for_stage(request["TrainingJobName"], "Training")
        aws.call("sagemaker", "stop_training_job", TrainingJobName=request["TrainingJobName"])
        assert sandbox.wait_for_job(request["TrainingJobName"]) == "Stopped"
    assert sandbox.endpoint.sandbox.children.pids() == []


def test_an_ended_job_cannot_be_stopped_and_an_unknown_one_not_found(aws: Aws, trained: str) -> None:
    with pytest.raises(AwsError, match="in status Completed"):
        aws.call("sagemaker", "stop_training_job", TrainingJobName=trained)
    for operation in ("stop_training_job", "describe_training_job", "delete_training_job"):
        with pytest.raises(NotFoundError):
            aws.call("sagemaker", operation, TrainingJobName="never-made")


def test_a_job_is_stopped_when_its_runtime_is_over(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    with sandbox.settings(stand_in={"step_s": 60}):
        job = run(sandbox, aws, job_request(StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert 1 <= job["BillableTimeInSeconds"] <= 5


def test_jobs_wait_for_the_machine_in_turn(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    with sandbox.settings(stand_in={"step_s": 60}):
        first, second, third = job_request(), job_request(), job_request()
        aws.call("sagemaker", "create_training_job", **first)
        sandbox.wait_for_stage(first["TrainingJobName"], "Training")
        for request in (second, third):
            aws.call("sagemaker", "create_training_job", **request)
            sandbox.wait_for_stage(request["TrainingJobName"], "Pending")
        aws.call("sagemaker", "stop_training_job", TrainingJobName=second["TrainingJobName"])
        assert sandbox.wait_for_job(second["TrainingJobName"]) == "Stopped"
        assert stages(describe(aws, second["TrainingJobName"])) == ["Starting", "Pending", "Stopping", "Stopped"]
        aws.call("sagemaker", "stop_training_job", TrainingJobName=first["TrainingJobName"])
        sandbox.wait_for_stage(third["TrainingJobName"], "Training")
        aws.call("sagemaker", "stop_training_job", TrainingJobName=third["TrainingJobName"])
        sandbox.wait_for_job(third["TrainingJobName"])


def test_a_deleted_job_frees_its_name(sandbox: RunningSandbox, aws: Aws, job_request: Make, trained: str) -> None:
    aws.call("sagemaker", "delete_training_job", TrainingJobName=trained)
    with pytest.raises(NotFoundError):
        describe(aws, trained)
    assert run(sandbox, aws, job_request(TrainingJobName=trained))["TrainingJobStatus"] == "Completed"


def test_jobs_are_listed_by_name_and_status_in_pages(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    names = [f"listed-{letter}" for letter in "abc"]
    for name in names:
        run(sandbox, aws, job_request(TrainingJobName=name))
    wanted = {"NameContains": "listed-", "SortBy": "Name", "SortOrder": "Ascending"}
    page = aws.call("sagemaker", "list_training_jobs", MaxResults=2, **wanted)
    rest = aws.call("sagemaker", "list_training_jobs", MaxResults=2, NextToken=page["NextToken"], **wanted)
    seen = [row["TrainingJobName"] for row in page["TrainingJobSummaries"] + rest["TrainingJobSummaries"]]
    assert seen == names and "NextToken" not in rest
    assert aws.call("sagemaker", "list_training_jobs", StatusEquals="Failed", **wanted)["TrainingJobSummaries"] == []


def test_without_capacity_a_job_fails_before_it_bills(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    sandbox.add_faults(JobFault(capacity_error=True))
    job = run(sandbox, aws, job_request())
    assert job["FailureReason"].startswith("CapacityError")
    assert "BillableTimeInSeconds" not in job
    assert run(sandbox, aws, job_request())["TrainingJobStatus"] == "Completed"


def test_a_job_can_be_made_to_fail_at_a_step(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    sandbox.add_faults(JobFault(fail_at_step=2))
    with sandbox.settings(stand_in={"step_s": 0.3, "steps": 100}):
        job = run(sandbox, aws, job_request())
    assert "step 2" in job["FailureReason"]
    steps = [line for line in messages(aws, job["TrainingJobName"]) if "global_step" in line]
    assert 2 <= len(steps) < 10


def test_a_worker_too_fast_to_be_caught_fails_at_its_step_too(
    sandbox: RunningSandbox, aws: Aws, job_request: Make
) -> None:
    sandbox.add_faults(JobFault(fail_at_step=1))
    assert "step 1" in run(sandbox, aws, job_request())["FailureReason"]


def test_the_default_stopping_condition_is_one_day(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    request = job_request()
    del request["StoppingCondition"]
    assert run(sandbox, aws, request)["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_tags_are_kept_apart_from_the_description(sandbox: RunningSandbox, aws: Aws, job_request: Make) -> None:
    job = run(sandbox, aws, job_request(Tags=[{"Key": "novaforge:plan", "Value": "abc"}]))
    assert "Tags" not in job
    arn = job["TrainingJobArn"]
    aws.call("sagemaker", "add_tags", ResourceArn=arn, Tags=[{"Key": "more", "Value": "1"}])
    aws.call("sagemaker", "delete_tags", ResourceArn=arn, TagKeys=["more"])
    assert aws.call("sagemaker", "list_tags", ResourceArn=arn)["Tags"] == [{"Key": "novaforge:plan", "Value": "abc"}]


def test_serverless_jobs_are_refused_plainly(aws: Aws, job_request: Make) -> None:
    base = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/nova-textgeneration-lite-v2/1.0.0"
    with pytest.raises(AwsError, match="does not play serverless"):
        aws.call(
            "sagemaker",
            "create_training_job",
            TrainingJobName="serverless",
            RoleArn=ROLE_ARN,
            OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
            ServerlessJobConfig={"BaseModelArn": base, "JobType": "FineTuning", "CustomizationTechnique": "SFT"},
        )
