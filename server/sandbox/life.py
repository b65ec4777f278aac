"""How a sandbox account begins, with what it is furnished, and how it ends."""

import json
import shutil
import uuid
from pathlib import Path

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.faults import Faults
from novaforge.server.sandbox.hosting import Hosting
from novaforge.server.sandbox.inner import Moto
from novaforge.server.sandbox.settings import (
    BUCKET,
    HUB_ACCOUNT,
    REGION,
    ROLE_NAME,
    SandboxSettings,
)
from novaforge.server.sandbox.supervisor import Supervisor
from novaforge.tools.catalog import recipes

SHUTDOWN_GRACE_S = 5.0

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "s3:GetObject",
                "s3:PutObject",
                "s3:AbortMultipartUpload",
                "s3:ListBucket",
                "s3:GetBucketLocation",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["cloudwatch:PutMetricData"], "Resource": "*"},
    ],
}


class Sandbox(Account):
    """One life of a sandbox account.

    Resources live in memory and end with the process; only checkpoints in the escrow folder outlast it. A new process over the same
    folder is a new life of the account, with a new `life` id, so that no job of an earlier one can seem to be running.
    """

    def __init__(self, folder: Path, settings: SandboxSettings, url: str, moto: Moto) -> None:
        super().__init__(folder, settings, url, moto)
        self._begin()

    def reset(self) -> None:
        """End everything that runs and become a fresh account."""
        self.close()
        self.moto.reset()
        self.children.reopen()
        self._begin()

    def close(self) -> None:
        """Stop every job, endpoint and function; returns when no child process is left."""
        for job in list(self.jobs.values()):
            job.ask_to_stop()
        self.hosting.close()
        self.children.end_all(SHUTDOWN_GRACE_S)
        self.supervisor.join(SHUTDOWN_GRACE_S)

    def _begin(self) -> None:
        self.life = uuid.uuid4().hex[:12]
        shutil.rmtree(self.folder / "lives", ignore_errors=True)  # copies of inputs of jobs nobody can ask for any more
        self.life_folder.mkdir(parents=True)
        self.jobs, self.tags, self.log_queries = {}, {}, {}
        self.faults = Faults(self.settings.faults, self.settings.job_faults)
        self.supervisor, self.hosting = Supervisor(self), Hosting(self)
        self.hub_documents = {recipes.HUB_CONTENT: recipes.hub_document(REGION)}
        _publish_hub(self.moto)
        _furnish(self.moto)


def _furnish(moto: Moto) -> None:
    """Give the account its bucket and its execution role."""
    moto.client("s3").create_bucket(Bucket=BUCKET)
    iam = moto.client("iam")
    iam.create_role(
        RoleName=ROLE_NAME,
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Description="Execution role of the sandbox account for training jobs and endpoints",
    )
    iam.put_role_policy(RoleName=ROLE_NAME, PolicyName="NovaForgeExecution", PolicyDocument=json.dumps(PERMISSIONS))


def _publish_hub(moto: Moto) -> None:
    """Put the hub's recipe objects where AWS keeps them, in a bucket of another account."""
    client, bucket = moto.client("s3", HUB_ACCOUNT), recipes.hub_bucket(REGION)
    client.create_bucket(Bucket=bucket)
    for key, content in recipes.hub_objects().items():
        client.put_object(Bucket=bucket, Key=key, Body=content)
