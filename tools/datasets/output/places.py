"""Where files are prepared unseen and then shown: a staging folder that is renamed, or S3 uploads completed at the end."""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from novaforge.guards.errors import AwsError, ConflictError
from novaforge.tools.aws.storage import Sink, Storage
from novaforge.tools.aws.uploads import Note, Upload
from novaforge.tools.datasets.output.journal import sync_folder, write_all

STAGING_MARK = ".novaforge-"
Checkpoint = Callable[[str], None]


class Place(Protocol):
    """Prepares the files of one publication, shows all of them, or takes them back."""

    def uri(self, name: str) -> str:
        """Return where a file of that name will be."""
        ...

    def taken(self) -> str | None:
        """Return what is there already, if anything."""
        ...

    def create(self, name: str) -> Sink:
        """Begin a file that nobody sees yet."""
        ...

    def seal(self, sink: Sink, *, hold: bool) -> None:
        """Make a written file durable; without `hold` it also keeps no memory or open file."""
        ...

    def publish(self) -> None:
        """Show all files; the one created last is shown last. Raises ConflictError when the place is taken by now."""
        ...

    def discard(self) -> list[str]:
        """Take back what was prepared or shown; returns what could not be removed."""
        ...


class LocalPlace:
    """A folder: its files are written in a hidden one beside it, which then gets its name in one step."""

    def __init__(self, folder: Path, token: str, note: Note, checkpoint: Checkpoint) -> None:
        self._folder = folder
        self._staging = folder.parent / f".{folder.name[:100]}{STAGING_MARK}{token}"
        self._note = note
        self._checkpoint = checkpoint
        self._made: list[Path] = []
        self._sinks: list[_FileSink] = []
        self._staged = False

    def uri(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._folder / name)

    def taken(self) -> str | None:
        """Return a file of the folder, if it holds any."""
        if not self._folder.is_dir():
            return None
        first = next(self._folder.iterdir(), None)
        return str(first) if first else None

    def create(self, name: str) -> Sink:
        """Begin a file in the staging folder."""
        if not self._staged:
            self._stage()
        path = self._staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sink = _FileSink(path.open("xb", buffering=0))
        self._sinks.append(sink)
        return sink

    def seal(self, sink: Sink, *, hold: bool) -> None:
        """Wait until the file is on the disk, and close it."""
        assert isinstance(sink, _FileSink)
        sink.seal()

    def publish(self) -> None:
        """Rename the staging folder; an empty folder in its place is replaced, anything else refuses."""
        for folder, _, _ in os.walk(self._staging):
            sync_folder(Path(folder))
        self._checkpoint("publish:before_rename")
        try:
            self._staging.rename(self._folder)
        except (FileExistsError, NotADirectoryError) as error:
            raise taken_error(str(self._folder)) from error
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:
                raise taken_error(str(self._folder)) from error
            raise
        self._staged = False
        self._made.clear()
        self._checkpoint("publish:after_rename")
        sync_folder(self._folder.parent)

    def discard(self) -> list[str]:
        """Remove the staging folder and the folders made for it."""
        for sink in self._sinks:
            sink.close()
        if self._staged:
            shutil.rmtree(self._staging, ignore_errors=True)
        left = [str(self._staging)] if self._staged and self._staging.exists() else []
        for folder in self._made:
            with suppress(OSError):
                folder.rmdir()
        return left

    def _stage(self) -> None:
        """Make the staging folder, and above it what is missing, innermost first in `_made`."""
        missing = [folder for folder in self._folder.parents if not folder.exists()]
        self._note("staging", path=str(self._staging), folders=[str(folder) for folder in missing])
        for folder in reversed(missing):
            with suppress(FileExistsError):
                folder.mkdir()
                self._made.insert(0, folder)
        self._staging.mkdir()
        self._staged = True
        self._checkpoint("publish:staged")


class _FileSink:
    """An unbuffered file that is on the disk once it is sealed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes, /) -> int:
        write_all(self._file, data)
        return len(data)

    def seal(self) -> None:
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()


class S3Place:
    """A prefix: every object is uploaded in parts and completed at the end, in the order they were begun."""

    def __init__(self, storage: Storage, prefix: str, token: str, note: Note, checkpoint: Checkpoint) -> None:
        self._storage = storage
        self._prefix = prefix.rstrip("/")
        self._token = token
        self._note = note
        self._checkpoint = checkpoint
        self._uploads: list[Upload] = []

    def uri(self, name: str) -> str:
        """Return the URI of an object."""
        return f"{self._prefix}/{name}"

    def taken(self) -> str | None:
        """Return the first object below the prefix, if there is one."""
        return next(iter(self._storage.list(f"{self._prefix}/", limit=1)), None)

    def create(self, name: str) -> Sink:
        """Begin an upload."""
        upload = self._storage.upload(self.uri(name), self._token, self._note)
        self._uploads.append(upload)
        return upload

    def seal(self, sink: Sink, *, hold: bool) -> None:
        """Send what is left of an object."""
        assert isinstance(sink, Upload)
        sink.seal(hold=hold)

    def publish(self) -> None:
        """Complete the uploads one after the other: what is missing, is the last one, which says that all are there."""
        for upload in self._uploads:
            self._checkpoint("publish:before_object")
            upload.publish()
        self._checkpoint("publish:after_objects")

    def discard(self) -> list[str]:
        """Abort the uploads and delete the objects they made."""
        return [upload.uri for upload in reversed(self._uploads) if not _gone(upload)]


def _gone(upload: Upload) -> bool:
    try:
        return upload.withdraw()
    except (AwsError, OSError):
        return False


def taken_error(target: str, found: str = "", fix: str = "give a fresh target") -> ConflictError:
    """Return the error for a target that holds something already."""
    what = f" ({found} is there)" if found else ""
    message = f"{target} exists already and is not empty{what}; nothing is ever overwritten or added to."
    return ConflictError(message, operation="create", code="AlreadyExists", fix=fix)
