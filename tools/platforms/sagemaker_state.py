"""What DescribeTrainingJob says, as a job state."""

from datetime import UTC, datetime
from typing import Any

from novaforge.guards.text import clean
from novaforge.tools.platforms.base import JobState, Stage
from novaforge.tools.records import ENDED_PHASES, JobPhase

_ENDED: dict[str, JobPhase] = {"Completed": "completed", "Failed": "failed", "Stopped": "stopped"}


def state_of(described: dict[str, Any], now: datetime) -> JobState:
    """Return the state; SageMaker bills from TrainingStartTime to TrainingEndTime, so anything before is waiting."""
    started, ended = _time(described.get("TrainingStartTime")), _time(described.get("TrainingEndTime"))
    stages = tuple(_stage(item) for item in described.get("SecondaryStatusTransitions", []))
    phase = _phase(described, stages, started)
    if ended is None and phase in ENDED_PHASES:
        ended = _time(described.get("LastModifiedTime"))
    until = ended or now
    return JobState(
        phase=phase,
        status=str(described["TrainingJobStatus"]),
        stage=str(described.get("SecondaryStatus", "")),
        stages=stages,
        waiting_s=_seconds(_time(described.get("CreationTime")), started or until),
        billable_s=_billable(described, started, until),
        started_at=started,
        ended_at=ended,
        failure=clean(described.get("FailureReason", ""), 1024),
    )


def _phase(described: dict[str, Any], stages: tuple[Stage, ...], started: datetime | None) -> JobPhase:
    status = described["TrainingJobStatus"]
    if status in _ENDED:
        return _ENDED[status]
    if status == "Stopping":
        return "stopping"
    if status == "InProgress":
        return "running" if started else "waiting"
    return _before_deletion(stages) if status == "Deleting" else "unknown"


def _before_deletion(stages: tuple[Stage, ...]) -> JobPhase:
    """Say how a job ended that is being deleted; only ended jobs can be."""
    for stage in reversed(stages):
        if stage.status in _ENDED:
            return _ENDED[stage.status]
    return "stopped"


def _billable(described: dict[str, Any], started: datetime | None, until: datetime) -> int:
    given = described.get("BillableTimeInSeconds")
    return int(given) if given is not None else _seconds(started, until)


def _stage(item: dict[str, Any]) -> Stage:
    return Stage(
        status=str(item["Status"]),
        started_at=item["StartTime"].astimezone(UTC),
        ended_at=_time(item.get("EndTime")),
        message=clean(item.get("StatusMessage", ""), 300),
    )


def _time(value: datetime | None) -> datetime | None:
    return value.astimezone(UTC) if value else None


def _seconds(start: datetime | None, end: datetime) -> int:
    return max(0, round((end - start).total_seconds())) if start else 0
