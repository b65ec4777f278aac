"""The whole ledger: plans and their moves, and what they made."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from novaforge.server.ledger.plans import PlanStore
from novaforge.server.ledger.rows import payload, stamp, stamp_or_none
from novaforge.server.ledger.tables import artifacts, evaluations, jobs, resources
from novaforge.tools.records import ArtifactRecord, EvaluationRecord, JobPhase, JobRecord, ResourceRecord


class SqlLedger(PlanStore):
    """A Ledger in SQLite or PostgreSQL."""

    def put_job(self, job: JobRecord) -> None:
        """Insert or replace a job row."""
        values = {
            "job_id": job.job_id,
            "plan_digest": job.plan_digest,
            "platform": job.platform,
            "phase": job.phase,
            "created_at": stamp(job.created_at),
            "payload": payload(job),
        }
        self._put(jobs, values)

    def job(self, job_id: str) -> JobRecord | None:
        """Return one job."""
        text = self._one(select(jobs.c.payload).where(jobs.c.job_id == job_id))
        return JobRecord.model_validate_json(text) if text else None

    def jobs(
        self, phases: Sequence[JobPhase] | None = None, platform: str | None = None, limit: int = 50
    ) -> list[JobRecord]:
        """Return jobs, newest first."""
        query = select(jobs.c.payload).order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc()).limit(limit)
        if phases is not None:
            query = query.where(jobs.c.phase.in_(phases))
        if platform is not None:
            query = query.where(jobs.c.platform == platform)
        return [JobRecord.model_validate_json(text) for text in self._all(query)]

    def put_resource(self, resource: ResourceRecord) -> None:
        """Insert or replace a resource row."""
        values = {
            "resource_id": resource.resource_id,
            "kind": resource.kind,
            "plan_digest": resource.plan_digest,
            "created_at": stamp(resource.created_at),
            "deleted_at": stamp_or_none(resource.deleted_at),
            "payload": payload(resource),
        }
        self._put(resources, values)

    def resource(self, key: str) -> ResourceRecord | None:
        """Return one resource by its resource_id."""
        text = self._one(select(resources.c.payload).where(resources.c.resource_id == key))
        return ResourceRecord.model_validate_json(text) if text else None

    def resources(self, *, live: bool = True, kind: str | None = None) -> list[ResourceRecord]:
        """Return resources we made, newest first; live means not deleted."""
        query = select(resources.c.payload).order_by(resources.c.created_at.desc(), resources.c.resource_id)
        if live:
            query = query.where(resources.c.deleted_at.is_(None))
        if kind is not None:
            query = query.where(resources.c.kind == kind)
        return [ResourceRecord.model_validate_json(text) for text in self._all(query)]

    def put_artifact(self, artifact: ArtifactRecord) -> None:
        """Insert or replace the row of an uploaded object."""
        values = {
            "uri": artifact.uri,
            "plan_digest": artifact.plan_digest,
            "at": stamp(artifact.at),
            "payload": payload(artifact),
        }
        self._put(artifacts, values)

    def artifacts(self, plan_digest: str | None = None) -> list[ArtifactRecord]:
        """Return uploaded objects, of one plan or of all, oldest first."""
        query = select(artifacts.c.payload).order_by(artifacts.c.at, artifacts.c.uri)
        if plan_digest is not None:
            query = query.where(artifacts.c.plan_digest == plan_digest)
        return [ArtifactRecord.model_validate_json(text) for text in self._all(query)]

    def put_evaluation(self, evaluation: EvaluationRecord) -> None:
        """Store a report, replacing an older one of the same job."""
        values = {"job_id": evaluation.job_id, "at": stamp(evaluation.at), "payload": payload(evaluation)}
        self._put(evaluations, values)

    def evaluation(self, job_id: str) -> EvaluationRecord | None:
        """Return the stored report of a job."""
        text = self._one(select(evaluations.c.payload).where(evaluations.c.job_id == job_id))
        return EvaluationRecord.model_validate_json(text) if text else None

    def _put(self, table: Table, values: dict[str, Any]) -> None:
        """Insert a row, or replace the one of the same primary key."""
        make: Any = sqlite_insert if self.database.sqlite else postgres_insert
        keys = [column.name for column in table.primary_key]
        rest = {name: value for name, value in values.items() if name not in keys}
        statement = make(table).values(values).on_conflict_do_update(index_elements=keys, set_=rest)
        with self.database.write() as connection:
            connection.execute(statement)

    def _one(self, query: Any) -> str | None:
        with self.database.read() as connection:
            value: str | None = connection.execute(query).scalar()
        return value

    def _all(self, query: Any) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())
