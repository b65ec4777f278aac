"""Put copied media where they belong: below an S3 prefix, or aside until a row takes them in."""

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from typing import IO, Any, Protocol

from novaforge.guards.errors import ConflictError, NovaForgeError
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.aws.uploads import TOKEN
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.media.sniff import FORMATS, kind_of

_CHUNK = 1024 * 1024


class Place(Protocol):
    """Somewhere files get names."""

    def put(self, name: str, file: IO[bytes]) -> bool:
        """Store a file; False when the same bytes were there before. Raises ConflictError when others were."""
        ...

    def remove(self, name: str) -> bool:
        """Remove a file this call stored; False when that fails."""
        ...


class Prefix:
    """Objects below an S3 prefix, marked with the token of their call; none is ever overwritten.

    `expect` is told of each object before it is written.
    """

    def __init__(self, ctx: ToolContext, uri: str, token: str, expect: Callable[[str], None] | None = None) -> None:
        self._ctx = ctx
        self._uri = uri
        self._token = token
        self._expect = expect

    def put(self, name: str, file: IO[bytes]) -> bool:
        """Create one object; one that holds the same bytes already, such as of an earlier try, is left as it is."""
        uri = f"{self._uri}/{name}"
        bucket, key = split_s3(uri)
        if self._expect:
            self._expect(uri)
        suffix = name.rsplit(".", 1)[-1]
        file.seek(0)
        try:
            self._ctx.aws.call(
                "s3", "put_object", Bucket=bucket, Key=key, Body=file, IfNoneMatch="*",
                ContentType=FORMATS[kind_of(suffix)][suffix], Metadata={TOKEN: self._token},
            )  # fmt: skip
        except ConflictError as error:
            return self._adopt(uri, file, error)
        return True

    def remove(self, name: str) -> bool:
        """Delete an object this call created."""
        try:
            self._ctx.storage.withdraw(f"{self._uri}/{name}", self._token)
        except (NovaForgeError, OSError):
            return False
        return True

    def _adopt(self, uri: str, file: IO[bytes], error: ConflictError) -> bool:
        """Return whether the object of that name is ours, after a lost answer; raise unless its bytes are the same."""
        bucket, key = split_s3(uri)
        there = self._ctx.aws.call("s3", "get_object", Bucket=bucket, Key=key)
        file.seek(0)
        with there["Body"] as body:
            same = _sha256(file) == _sha256(body)
        if not same:
            message = f"{uri} exists already, holds something else, and is never overwritten."
            fix = "give a fresh target"
            raise ConflictError(message, operation="create", code="AlreadyExists", fix=fix) from error
        return bool(there.get("Metadata", {}).get(TOKEN) == self._token)


class Vault:
    """Files kept by name until they are put into rows, in a table without a name, which vanishes with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.execute("CREATE TABLE files (name TEXT PRIMARY KEY, data BLOB)")

    def put(self, name: str, file: IO[bytes]) -> bool:
        """Keep one file, of some megabytes at most."""
        file.seek(0)
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO files VALUES (?, ?)", (name, file.read()))
        return False

    def remove(self, name: str) -> bool:
        """Do nothing: the table goes as a whole."""
        return True

    def read(self, name: str) -> bytes:
        """Return a file; raises KeyError when there is none of that name."""
        with self._lock:
            row = self._db.execute("SELECT data FROM files WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return bytes(row[0])

    def close(self) -> None:
        """Forget all files."""
        self._db.close()


def _sha256(stream: Any) -> bytes:
    digest = hashlib.sha256()
    while piece := stream.read(_CHUNK):
        digest.update(piece)
    return digest.digest()
