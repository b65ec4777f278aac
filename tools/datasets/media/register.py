"""Which media were given and what became of each, on disk, so that memory does not grow with their number."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator

_SCHEMA = """
CREATE TABLE media (name TEXT PRIMARY KEY, final TEXT, problem TEXT, ours INTEGER NOT NULL DEFAULT 0,
                    bytes INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID
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
        self.uses = False
        self._given = 0
        self._done = 0

    def new(self, name: str) -> bool:
        """Note a name; False when it was noted before."""
        with self._lock:
            added = self._db.execute("INSERT OR IGNORE INTO media (name) VALUES (?)", (name,)).rowcount == 1
            self._given += added
        return added

    def copied(self, name: str, final: str, size: int, *, ours: bool) -> None:
        """Note the name and bytes of a file that was copied, and whether this call made it."""
        self._change("UPDATE media SET final = ?, bytes = ?, ours = ? WHERE name = ?", (final, size, ours, name))

    def failed(self, name: str, problem: str) -> None:
        """Note why a file could not be used."""
        self._change("UPDATE media SET problem = ? WHERE name = ?", (problem, name))

    def use(self, names: Iterable[str]) -> None:
        """Note that a published row needs these files."""
        with self._lock:
            self._db.executemany("UPDATE media SET used = 1 WHERE name = ?", ((name,) for name in names))
        self.uses = True

    def _change(self, statement: str, values: tuple[str | int, ...]) -> None:
        with self._lock:
            self._db.execute(statement, values)
            self._done += 1

    def outcome(self, name: str) -> tuple[str, str]:
        """Return the final name, or the problem; both empty for a name never finished."""
        with self._lock:
            row = self._db.execute("SELECT final, problem FROM media WHERE name = ?", (name,)).fetchone()
        return (row[0] or "", row[1] or "") if row else ("", "")

    def counts(self) -> tuple[int, int]:
        """Return how many are done and how many were given."""
        return self._done, self._given

    def ours(self, *, unused: bool) -> Iterator[str]:
        """Yield the final names of the files this call made; with `unused` only those no published row needs."""
        last = ""
        while True:
            with self._lock:
                page = self._db.execute(
                    "SELECT name, final FROM media WHERE ours AND name > ? AND NOT (used AND ?) ORDER BY name LIMIT 500",
                    (last, unused),
                ).fetchall()
            if not page:
                return
            yield from (final for _, final in page)
            last = page[-1][0]

    def close(self) -> None:
        """Forget the table."""
        self._db.close()
