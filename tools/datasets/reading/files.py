"""The files a source consists of, and what tells one state of a file from another."""

from dataclasses import dataclass
from pathlib import Path

from novaforge.guards.errors import InputError
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext


@dataclass(frozen=True)
class Stamp:
    """What tells one state of a file from another."""

    bytes: int
    etag: str | None = None
    version_id: str | None = None
    modified_ns: int = 0


@dataclass(frozen=True)
class SourceFile:
    """One file of a source; `name` is its short name in messages, empty when it is the only one."""

    uri: str
    stamp: Stamp
    name: str = ""

    @property
    def bytes(self) -> int:
        """Its size as it lies there, packed if it is packed."""
        return self.stamp.bytes


def stamp(ctx: ToolContext, uri: str, argument: str) -> Stamp:
    """Return the state of a file or object; raises InputError when there is none."""
    if is_s3(uri):
        stat = ctx.storage.stat(uri)
        return Stamp(stat.bytes, stat.etag, stat.version_id)
    path: Path = ctx.storage.local(uri)
    if not path.is_file():
        raise InputError(f"There is no file {uri}.", field=argument, value=uri, fix="check the path")
    info = path.stat()
    return Stamp(info.st_size, modified_ns=info.st_mtime_ns)


def find_files(ctx: ToolContext, uri: str, argument: str) -> list[SourceFile]:
    """Return the files a URI stands for, sorted by name; raises InputError when there are none or only empty ones."""
    folder = uri.endswith("/") if is_s3(uri) else ctx.storage.local(uri).is_dir()
    if folder:
        raise InputError(f"{uri} is a folder.", field=argument, value=uri, fix="name one file in it")
    found = SourceFile(uri, stamp(ctx, uri, argument))
    if found.bytes == 0:
        raise InputError(f"{uri} is empty.", field=argument, value=uri, fix="give a file with rows")
    return [found]
