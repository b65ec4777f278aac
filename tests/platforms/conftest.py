"""A small AWS in memory whose requests and responses are checked against botocore's models."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import pytest

from novaforge.guards.errors import AwsError, NotFoundError
from novaforge.guards.plan import Plan, Principal
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.shapes import check_request, check_response, refuse_problems
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.records import JobRecord, Ledger, PlanRecord

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GROUP = "/aws/sagemaker/TrainingJobs"
ROLE = "arn:aws:iam::111122223333:role/NovaForgeExecution"


@lru_cache
def model_of(service: str) -> Any:
    import botocore.session  # here, not above: heavy, and collecting the tests does not need it

    return botocore.session.get_session().get_service_model(service)


class Cloud:
    """Training jobs, log streams and objects; `calls` remembers every operation, `faults` raises instead of answering."""

    region = "us-east-1"

    def __init__(self) -> None:
        self.now = START
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[tuple[int, int, str]]] = {}
        self.objects: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.faults: dict[str, Exception] = {}
        self.quirky = False
        self._count = 0

    def clock(self) -> datetime:
        return self.now

    def principal(self) -> Principal:
        return Principal(account="111122223333", arn=ROLE, region=self.region)

    def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
        api = "".join(word.capitalize() for word in operation.split("_"))
        model = model_of(service)
        refuse_problems(check_request(model, api, request), f"{service}:{api}")
        self.calls.append(operation)
        if operation in self.faults:
            raise self.faults[operation]
        response: dict[str, Any] = getattr(self, operation)(**request)
        body = {key: value for key, value in response.items() if key != "Body"}
        refuse_problems(check_response(model, api, body), f"answer of {service}:{api}")
        return response

    # Operations; their arguments are spelled as AWS spells them

    def add_job(self, name: str, status: str = "InProgress", stage: str = "Starting", **more: Any) -> dict[str, Any]:
        self.jobs[name] = {
            "TrainingJobName": name,
            "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:111122223333:training-job/{name}",
            "ModelArtifacts": {"S3ModelArtifacts": "s3://elsewhere/not-the-checkpoint"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 14400},
            "TrainingJobStatus": status,
            "SecondaryStatus": stage,
            "CreationTime": self.now,
            "OutputDataConfig": {"S3OutputPath": f"s3://novaforge-sandbox/out/{name}/"},
            "SecondaryStatusTransitions": [{"Status": stage, "StartTime": self.now}],
            **more,
        }
        return self.jobs[name]

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        if TrainingJobName not in self.jobs:
            raise NotFoundError(
                "Requested resource not found.", operation="DescribeTrainingJob", code="ValidationException"
            )
        return self.jobs[TrainingJobName]

    def stop_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        job = self.describe_training_job(TrainingJobName)
        if job["TrainingJobStatus"] not in {"InProgress", "Stopping"}:
            message = f"The request was rejected because the training job is in status {job['TrainingJobStatus']}."
            raise AwsError(message, operation="StopTrainingJob", code="ValidationException")
        job.update(TrainingJobStatus="Stopping", SecondaryStatus="Stopping")
        return {}

    def log(self, job: str, stream: str, *lines: tuple[int, str]) -> None:
        """Put events as (milliseconds, message)."""
        kept = self.events.setdefault(f"{job}/{stream}", [])
        for at_ms, message in lines:
            self._count += 1
            kept.append((at_ms, self._count, message))
        kept.sort()

    def describe_log_streams(
        self,
        logGroupName: str,
        logStreamNamePrefix: str,
        nextToken: str = "0",
    ) -> dict[str, Any]:
        if not self.events:
            raise NotFoundError(
                "The specified log group does not exist.", operation="", code="ResourceNotFoundException"
            )
        names = sorted(name for name in self.events if name.startswith(logStreamNamePrefix))
        start = int(nextToken)
        page: dict[str, Any] = {"logStreams": [{"logStreamName": name} for name in names[start : start + 50]]}
        return page | ({"nextToken": str(start + 50)} if len(names) > start + 50 else {})

    def get_log_events(
        self,
        logGroupName: str,
        logStreamName: str,
        limit: int,
        startFromHead: bool,
        startTime: int = 0,
        nextToken: str = "",
    ) -> dict[str, Any]:
        after = tuple(int(part) for part in nextToken.split("/")[1:3]) if nextToken else (0, 0)
        items = [item for item in self.events[logStreamName] if item[0] >= startTime and item[:2] > after]
        quirk = self.quirky and len(nextToken.split("/")) < 4
        page = [] if quirk and startFromHead else items[:limit] if startFromHead else items[-limit:]
        at_ms, number = page[-1][:2] if page else after
        suffix = "/again" if (quirk or (self.quirky and not page)) else ""
        events = [{"timestamp": item[0], "message": item[2], "ingestionTime": item[0] + 5} for item in page]
        return {"events": events, "nextForwardToken": f"f/{at_ms}/{number}{suffix}", "nextBackwardToken": "b/0/0"}

    def put(self, uri: str, data: bytes) -> None:
        self.objects[uri] = data

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        uri = f"s3://{Bucket}/{Key}"
        if uri not in self.objects:
            raise NotFoundError("Not Found", operation="s3:HeadObject", code="404")
        size = len(self.objects[uri])
        return {"ContentLength": size, "LastModified": START, "ETag": f'"{hashlib.md5(self.objects[uri]).hexdigest()}"'}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[f"s3://{Bucket}/{Key}"])}


class Memory:
    """The part of a ledger that jobs need."""

    def __init__(self) -> None:
        self.rows: dict[str, JobRecord] = {}
        self.plan_rows: dict[str, PlanRecord] = {}

    def job(self, job_id: str) -> JobRecord | None:
        return self.rows.get(job_id)

    def jobs(self, phases: Any = None, platform: str | None = None, limit: int = 50) -> list[JobRecord]:
        rows = sorted(self.rows.values(), key=lambda row: row.created_at, reverse=True)
        return [row for row in rows if (phases is None or row.phase in phases) and platform in {None, row.platform}][
            :limit
        ]

    def put_job(self, job: JobRecord) -> None:
        self.rows[job.job_id] = job

    def plan(self, plan_id: str) -> PlanRecord | None:
        return self.plan_rows.get(plan_id)

    def add_plan(self, plan: Plan) -> None:
        self.plan_rows[plan.plan_id] = PlanRecord(plan=plan, state="submitted", state_at=plan.created_at)


class Lines:
    """An audit log in memory."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def write(self, event: str, *, actor: str, plan_digest: str = "", detail: Any = None) -> str:
        self.events.append((event, detail))
        return "head"

    def head(self) -> str:
        return "head"


