"""Output archives in the layout the evaluation container writes, and a context whose ledger lives in memory."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from novaforge.guards.errors import InputError
from novaforge.guards.policy import Policy
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.evaluation import store
from novaforge.tools.jobs.archive import Archive
from novaforge.tools.records import EvaluationRecord, JobRecord

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = "my-run/eval_results"


class MemoryLedger:
    """The parts of the ledger that evaluations use."""

    def __init__(self) -> None:
        self.rows: dict[str, JobRecord] = {}
        self.reports: dict[str, str] = {}

    def job(self, job_id: str) -> JobRecord | None:
        return self.rows.get(job_id)

    def jobs(self, limit: int = 50) -> list[JobRecord]:
        return list(self.rows.values())[:limit]

    def evaluation(self, job_id: str) -> EvaluationRecord | None:
        kept = self.reports.get(job_id)
        return EvaluationRecord.model_validate_json(kept) if kept else None

    def put_evaluation(self, evaluation: EvaluationRecord) -> None:
        self.reports[evaluation.job_id] = evaluation.model_dump_json()


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def output_line(gold: str, output: str, row_id: str | None, query: str) -> bytes:
    row: dict[str, Any] = {
        "prompt": repr([{"role": "system", "content": "Answer."}, {"role": "user", "content": query}]),
        "inference": repr([output]),
        "gold": gold,
    }
    if row_id is not None:
        row["metadata"] = row_id
    return json.dumps(row).encode() + b"\n"


def results_document(metrics: dict[str, float], task: str = "gen_qa_gen_qa") -> bytes:
    config = {"lighteval_sha": "?", "total_evaluation_time_secondes": "1.5", "model_name": "nova"}
    return json.dumps({"config_general": config, "results": {f"custom|{task}|0": metrics}, "versions": {}}).encode()


@pytest.fixture
def line() -> Callable[..., bytes]:
    """A line of inference_output.jsonl."""
    return output_line


@pytest.fixture
def results() -> Callable[..., bytes]:
    """A results_<timestamp>.json."""
    return results_document


@pytest.fixture
def tarball() -> Callable[[dict[str, bytes]], bytes]:
    """An output.tar.gz of the given files."""
    return pack


@pytest.fixture
def reader(tmp_path: Path) -> Callable[[bytes], Archive]:
    """A reader of an output.tar.gz."""

    def make(data: bytes) -> Archive:
        path = tmp_path / "output.tar.gz"
        path.write_bytes(data)
        return Archive(path)

    return make


@pytest.fixture
def archive() -> Callable[..., bytes]:
    """An output.tar.gz of (gold, output) pairs; ids=False leaves the metadata out."""

    def make(pairs: Sequence[tuple[str, str]], metrics: dict[str, float] | None = None, ids: bool = True) -> bytes:
        lines = [
            output_line(gold, output, f"row-{place}" if ids else None, f"Question {place}?")
            for place, (gold, output) in enumerate(pairs)
        ]
        return pack(
            {
                f"{RUN}/results_2026-11-20T11-00-00.json": results_document(metrics or {}),
                f"{RUN}/inference_output.jsonl": b"".join(lines),
                "my-run/tensorboard_results/eval/events.out.tfevents.1": b"\0",
            }
        )

    return make


class Jobs:
    """Jobs of a pretended platform: their rows, phases and archives."""

    def __init__(self, folder: Path) -> None:
        self.ledger = MemoryLedger()
        self.folder = folder
        self.phases: dict[str, str] = {}
        self.opened: list[str] = []

    def add(self, job_id: str, data: bytes = b"", phase: str = "completed", **fields: Any) -> str:
        defaults: dict[str, Any] = {
            "kind": "evaluation",
            "method": "EVALUATION",
            "name": job_id,
            "spec": {},
        }
        self.ledger.rows[job_id] = JobRecord(
            job_id=job_id,
            plan_id="plan",
            plan_digest="0" * 64,
            model="nova_lite_2",
            platform="sagemaker",
            account="111122223333",
            region="us-east-1",
            output="s3://bucket/out",
            instance_type="ml.p5.48xlarge",
            instance_count=1,
            usd_per_hour=Decimal("63.296"),
            ceiling_usd=Decimal(100),
            max_runtime_s=3600,
            created_at=NOW,
            **(defaults | fields),
        )
        self.replace(job_id, data)
        self.phases[job_id] = phase
        return job_id

    def replace(self, job_id: str, data: bytes) -> None:
        (self.folder / f"{job_id}.tar.gz").write_bytes(data)

    def archive_of(self, ctx: ToolContext, job_id: str) -> Archive:
        """Behave as tools.jobs.artifacts.archive_of."""
        if self.phases[job_id] != "completed":
            raise InputError(f"{job_id} is {self.phases[job_id]}", field="job_id", phase=self.phases[job_id])
        self.opened.append(job_id)
        return Archive(self.folder / f"{job_id}.tar.gz")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Jobs]:
    """A platform whose jobs the tests add."""
    pretended = Jobs(tmp_path)
    monkeypatch.setattr(store, "archive_of", pretended.archive_of)
    yield pretended


@pytest.fixture
def ctx(jobs: Jobs) -> ToolContext:
    """A context on the pretended platform."""
    absent = cast(Any, None)
    return ToolContext(
        mode=Mode(),
        policy=Policy(),
        ledger=cast(Any, jobs.ledger),
        aws=absent,
        storage=absent,
        audit=absent,
        clock=lambda: NOW,
    )
