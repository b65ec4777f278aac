"""A Logs Insights query that was started."""

from dataclasses import dataclass

from novaforge.server.sandbox.services.insights import Event, Query


@dataclass
class Running:
    """One query: its rows are known at once, but the first answer says that it is still running, as CloudWatch's does."""

    query: Query
    rows: list[Event]
    matched: int
    scanned: int
    bytes: int
    status: str = "Running"
    asked: int = 0
