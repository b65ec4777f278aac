"""Connections of the ledger: how transactions begin, and how the schema comes about."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from novaforge.guards.errors import ConfigError
from novaforge.server.ledger.tables import SCHEMA_VERSION, metadata, schema_info

BUSY_TIMEOUT_MS = 30_000
SCHEMA_LOCK = 0x6E6F7661
"""Key of the PostgreSQL advisory lock under which the schema is made."""


class Database:
    """Transactions on one ledger database."""

    def __init__(self, url: str) -> None:
        self.url = _driver(make_url(url))
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite(self.url) if self.sqlite else _postgres(self.url)
        try:
            with _alone(Path(self.url.database or "")) if self.sqlite else nullcontext(), self.write() as connection:
                _ensure_schema(connection, sqlite=self.sqlite)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Open a transaction that only reads; raises ConfigError when the database cannot be used."""
        with _explained(self.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """Open a transaction that writes; on SQLite it holds the write lock from its first moment."""
        with _explained(self.url), self._engine.execution_options(writes=True).begin() as connection:
            yield connection

    def lock(self, connection: Connection, key: int) -> None:
        """Let only one transaction at a time pass here; SQLite's write lock does so already."""
        if not self.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()


@contextmanager
def _explained(url: URL) -> Generator[None]:
    """Say which database failed; a broken constraint is the caller's to read and passes through."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, OSError) as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()
        raise ConfigError(
            f"The ledger {url.render_as_string(hide_password=True)} cannot be used: {reason[0] if reason else error}",
            fix="check that the database exists, is reachable and writable",
        ) from error


def _driver(url: URL) -> URL:
    if url.get_backend_name() == "sqlite":
        return url
    return url.set(drivername="postgresql+psycopg")


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    except (ImportError, SQLAlchemyError) as error:
        raise ConfigError(
            f"PostgreSQL cannot be used: {error}", fix='pip install "novaforge-mcp[postgres]", or use a SQLite ledger'
        ) from error


def _sqlite(url: URL) -> Engine:
    # No pool: a connection kept open would have to be closed by whoever forgets the ledger, and opening one is cheap.
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:  # pyright: ignore[reportUnusedFunction]  # registered by the decorator
        connection.isolation_level = None  # we begin transactions ourselves, below
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]  # registered by the decorator
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Let one opener at a time make the file and turn on its write-ahead log, where SQLite fails without waiting."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unmade(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make_file(path)
        yield
    finally:
        os.close(lock)


def _make_file(path: Path) -> None:
    """Make an empty ledger that only its owner can read, so that SQLite need not choose the mode."""
    try:
        # Only a file nobody can have open yet: closing any descriptor of it would drop this process's SQLite locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise _unmade(path, error) from error


def _unmade(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"The ledger {path} cannot be made: {error.strerror}.", fix="pass --ledger with a writable place"
    )


def _ensure_schema(connection: Connection, *, sqlite: bool) -> None:
    if not sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
    metadata.create_all(connection, checkfirst=True)
    version = connection.execute(select(schema_info.c.version)).scalar()
    if version is None:
        connection.execute(insert(schema_info).values(version=SCHEMA_VERSION))
    elif version != SCHEMA_VERSION:
        raise ConfigError(
            f"The ledger has schema version {version}; this program knows version {SCHEMA_VERSION}.",
            fix="use the version of novaforge-mcp that wrote it, or another ledger",
        )
