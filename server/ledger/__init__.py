"""The ledger: plans, approvals, executions, jobs and resources in SQLite or PostgreSQL.

SQLAlchemy is imported at the first use of a ledger, not when it is named, so that a server starts without it.
"""

import threading
from typing import Any, cast

from novaforge.guards.errors import ConfigError
from novaforge.guards.values import Clock
from novaforge.tools.records import Ledger

SCHEMES = ("sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://")


def open_ledger(url: str, clock: Clock | None = None) -> Ledger:
    """Return the ledger behind a SQLAlchemy URL; it is connected to, and made if new, at its first use.

    `clock` tells when an open plan shows as expired. Raises ConfigError for a URL that is neither SQLite nor PostgreSQL.
    """
    if not url.startswith(SCHEMES) or url == "sqlite:///:memory:":
        scheme = url.split(":", 1)[0]  # never the whole URL: it may hold a password
        raise ConfigError(
            f"A ledger cannot live at a {scheme!r} URL of this form.",
            fix="use sqlite:////absolute/path/ledger.db or postgresql://user@host/database",
        )
    return cast(Ledger, _Deferred(url, clock))


class _Deferred:
    """Stands for the ledger until its first use."""

    def __init__(self, url: str, clock: Clock | None) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._opened: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        with self._lock:
            if self._opened is None:
                from novaforge.server.ledger.sql import SqlLedger  # here: SQLAlchemy takes long to import

                self._opened = SqlLedger(self._url, self._clock)
        return getattr(self._opened, name)
