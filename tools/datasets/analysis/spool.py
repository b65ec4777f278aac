"""Records of fixed size in a temporary file, and numpy over them a bucket at a time."""

import weakref
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUCKET = 250_000
"""Records that are looked at together."""


class Spool:
    """Rows of unsigned 64-bit words, `width` words each, on disk; the file has no name and goes when the spool does."""

    def __init__(self, width: int, folder: str | None = None) -> None:
        self.width = width
        self.count = 0
        self._folder = folder
        self._file: IO[bytes] | None = None

    def add(self, data: bytes) -> None:
        """Append whole records."""
        if self._file is None:
            self._file = TemporaryFile(dir=self._folder, prefix="novaforge-")  # noqa: SIM115 - it lives as long as the spool
            weakref.finalize(self, self._file.close)
        self._file.write(data)
        self.count += len(data) // (8 * self.width)

    def chunks(self, records: int = BUCKET) -> "Iterator[NDArray[np.uint64]]":
        """Yield all records in their order, so many at a time."""
        import numpy as np

        if self._file is None:
            return
        self._file.seek(0)
        while data := self._file.read(records * 8 * self.width):
            yield np.frombuffer(data, np.uint64).reshape(-1, self.width)

    def buckets(self, column: int, limit: int = BUCKET) -> "Iterator[NDArray[np.uint64]]":
        """Yield all records in groups so that equal values of a column are in one group, in their order there."""
        bits = max(0, (self.count - 1) // limit).bit_length()
        if not bits:
            yield from self.chunks(max(1, self.count))
            return
        parts = [Spool(self.width, self._folder) for _ in range(1 << bits)]
        for chunk in self.chunks():
            _scatter(chunk, column, bits, parts)
        for part in parts:
            yield from part.chunks(max(1, part.count))


def _scatter(chunk: "NDArray[np.uint64]", column: int, bits: int, parts: list[Spool]) -> None:
    import numpy as np

    bucket = (chunk[:, column] >> np.uint64(64 - bits)).astype(np.int64)
    order = np.argsort(bucket, kind="stable")
    bounds = np.searchsorted(bucket[order], np.arange(len(parts) + 1))
    for part, start, end in zip(parts, bounds[:-1], bounds[1:], strict=True):
        if end > start:
            part.add(chunk[order[start:end]].tobytes())
