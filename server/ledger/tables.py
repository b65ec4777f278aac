"""The ledger's tables. Times are ISO 8601 UTC text of one width, so that they sort; money is text; models are JSON text."""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

SCHEMA_VERSION = 1

metadata = MetaData()

schema_info = Table("schema_info", metadata, Column("version", Integer, primary_key=True))

plans = Table(
    "plans",
    metadata,
    Column("plan_id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("action", String(32), nullable=False),
    Column("output", Text),
    Column("state", String(16), nullable=False, index=True),
    Column("state_at", String(32), nullable=False),
    Column("created_at", String(32), nullable=False, index=True),
    Column("expires_at", String(32), nullable=False),
    Column("ceiling_usd", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("payload", Text, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("approval_id", String(64), primary_key=True),
    Column("plan_id", String(64), nullable=False),
    Column("plan_digest", String(64), ForeignKey("plans.digest"), nullable=False, index=True),
    Column("prompt_sha256", String(64), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("approver", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("answer", String(16), nullable=False),
    Column("typed_value", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("consumed_at", String(32)),
)
Index(
    "one_consumed_approval",
    approvals.c.plan_digest,
    unique=True,
    sqlite_where=text("consumed_at IS NOT NULL"),
    postgresql_where=text("consumed_at IS NOT NULL"),
)

executions = Table(
    "executions",
    metadata,
    # One row per plan for ever: the second guard, after the state, against starting it twice.
    Column("plan_digest", String(64), ForeignKey("plans.digest"), primary_key=True),
    Column("plan_id", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("intent_at", String(32), nullable=False),
    Column("aws_request_id", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("observed_at", String(32)),
    Column("error", Text, nullable=False),
    Column("done", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until", String(32)),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(128), primary_key=True),
    Column("plan_digest", String(64), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("phase", String(16), nullable=False, index=True),
    Column("created_at", String(32), nullable=False),
    Column("payload", Text, nullable=False),
)

resources = Table(
    "resources",
    metadata,
    Column("resource_id", String(512), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("plan_digest", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("deleted_at", String(32)),
    Column("payload", Text, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("uri", String(1200), primary_key=True),
    Column("plan_digest", String(64), nullable=False, index=True),
    Column("at", String(32), nullable=False),
    Column("payload", Text, nullable=False),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("job_id", String(128), primary_key=True),
    Column("at", String(32), nullable=False),
    Column("payload", Text, nullable=False),
)

spend = Table(
    "spend",
    metadata,
    Column("plan_digest", String(64), ForeignKey("plans.digest"), primary_key=True),
    Column("at", String(32), nullable=False, index=True),
    Column("usd", String(32), nullable=False),
    Column("released_at", String(32)),
)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", String(64), primary_key=True),
    Column("expires_at", String(32), nullable=False),
    Column("revoked_at", String(32)),
    Column("payload", Text, nullable=False),
)
