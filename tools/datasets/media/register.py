"""Which media were given and what became of each, on disk, so that memory does not grow with their number."""

import sqlite3
import threading
from collections.abc import Iterator

_SCHEMA = """
CREATE TABLE media (name TEXT PRIMARY KEY, final TEXT, problem TEXT, ours INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID
"""


class Register:
    """A table of names; any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # No name: SQLite keeps it in a file of its own that vanishes with the connection or the process.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(_SCHEMA)
        self._given = 0
        self._done = 0

    def new(self, name: str) -> bool:
        """Note a name; False when it was noted before."""
        with self._lock:
            added = self._db.execute("INSERT OR IGNORE INTO media (name) VALUES (?)", (name,)).rowcount == 1
            self._given += added
        return added

    def done(self, name: str, *, final: str | None = None, problem: str | None = None, ours: bool = False) -> None:
        """Note what became of a file: the name it got and whether this call made it, or why it could not be used."""
        with self._lock:
            change = "UPDATE media SET final = ?, problem = ?, ours = ? WHERE name = ?"
            self._db.execute(change, (final, problem, ours, name))
            self._done += 1

    def outcome(self, name: str) -> tuple[str, str]:
        """Return the final name, or the problem; both empty for a name never finished."""
        with self._lock:
            row = self._db.execute("SELECT final, problem FROM media WHERE name = ?", (name,)).fetchone()
        return (row[0] or "", row[1] or "") if row else ("", "")

    def counts(self) -> tuple[int, int]:
        """Return how many are done and how many were given."""
        return self._done, self._given

    def ours(self) -> Iterator[tuple[str, str]]:
        """Yield name and final name of the files this call made."""
        last = ""
        while True:
            with self._lock:
                page = self._db.execute(
                    "SELECT name, final FROM media WHERE ours AND name > ? ORDER BY name LIMIT 500", (last,)
                ).fetchall()
            if not page:
                return
            yield from page
            last = page[-1][0]

    def close(self) -> None:
        """Forget the table."""
        self._db.close()
