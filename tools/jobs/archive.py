"""A job's output archive on this machine: fetched once, read in place."""

import hashlib
import io
import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from novaforge.tools.aws.uploads import PART_BYTES
from novaforge.tools.context import ToolContext


@dataclass(frozen=True)
class Archive:
    """The regular files inside a gzipped tar; nothing is unpacked to disk, so their names cannot lead anywhere."""

    path: Path

    def names(self) -> list[str]:
        """Return the paths of the files inside; raises TarError, OSError or EOFError on a damaged archive."""
        with tarfile.open(self.path, "r:gz") as tar:
            return [member.name for member in tar if member.isreg()]

    def open(self, name: str) -> IO[bytes]:
        """Open one file for reading from front to back; raises KeyError when it is not there."""
        tar = tarfile.open(self.path, "r:gz")  # noqa: SIM115  # _Member closes it
        try:
            member = tar.getmember(name)
            file = tar.extractfile(member) if member.isreg() else None
            if file is None:
                raise KeyError(name)
        except BaseException:
            tar.close()
            raise
        return _Member(file, tar)


class _Member(io.BufferedReader):
    """One file of an archive; closing it closes the archive."""

    def __init__(self, file: IO[bytes], tar: tarfile.TarFile) -> None:
        super().__init__(file)  # type: ignore[arg-type]  # tarfile's reader has all of RawIOBase that is used
        self._tar = tar

    def close(self) -> None:
        super().close()
        self._tar.close()


def fetch_archive(ctx: ToolContext, uri: str, label: str) -> Archive:
    """Download an object to the cache unless this very version of it is there; raises InputError when it is missing."""
    stat = ctx.storage.stat(uri)
    version = hashlib.sha256(f"{uri} {stat.etag} {stat.version_id} {stat.bytes}".encode()).hexdigest()[:16]
    path = cache_folder() / "archives" / f"{label}-{version}.tar.gz"
    if not path.exists():
        _download(ctx, uri, path)
    return Archive(path)


def cache_folder() -> Path:
    """Return the user's cache folder for novaforge: XDG_CACHE_HOME, else ~/.cache; its content can be fetched again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "novaforge"


def _download(ctx: ToolContext, uri: str, path: Path) -> None:
    """Write beside the final name and rename, so that a half download is never taken for the archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, ctx.storage.open(uri) as stream:
            while part := stream.read(PART_BYTES):
                file.write(part)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
