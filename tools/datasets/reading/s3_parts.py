"""Read S3 objects in parts: several at a time ahead of who reads, in order, always of the same state of the object."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from novaforge.guards.errors import AwsError, ConflictError, InputError
from novaforge.tools.aws.storage import Storage
from novaforge.tools.datasets.reading.files import SourceFile

PART_BYTES = 8 * 1024 * 1024
AHEAD = 4
"""Parts fetched at a time; with the one being read they are what an object takes of the memory."""

_ATTEMPTS = 3


def fetch(storage: Storage, file: SourceFile, start: int, length: int) -> bytes:
    """Return a piece of an object, asking again when reading breaks off.

    Raises InputError when the object has changed since it was found.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return storage.part(file.uri, start, length, file.stamp.etag or "")
        except ConflictError as error:
            message = f"{file.uri} changed while it was being read."
            fix = "call again when nobody writes to it"
            raise InputError(message, field="source", value=file.uri, fix=fix) from error
        except AwsError as error:
            answered = int(error.data.get("http_status", 0))
            if attempt == _ATTEMPTS or 0 < answered < 500:
                raise
    raise AssertionError("unreachable")


class S3Stream:
    """The bytes of one object from its beginning to its end."""

    def __init__(self, storage: Storage, file: SourceFile) -> None:
        self._storage = storage
        self._file = file
        self._next = 0
        self._waiting: deque[Future[bytes]] = deque()
        self._part = memoryview(b"")
        self._threads = ThreadPoolExecutor(AHEAD, thread_name_prefix="s3-part")

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end of a part."""
        if not self._part:
            self._ask_ahead()
            if not self._waiting:
                return b""
            self._part = memoryview(self._waiting.popleft().result())
            self._ask_ahead()
        piece = bytes(self._part[:size])
        self._part = self._part[size:]
        return piece

    def close(self) -> None:
        """Ask for no further part and wait for those on their way."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _ask_ahead(self) -> None:
        while len(self._waiting) < AHEAD and self._next < self._file.bytes:
            length = min(PART_BYTES, self._file.bytes - self._next)
            self._waiting.append(self._threads.submit(fetch, self._storage, self._file, self._next, length))
            self._next += length
