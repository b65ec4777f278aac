"""Open a dataset: find out what it is, read its rows once, and say exactly which bytes were read."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from novaforge.guards.errors import AwsError, InputError, NovaForgeError, RefusedError
from novaforge.guards.plan import InputIdentity
from novaforge.tools.aws.errors import translate
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading.csv_rows import CsvRows
from novaforge.tools.datasets.reading.encoding import refuse_other_encodings
from novaforge.tools.datasets.reading.jsonl_rows import JsonlRows
from novaforge.tools.datasets.reading.lines import Lines
from novaforge.tools.datasets.rows import Line, OnReject

Format = Literal["csv", "jsonl"]
_BY_SUFFIX: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_SIGNATURES = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip or Excel",
}
WORKS = "CSV (.csv) and JSON Lines (.jsonl), uncompressed, one file at a time"


@dataclass(frozen=True)
class Stamp:
    """What tells one state of a file from another."""

    bytes: int
    etag: str | None = None
    version_id: str | None = None
    modified_ns: int = 0


@dataclass
class Source:
    """A dataset that is open for one pass."""

    uri: str
    format: Format
    stamp: Stamp
    lines: Lines
    reader: CsvRows | JsonlRows
    argument: str
    """The tool argument that named the file, for error messages."""
    _ctx: ToolContext = field(repr=False)

    @property
    def columns(self) -> list[str] | None:
        """The header's names; None for JSON, where each row has its own keys."""
        return self.reader.columns if isinstance(self.reader, CsvRows) else None

    @property
    def stem(self) -> str:
        """The file's name without suffix, for row ids; letters, digits, dot, dash and underscore only."""
        stem = PurePosixPath(self.uri).stem
        return "".join(ch if ch.isascii() and (ch.isalnum() or ch in "._-") else "-" for ch in stem) or "row"

    @property
    def bytes_read(self) -> int:
        """How many bytes of the source have been read so far."""
        return self.lines.bytes_read

    @property
    def bytes_total(self) -> int:
        """How many bytes the source has."""
        return self.stamp.bytes

    def rows(self, on_reject: OnReject) -> Iterator[Line]:
        """Yield the readable rows; tell `on_reject` about the others."""
        return self.reader.rows(on_reject)

    def identity(self, rows: int | None = None) -> InputIdentity:
        """Return what was read: size, hash, ETag and version; raises InputError when the file changed meanwhile."""
        if _stamp(self._ctx, self.uri, self.argument) != self.stamp or self.lines.bytes_read != self.stamp.bytes:
            message = f"{self.uri} changed while it was being read."
            raise InputError(message, field=self.argument, value=self.uri, fix="call again when nobody writes to it")
        stamp = self.stamp
        return InputIdentity(
            role="", uri=self.uri, bytes=stamp.bytes, rows=rows, etag=stamp.etag, version_id=stamp.version_id,
            sha256=self.lines.sha256,
        )  # fmt: skip


@contextmanager
def open_source(ctx: ToolContext, uri: str, argument: str = "source") -> Generator[Source]:
    """Open a CSV or JSONL file for one pass.

    Raises InputError for a missing, empty or non-UTF-8 file, RefusedError for a format that is not read.
    """
    stamp = _stamp(ctx, uri, argument)
    if stamp.bytes == 0:
        raise InputError(f"{uri} is empty.", field=argument, value=uri, fix="give a file with rows")
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(ctx.storage.open(uri))
        except OSError as error:
            message = f"{uri} cannot be read: {error.strerror}."
            raise InputError(message, field=argument, value=uri, fix="check the file's permissions") from error
        lines = Lines(_Guarded(stream) if is_s3(uri) else stream, uri)
        refuse_other_encodings(lines.head, uri)
        kind = detect_format(uri, lines.head)
        reader = CsvRows(lines, uri) if kind == "csv" else JsonlRows(lines)
        yield Source(uri, kind, stamp, lines, reader, argument, ctx)


def detect_format(uri: str, head: bytes) -> Format:
    """Tell CSV from JSONL by name, else by content; raises RefusedError for other formats."""
    named = next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), "")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = PurePosixPath(uri).suffix.lower()
    if not named and text.startswith(b"[") and suffix != ".csv":
        named = "a JSON array"
    if not named and b"\0" in head[:4096] and suffix not in _BY_SUFFIX:
        named = "a binary file"
    if named:
        raise _not_read(uri, f"looks like {named}")
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if text.startswith(b"{"):
        return "jsonl"
    if suffix in {"", ".txt"} and _like_a_header(text.split(b"\n", 1)[0]):
        return "csv"
    raise _not_read(uri, "is neither CSV nor JSON Lines by name or content")


def _like_a_header(line: bytes) -> bool:
    """Tell a line of several short, different names from a line of prose with commas."""
    names = [name.strip() for name in line.split(b",")]
    return len(names) > 1 and len(set(names)) == len(names) and all(0 < len(name) <= 40 for name in names)


def _not_read(uri: str, what: str) -> RefusedError:
    return RefusedError(f"{uri} {what}. Read now: {WORKS}.", rule="source-format", fix="convert it to CSV or JSONL")


def _stamp(ctx: ToolContext, uri: str, argument: str) -> Stamp:
    if is_s3(uri):
        _refuse_folder(uri.endswith("/"), uri, argument)
        stat = ctx.storage.stat(uri)
        return Stamp(stat.bytes, stat.etag, stat.version_id)
    path: Path = ctx.storage.local(uri)
    _refuse_folder(path.is_dir(), uri, argument)
    if not path.is_file():
        raise InputError(f"There is no file {uri}.", field=argument, value=uri, fix="check the path")
    info = path.stat()
    return Stamp(info.st_size, modified_ns=info.st_mtime_ns)


def _refuse_folder(is_folder: bool, uri: str, argument: str) -> None:
    if is_folder:
        raise InputError(f"{uri} is a folder.", field=argument, value=uri, fix="name one file in it")


class _Guarded:
    """An S3 body whose network failures become the project's errors."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except NovaForgeError:
            raise
        except Exception as error:
            known = translate(error, "s3:GetObject")
            if known is error:
                message = f"Reading from S3 broke off: {type(error).__name__}."
                known = AwsError(message, operation="s3:GetObject", code=type(error).__name__, fix="call again")
            raise known from error
