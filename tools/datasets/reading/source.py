"""Open a dataset: find out what it is, read its rows once, and say exactly which bytes were read."""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from operator import attrgetter

from novaforge.guards.findings import Finding
from novaforge.guards.plan import InputIdentity
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading.batch import Batch, Decoder
from novaforge.tools.datasets.reading.detect import WORKS, find_layout, refuse_other
from novaforge.tools.datasets.reading.encoding import encoding_notes
from novaforge.tools.datasets.reading.evaluated import evaluation_rows, is_evaluation
from novaforge.tools.datasets.reading.files import SourceFile, Stamp, find_files, stamp
from novaforge.tools.datasets.reading.layout import Layout
from novaforge.tools.datasets.reading.names import stem_of
from novaforge.tools.datasets.reading.opened import OpenedFile, changed, open_file
from novaforge.tools.datasets.reading.remote import RemoteFile, RemoteLayout, fetched_rows
from novaforge.tools.datasets.rows import Line, OnReject

__all__ = ["WORKS", "Batch", "Source", "SourceFile", "open_source"]


class Source:
    """A dataset that is open for one pass: batches for other processes, or rows in this one, but only once."""

    def __init__(
        self,
        ctx: ToolContext,
        uri: str,
        argument: str,
        files: list[SourceFile],
        layout: Layout,
        opened: OpenedFile | RemoteFile,
        notes: Sequence[Finding] = (),
    ) -> None:
        self.uri = uri
        self.argument = argument
        """The tool argument that named the source, for error messages."""
        self.files = files
        self.format = layout.format
        self.columns = layout.columns
        """The header's names; None for rows that are objects, where each has its own keys."""
        self.delimiter = layout.delimiter
        self.notes = list(notes)
        """What was found out, assumed or left out about the source as such; complete when all rows were read."""
        self.blank_lines = 0
        self.current_file = 0
        """The place of the file which the row just given by rows() or sequential() is from."""
        self._ctx = ctx
        self._layout = layout
        self._opened = opened
        self.digests: list[str | None] = []
        self._done = 0
        self._encodings: dict[str, None] = {}
        self._compressions: dict[str, None] = {}

    @property
    def decoder(self) -> Decoder:
        """What turns batches into rows, in any process."""
        return self._layout.decoder

    @property
    def encoding(self) -> str:
        """The encodings met so far."""
        return ", ".join(name for name in dict.fromkeys([*self._encodings, self._encoding_now()]) if name)

    @property
    def compression(self) -> str:
        """How the files met so far are packed: gzip, zstd, or an empty string."""
        return ", ".join(name for name in dict.fromkeys([*self._compressions, self._opened.compression]) if name)

    @property
    def bytes_total(self) -> int:
        """The size of all files as they lie there."""
        return sum(file.bytes for file in self.files)

    @property
    def bytes_read(self) -> int:
        """How many of these bytes were read."""
        return self._done + (self._opened.bytes_read if len(self.digests) < len(self.files) else 0)

    @property
    def guess(self) -> str:
        """The encoding that rows which are not UTF-8 may have, or an empty string."""
        return self._layout.decoder.guess

    @property
    def stem(self) -> str:
        """The source's name without suffix, for row ids; letters, digits, dot, dash and underscore only."""
        stem = stem_of(self.uri)
        return "".join(ch if ch.isascii() and (ch.isalnum() or ch in "._-") else "-" for ch in stem) or "row"

    def label(self, file: int) -> str:
        """Return the short name of a file for messages; empty when the source is one file."""
        return self.files[file].name

    def batches(self) -> Iterator[Batch]:
        """Yield all rows as batches, file by file in the order of their names."""
        for index, file in enumerate(list(self.files)):
            with ExitStack() as stack:
                if index:
                    self._opened = opened = stack.enter_context(open_file(self._ctx, file, self.argument))
                    refuse_other(self._layout, opened, self.files[0])
                yield from self._layout.batches(index, self._opened)
                self._finish(self._opened)
        self.notes += [*self._layout.notes(), *encoding_notes(self._encodings)]

    def rows(self, on_reject: OnReject) -> Iterator[Line]:
        """Yield the readable rows; tell `on_reject` about the others."""
        return self.sequential(self.batches(), on_reject)

    def sequential(self, batches: Iterable[Batch], on_reject: OnReject) -> Iterator[Line]:
        """Yield the rows of consecutive batches, the first of which begins at a row's beginning."""
        decoder = self._layout.decoder
        for file, group in groupby(batches, attrgetter("file")):
            self.current_file = file
            before = decoder.blank_lines
            yield from decoder.sequence(group, on_reject)
            self.blank_lines += decoder.blank_lines - before

    def identity(self, rows: int | None = None) -> InputIdentity:
        """Return what was read: size, hash, ETag and version; raises InputError when a file changed meanwhile."""
        several = len(self.files) > 1
        for file in self.files if isinstance(self._opened, OpenedFile) else []:
            # Of several objects each was read by its ETag only, so that asking again would tell nothing new.
            if not (several and file.stamp.etag) and stamp(self._ctx, file.uri, self.argument) != file.stamp:
                raise changed(file.uri, self.argument)
        first = Stamp(0) if several else self.files[0].stamp
        return InputIdentity(
            role="", uri=self.uri, bytes=self.bytes_total, rows=rows, etag=first.etag, version_id=first.version_id,
            sha256=self._combined() if several else self.digests[0],
        )  # fmt: skip

    def file_identities(self) -> list[JsonObject]:
        """Return name, size, hash and ETag of each file that was read, for a manifest."""
        return [
            {"name": file.name, "uri": file.uri, "bytes": file.bytes, "sha256": digest, "etag": file.stamp.etag}
            for digest, file in zip(self.digests, self.files, strict=False)
        ]

    def _combined(self) -> str:
        """Return one hash for all files, over lines as sha256sum writes them; an ETag stands in for a hash not known."""
        pairs = zip(self.digests, self.files, strict=True)
        lines = (f"{digest or f'etag:{file.stamp.etag}'}  {file.name}\n" for digest, file in pairs)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def _finish(self, opened: OpenedFile | RemoteFile) -> None:
        self.digests.append(opened.finish())
        # What was fetched has a size only now.
        self.files[len(self.digests) - 1] = opened.file
        self._done += opened.file.bytes
        self._encodings[self._encoding_now()] = None
        self._compressions[opened.compression] = None

    def _encoding_now(self) -> str:
        return self._opened.text.encoding if isinstance(self._opened, OpenedFile) and self._layout.is_text else ""

    # What callers of a source of one file used; they say source.encoding, source.blank_lines ... now.
    @property
    def lines(self) -> "Source":
        """The source itself."""
        return self

    @property
    def reader(self) -> "Source":
        """The source itself."""
        return self

    @property
    def stamp(self) -> Stamp:
        """The state of the only file."""
        return self.files[0].stamp


@contextmanager
def open_source(ctx: ToolContext, uri: str, argument: str = "source") -> Generator[Source]:
    """Open a dataset for one pass: a file, folder or pattern, here or in S3, the id of an evaluation job, a log query, or
    a dataset of the hub.

    Raises InputError for a missing or empty source, RefusedError for a format that is not read or a mixture of them.
    """
    rows = fetched_rows(ctx, uri, argument)
    if rows is not None:
        layout = RemoteLayout(rows)
        remote = RemoteFile(uri, layout)
        yield Source(ctx, uri, argument, [remote.file], layout, remote)
        return
    place = uri
    if is_evaluation(ctx, uri):
        ctx, place = evaluation_rows(ctx, uri, argument)
    files, notes = find_files(ctx, place, argument)
    with open_file(ctx, files[0], argument) as opened:
        yield Source(ctx, uri, argument, files, find_layout(opened), opened, notes)