class World:
    """A cloud, a ledger and a tool context over both."""

    def __init__(self, root: Path) -> None:
        self.cloud = Cloud()
        self.ledger = Memory()
        self.audit = Lines()
        self.root = root

    def ctx(self, **mode: Any) -> ToolContext:
        settings: dict[str, Any] = {"sandbox": False, "writes_allowed": True, "owner": "tester"} | mode
        aws = cast(Aws, self.cloud)
        return ToolContext(
            mode=Mode(**settings),
            policy=Policy(),
            ledger=cast(Ledger, self.ledger),
            aws=aws,
            storage=Storage(aws, (self.root,)),
            audit=self.audit,
            clock=self.cloud.clock,
        )

    def add(self, name: str = "job-a", kind: str = "training", **more: Any) -> JobRecord:
        """Put a job row in the ledger."""
        values = {
            "job_id": name,
            "plan_id": f"plan_{name}",
            "plan_digest": "0" * 64,
            "kind": kind,
            "name": name,
            "model": "nova_lite_2",
            "method": "SFT_LORA" if kind == "training" else "EVALUATION",
            "platform": "sagemaker",
            "account": "111122223333",
            "region": "us-east-1",
            "output": f"s3://novaforge-sandbox/out/{name}/",
            "instance_type": "ml.p5.48xlarge",
            "instance_count": 4,
            "usd_per_hour": Decimal("63.296"),
            "ceiling_usd": Decimal("1012.74"),
            "max_runtime_s": 14400,
            "created_at": START + timedelta(seconds=len(self.ledger.rows)),
        }
        job = JobRecord.model_validate(values | more)
        self.ledger.put_job(job)
        return job

    def archive(self, name: str, members: dict[str, bytes]) -> str:
        """Put a job's output.tar.gz and return its URI."""
        uri = f"s3://novaforge-sandbox/out/{name}/{name}/output/output.tar.gz"
        self.cloud.put(uri, tar_of(members))
        return uri


def tar_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield World(tmp_path)


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[], World]:
    """A fresh world each time, for property tests."""
    return lambda: World(tmp_path)


@pytest.fixture
def pack() -> Callable[[dict[str, bytes]], bytes]:
    """Members to the bytes of a gzipped tar."""
    return tar_of
