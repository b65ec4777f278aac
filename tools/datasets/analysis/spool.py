"""Records of fixed size in a temporary file, and numpy over them a bucket at a time."""

import weakref
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUCKET = 250_000
"""Records that are looked at together."""
_WORD = 8
_CHUNK_BYTES = 8 << 20


class Spool:
    """Rows of unsigned 64-bit words, `width` words each, on disk; the file has no name and goes when the spool does."""

    def __init__(self, width: int, folder: str | None = None) -> None:
        self.width = width
        self.count = 0
        self.folder = folder
        self._file: IO[bytes] | None = None

    def add(self, data: bytes) -> None:
        """Append whole records."""
        if self._file is None:
            self._file = TemporaryFile(dir=self.folder, prefix="novaforge-")  # noqa: SIM115 - it lives as long as the spool
            weakref.finalize(self, self._file.close)
        self._file.write(data)
        self.count += len(data) // (_WORD * self.width)

    def chunks(self, records: int = 0) -> "Iterator[NDArray[np.uint64]]":
        """Yield all records in their order, so many at a time, or as many as 8 MB hold."""
        import numpy as np

        if self._file is None:
            return
        self._file.seek(0)
        size = _WORD * self.width
        while data := self._file.read((records or max(1, _CHUNK_BYTES // size)) * size):
            yield np.frombuffer(data, np.uint64).reshape(-1, self.width)

    def buckets(self, column: int) -> "Iterator[NDArray[np.uint64]]":
        """Yield all records in groups so that equal values of a column are in one group, in their order there."""
        return bucketed(self.chunks(), self.count, column, self.folder)

    def take(self, rows: "NDArray[np.int64]") -> "NDArray[np.uint64]":
        """Return some records by their number; reads only these."""
        import mmap

        import numpy as np

        if self._file is None or not rows.size:
            return np.zeros((0, self.width), np.uint64)
        self._file.flush()
        view = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        # The pages go with the mapping, so that reading here and there does not fill the memory.
        found = np.frombuffer(view, np.uint64).reshape(-1, self.width)[rows]
        view.close()
        return found


def bucketed(
    chunks: "Iterable[NDArray[np.uint64]]", count: int, column: int, folder: str | None
) -> "Iterator[NDArray[np.uint64]]":
    """Yield records that come in chunks, `count` in all, in groups so that equal values of a column are in one group."""
    import numpy as np

    bits = max(0, (count - 1) // BUCKET).bit_length()
    if not bits:
        if found := list(chunks):
            yield np.concatenate(found)
        return
    parts: list[Spool] = []
    for chunk in chunks:
        parts = parts or [Spool(chunk.shape[1], folder) for _ in range(1 << bits)]
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
