"""Training jobs as the account sees them: status, transitions, times, and the DescribeTrainingJob answer."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from novaforge.server.sandbox.settings import ACCOUNT, REGION

FAILURE_CHARACTERS = 1024
DEFAULT_MAX_RUNTIME_S = 86400
"""What SageMaker applies when a request has no StoppingCondition: one day."""

ENDED = {"Completed", "Failed", "Stopped"}

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Pending": "Training job waiting for capacity",
    "Downloading": "Downloading the training image",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class JobFailure(Exception):
    """A job ends as Failed; the text becomes its FailureReason."""


def now() -> datetime:
    """Return the time on the sandbox's clock, in UTC."""
    return datetime.now(UTC)


@dataclass
class Job:
    """One training job; every change goes through a method, under the lock of `changed`."""

    request: dict[str, Any]
    created: datetime = field(default_factory=now)
    status: str = "InProgress"
    secondary: str = "Starting"
    transitions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    failure: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    modified: datetime = field(default_factory=now)
    stop: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def name(self) -> str:
        """The TrainingJobName."""
        return str(self.request["TrainingJobName"])

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{self.name}"

    @property
    def max_runtime_s(self) -> int:
        """Seconds from the start of billing after which the job is stopped."""
        return int(self.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S))

    @property
    def output_prefix(self) -> str:
        """Where the job's outputs go: s3://bucket/prefix/<job>/output."""
        return f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output"

    def enter(self, secondary: str, status: str | None = None, message: str = "") -> None:
        """Move to a secondary status; the one before it ends now. An ended job stays as it is."""
        with self.changed:
            if self.status in ENDED:
                return
            at = now()
            if self.transitions:
                self.transitions[-1]["EndTime"] = at
            text = message or MESSAGES[secondary]
            self.transitions.append({"Status": secondary, "StartTime": at, "StatusMessage": text[:FAILURE_CHARACTERS]})
            self.secondary, self.status, self.modified = secondary, status or self.status, at
            self.changed.notify_all()
            if secondary == "Downloading" and self.started is None:
                self.started = at  # billing starts here; waiting for capacity before it costs nothing

    def end(self, secondary: str, status: str, failure: str = "") -> None:
        """Reach a final status."""
        with self.changed:
            if self.status in ENDED:
                return
            self.failure = failure[:FAILURE_CHARACTERS]
            self.enter(secondary, status, failure)
            self.ended = self.modified
            self.transitions[-1]["EndTime"] = self.modified
        self.finished.set()

    def ask_to_stop(self) -> bool:
        """Begin stopping; False when the job has ended already."""
        with self.changed:
            if self.status in ENDED:
                return False
            if self.status != "Stopping":
                self.enter("Stopping", "Stopping")
            self.stop.set()
            return True

    def describe(self) -> dict[str, Any]:
        """Return the DescribeTrainingJob answer."""
        with self.changed:
            kept = {key: value for key, value in self.request.items() if key not in {"Tags", "SessionChainingConfig"}}
            answer = kept | {
                "TrainingJobArn": self.arn,
                "ModelArtifacts": {"S3ModelArtifacts": f"{self.output_prefix}/model.tar.gz"},
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self.secondary,
                "StoppingCondition": self.request.get("StoppingCondition")
                or {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_S},
                "CreationTime": self.created,
                "LastModifiedTime": self.modified,
                "SecondaryStatusTransitions": [dict(transition) for transition in self.transitions],
                "ProfilingStatus": "Disabled",
            }
            for flag in (
                "EnableNetworkIsolation",
                "EnableInterContainerTrafficEncryption",
                "EnableManagedSpotTraining",
            ):
                answer.setdefault(flag, False)
            return answer | self._times()

    def summary(self) -> dict[str, Any]:
        """Return the job's entry in ListTrainingJobs."""
        with self.changed:
            entry: dict[str, Any] = {
                "TrainingJobName": self.name,
                "TrainingJobArn": self.arn,
                "CreationTime": self.created,
                "LastModifiedTime": self.modified,
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self.secondary,
            }
            return entry | ({"TrainingEndTime": self.ended} if self.ended else {})

    def _times(self) -> dict[str, Any]:
        """Seconds are per instance: what is paid is BillableTimeInSeconds x InstanceCount."""
        found: dict[str, Any] = {"FailureReason": self.failure} if self.failure else {}
        if self.started:
            found["TrainingStartTime"] = self.started
        if self.ended:
            found["TrainingEndTime"] = self.ended
        if self.started and self.ended:
            seconds = max(1, round((self.ended - self.started).total_seconds()))
            found |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        return found
