"""Distinct media references of a file, on disk, so that memory does not grow with their number."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from novaforge.tools.datasets.media.places import Spot

_SCHEMA = """
CREATE TABLE seen (uri TEXT, kind TEXT, format TEXT, owner TEXT, place INTEGER, line INTEGER, path TEXT, count INTEGER,
                   PRIMARY KEY (uri, kind, format, owner)) WITHOUT ROWID
"""
_ADD = """
INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (uri, kind, format, owner) DO UPDATE SET count = count + excluded.count
"""


class Reference(NamedTuple):
    """One distinct reference: kind, format, URI and owner as the rows say, its first line and path, and how often."""

    kind: str
    format: str
    uri: str
    owner: str
    line: int
    path: str
    times: int


class SeenReference(NamedTuple):
    """A reference with the place of its first occurrence."""

    kind: str
    format: str
    owner: str
    spot: Spot
    times: int


class ReferencesSeen:
    """A table of references, grouped by URI when read."""

    def __init__(self) -> None:
        # No name: SQLite keeps it in a file of its own that vanishes with the connection or the process.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(_SCHEMA)
        self._files: dict[int, str] = {}

    def add(self, order: int, file: str, references: Iterable[Reference]) -> None:
        """Add the references of one batch of a file, which is the `order`-th."""
        self._files[order] = file
        rows = (
            (_plain(ref.uri), ref.kind, _plain(ref.format), _plain(ref.owner), order, ref.line, ref.path, ref.times)
            for ref in references
        )
        self._db.execute("BEGIN")
        self._db.executemany(_ADD, rows)
        self._db.execute("COMMIT")

    def uris(self) -> int:
        """Return how many distinct URIs there are."""
        return int(self._db.execute("SELECT COUNT(DISTINCT uri) FROM seen").fetchone()[0])

    def grouped(self) -> Iterator[tuple[str, list[SeenReference]]]:
        """Yield each URI with its references, in the order of the URIs."""
        uri, group = "", list[SeenReference]()
        for row in self._db.execute("SELECT * FROM seen ORDER BY uri"):
            if row[0] != uri and group:
                yield uri, group
                group = []
            uri = row[0]
            spot = Spot(row[4], self._files[row[4]], row[5], row[6])
            group.append(SeenReference(row[1], row[2], row[3], spot, row[7]))
        if group:
            yield uri, group

    def close(self) -> None:
        """Close the table."""
        self._db.close()


def _plain(text: str) -> str:
    """Return a text that can be stored: JSON may hold lone surrogates, UTF-8 may not."""
    return text.encode("utf-8", "replace").decode("utf-8")
