"""The files a source consists of, and what tells one state of a file from another."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from pathlib import Path

from novaforge.guards.errors import InputError, NotFoundError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.aws.listing import Item
from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading.globs import matcher
from novaforge.tools.datasets.reading.names import family_of, glob_base, is_documentation, left_out
from novaforge.tools.datasets.reading.saved import saved_dataset

_SHOWN = 5


@dataclass(frozen=True)
class Stamp:
    """What tells one state of a file from another.

    The last two say so of local files only, more strictly and over a long time; a pass that just reads the file does without,
    since a change of its rights or of its name is none of its content.
    """

    bytes: int
    etag: str | None = None
    version_id: str | None = None
    modified_ns: int = 0
    inode: int = field(default=0, compare=False)
    changed_ns: int = field(default=0, compare=False)


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
    return Stamp(info.st_size, modified_ns=info.st_mtime_ns, inode=info.st_ino, changed_ns=info.st_ctime_ns)


def same_state(before: Iterable[SourceFile], now: Iterable[SourceFile]) -> bool:
    """Tell whether these are the same files and nothing at all of them changed in between."""
    return [astuple(file) for file in before] == [astuple(file) for file in now]


def find_files(ctx: ToolContext, uri: str, argument: str) -> tuple[list[SourceFile], list[Finding]]:
    """Return the files a file, folder, prefix or glob stands for, sorted by name, and what was left out.

    Raises InputError when there are none or only empty ones, RefusedError for files of several formats.
    """
    saved = saved_dataset(ctx, uri, argument)
    if saved is not None:
        items = [(name, Item(saved.folder + name, 1)) for name in saved.names]
        return _stamped(ctx, items, argument), [saved.note]
    base, pattern = _place(ctx, uri, argument)
    if not base:
        return [_single(ctx, uri, argument)], []
    found = sorted(_listed(ctx.storage.items(base), base, pattern))
    kept, notes = _sort_out(found, explicit=bool(pattern))
    if not kept:
        skipped = f" besides those left out ({notes[0].message})" if notes else ""
        message = f"There are no files with rows in {uri}{skipped}."
        raise InputError(message, field=argument, value=uri, fix="check the path; a prefix in S3 ends with a slash")
    _refuse_mixture(uri, [name for name, _ in kept])
    return _stamped(ctx, kept, argument), notes


def _stamped(ctx: ToolContext, kept: list[tuple[str, Item]], argument: str) -> list[SourceFile]:
    if len(kept) == 1:
        return [_single(ctx, kept[0][1].uri, argument)]
    return [SourceFile(item.uri, _stamp_of(ctx, item, argument), one_line(name, 120)) for name, item in kept]


def _stamp_of(ctx: ToolContext, item: Item, argument: str) -> Stamp:
    # Parts of an object are asked for by its ETag; a listing knows it already.
    return Stamp(item.bytes, item.etag) if item.etag else stamp(ctx, item.uri, argument)


def _single(ctx: ToolContext, uri: str, argument: str) -> SourceFile:
    found = SourceFile(uri, stamp(ctx, uri, argument))
    if found.bytes == 0:
        raise InputError(f"{uri} is empty.", field=argument, value=uri, fix="give a file with rows")
    return found


def _place(ctx: ToolContext, uri: str, argument: str) -> tuple[str, str]:
    """Return the folder or prefix to be listed, empty for a single file, and the pattern its names have to fit."""
    if is_s3(uri):
        split_s3(uri)  # refuses what is no URI before anything is asked of AWS
        if uri.endswith("/") or uri.count("/") == 2:
            return uri if uri.endswith("/") else f"{uri}/", ""
        if not any(sign in uri for sign in "*?["):
            return _prefix(ctx, uri), ""
        return glob_base(uri)
    path = ctx.storage.local(uri)
    if path.is_dir():
        return f"{path}/", ""
    if path.exists() or not any(sign in uri for sign in "*?["):
        return "", ""
    base, pattern = glob_base(str(Path(uri).expanduser().absolute()))
    folder = ctx.storage.local(base)
    if not folder.is_dir():
        raise InputError(f"There is no folder {base}.", field=argument, value=uri, fix="check the path")
    return f"{folder}/", pattern


def _prefix(ctx: ToolContext, uri: str) -> str:
    """Return an empty text for an object, and the prefix when there are only objects below it."""
    try:
        ctx.storage.stat(uri)
    except InputError as error:
        if isinstance(error.__cause__, NotFoundError) and next(ctx.storage.items(f"{uri}/"), None):
            return f"{uri}/"
        raise
    return ""


def _listed(items: Iterable[Item], base: str, pattern: str) -> list[tuple[str, Item]]:
    fits = matcher(pattern) if pattern else None
    named = ((item.uri.removeprefix(base), item) for item in items)
    return [(name, item) for name, item in named if name and not name.endswith("/") and (not fits or fits(name))]


def _sort_out(found: list[tuple[str, Item]], *, explicit: bool) -> tuple[list[tuple[str, Item]], list[Finding]]:
    """Leave out what is no data: empty and hidden files, our own, and documents beside data."""
    reasons: dict[str, list[str]] = {}
    kept: list[tuple[str, Item]] = []
    # A pattern that names documents means them.
    documents = explicit or all(is_documentation(name) or family_of(name) == "text" for name, _ in found)
    for name, item in found:
        reason = left_out(name) or ("empty" if not item.bytes else "")
        reason = reason or ("documentation" if is_documentation(name) and not documents else "")
        if reason:
            reasons.setdefault(reason, []).append(name)
        else:
            kept.append((name, item))
    said = "; ".join(f"{reason}: {_names(names)}" for reason, names in reasons.items())
    count = sum(map(len, reasons.values()))
    note = Finding(rule="source-files", severity="info", message=f"files left out: {said}", count=count)
    return kept, [note] if reasons else []


def _refuse_mixture(uri: str, names: list[str]) -> None:
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(family_of(name), []).append(name)
    # Files without a telling suffix are looked into when it is their turn.
    families.pop("", None)
    if len(families) > 1:
        said = "; ".join(f"{family}: {_names(those)}" for family, those in families.items())
        fix = "name one format with a pattern, such as FOLDER/*.jsonl"
        raise RefusedError(f"{uri} holds files of several formats ({said}).", rule="source-mixed", fix=fix)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(one_line(name, 160) for name in names[:_SHOWN]) + more
