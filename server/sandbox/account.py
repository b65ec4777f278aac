"""The account a sandbox plays: everything it holds, as it is when the sandbox starts and after a reset."""

import json
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

from novaforge.server.sandbox.children import Children
from novaforge.server.sandbox.faults import Faults
from novaforge.server.sandbox.hosting import Hosting
from novaforge.server.sandbox.inner import Moto
from novaforge.server.sandbox.jobs import Job
from novaforge.server.sandbox.settings import (
    ACCOUNT,
    BUCKET,
    HUB_ACCOUNT,
    REGION,
    ROLE_NAME,
    SandboxSettings,
)
from novaforge.server.sandbox.supervisor import Supervisor

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
        {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": f"arn:aws:lambda:*:{ACCOUNT}:function:*"},
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["cloudwatch:PutMetricData"], "Resource": "*"},
    ],
}


class Sandbox:
    """One life of a sandbox account.

    Resources live in memory and end with the process; only checkpoints in the escrow folder outlast it. A new process over the same
    folder is a new life of the account, with a new `life` id, so that no job of an earlier one can seem to be running.
    """

    def __init__(self, folder: Path, settings: SandboxSettings, url: str, moto: Moto) -> None:
        self.folder, self.settings, self.url, self.moto = folder, settings, url, moto
        self.escrow = folder / "escrow"
        self.lock = threading.RLock()
        self.children = Children()
        self._begin_life()

    @property
    def life_folder(self) -> Path:
        """Where this life keeps working files of jobs, endpoints and functions."""
        return self.folder / "lives" / self.life

    def reset(self) -> None:
        """End everything that runs and become a fresh account."""
        self.close()
        self.moto.reset()
        self.children.reopen()
        self._begin_life()

    def close(self) -> None:
        """Stop every job, endpoint and function; returns when no child process is left."""
        for job in list(self.jobs.values()):
            job.ask_to_stop()
        self.hosting.close()
        self.children.end_all(SHUTDOWN_GRACE_S)
        self.supervisor.join(SHUTDOWN_GRACE_S)

    def _begin_life(self) -> None:
        self.life = uuid.uuid4().hex[:12]
        shutil.rmtree(self.folder / "lives", ignore_errors=True)  # copies of inputs of jobs nobody can ask for any more
        self.life_folder.mkdir(parents=True)
        self.jobs: dict[str, Job] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.faults = Faults(self.settings.faults, self.settings.job_faults)
        self.supervisor = Supervisor(self)
        self.hosting = Hosting(self)
        self.hub_documents = _publish_hub(self.moto)
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


def _publish_hub(moto: Moto) -> dict[str, Any]:
    """Put the hub's recipe objects where AWS keeps them, in a bucket of another account; returns the hub documents by name."""
    from novaforge.tools.catalog import recipes

    client, bucket = moto.client("s3", HUB_ACCOUNT), f"jumpstart-cache-prod-{REGION}"
    client.create_bucket(Bucket=bucket)
    for key, content in recipes.hub_objects(REGION).items():
        client.put_object(Bucket=bucket, Key=key, Body=content)
    return {"nova-textgeneration-lite-v2": recipes.hub_document(REGION)}
