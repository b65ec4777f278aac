"""The rows whose media are copied while the others are read: kept by number in a file, judged and settled at the end."""

from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO, NamedTuple, Protocol

import orjson

from novaforge.tools.datasets.rows import MediaRef


class Settled(Protocol):
    """What became of the copies."""

    def problem(self, names: Sequence[str], /) -> str:
        """Return why a row with these media cannot be used, or an empty text."""
        ...

    def use(self, names: Iterable[str], /) -> None:
        """Say that a row with these media will be published; once it was called, the others are not needed."""
        ...

    def settle(self, data: bytes, /) -> bytes:
        """Return a row with the final names of its media."""
        ...


class Copier(Protocol):
    """Copies media; the caller keeps or drops what it copied."""

    def add(self, refs: Sequence[MediaRef], /) -> None:
        """Begin to copy."""
        ...

    def finish(self) -> Settled:
        """Wait for all copies."""
        ...


class MediaRow(NamedTuple):
    """A row by its number from 0, and the names of its media."""

    row: int
    names: list[str]


class MediaRows:
    """Rows with media, in their order."""

    def __init__(self, copier: Copier, folder: str | None) -> None:
        self._copier = copier
        self._file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self.settled: Settled | None = None

    def add(self, row: int, refs: Sequence[MediaRef]) -> None:
        """Begin to copy the media of a row."""
        self._copier.add(refs)
        self._file.write(orjson.dumps([row, [ref.name for ref in refs]], option=orjson.OPT_APPEND_NEWLINE))

    def finish(self) -> Settled:
        """Wait for all copies and return what became of them."""
        self.settled = self._copier.finish()
        # From now on what is not named by settle() is needed by no row, even when there is not one with media.
        self.settled.use(())
        return self.settled

    def settle(self, data: bytes, names: Sequence[str]) -> bytes:
        """Return a row that will be published, with the final names of its media, which are needed now."""
        assert self.settled is not None
        self.settled.use(names)
        return self.settled.settle(data)

    def __iter__(self) -> Iterator[MediaRow]:
        """Yield all rows from the first."""
        self._file.seek(0)
        for line in self._file:
            yield MediaRow(*orjson.loads(line))

    def close(self) -> None:
        """Let go of the temporary file."""
        self._file.close()
