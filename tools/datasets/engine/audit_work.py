"""The work of a validation on one batch: every rule for every row, and a look at the rows for each further check."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from novaforge.tools.datasets.analysis.check import FILE_SHIFT, CheckSettings, RowView
from novaforge.tools.datasets.analysis.registry import make_checks
from novaforge.tools.datasets.checks.counts import Counts
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.content import beyond_texts
from novaforge.tools.datasets.media.items import media_items
from novaforge.tools.datasets.reading.batch import Batch, Decoder
from novaforge.tools.datasets.rows import Hit, JsonRow, Line, Reject

_MEDIA = {"image", "video", "document", "images"}


class AuditResult(NamedTuple):
    """A batch as it was found; `scans` in the order of the checks, `media` None when rows have none or nobody asks."""

    counts: Counts
    scans: list[Any]
    media: Any
    blank_lines: int
    guess: str


@dataclass(frozen=True)
class AuditWork:
    """What to look at in each row.

    `rules` off is for a file that is only compared with. `bucket` is the data's own, which media have to lie in;
    `media` collects references to media files, and then that rule is left to whoever reads them.
    """

    decoder: Decoder
    row_format: RowFormat
    settings: CheckSettings
    checks: tuple[str, ...]
    rules: bool = True
    bucket: str = ""
    media: bool = False

    def start(self) -> "AuditRunner":
        """Get ready in this process."""
        return AuditRunner(self)


class AuditRunner:
    """A validation's work in one process."""

    def __init__(self, work: AuditWork) -> None:
        self._work = work
        # Temporary files belong to where checks are merged; nothing is kept here.
        self._checks = make_checks(replace(work.settings, folder=None), work.checks)

    def run(self, batch: Batch) -> AuditResult:
        """Return what is in a batch; raises TornBatchError."""
        rejects: list[Reject] = []
        return self.run_lines(batch.file, self._work.decoder.rows(batch, rejects.append), rejects)

    def run_lines(self, file: int, lines: Iterable[Line], rejects: list[Reject]) -> AuditResult:
        """Return what is in lines read already."""
        decoder = self._work.decoder
        decoder.blank_lines, decoder.guess = 0, ""
        counts = Counts()
        views: list[RowView] = []
        rows: list[tuple[int, JsonRow]] = []
        place = file << FILE_SHIFT
        for line in lines:
            row = line.record
            assert isinstance(row, dict)
            view = self._row(line.number, row, counts)
            if self._checks and (view.prompt or view.answer or view.texts):
                views.append(view._replace(line=place | line.number) if place else view)
            if view.media:
                rows.append((line.number, row))
        for reject in rejects:
            counts.rejects.add(reject)
        media = _media_scan(rows) if self._work.media and rows else None
        scans = [check.scan(views) for check in self._checks]
        return AuditResult(counts, scans, media, decoder.blank_lines, decoder.guess)

    def _row(self, number: int, row: JsonRow, counts: Counts) -> RowView:
        wanted = self._work.row_format
        prompt, answer, texts, parts = wanted.texts_of(row)
        media = tuple(item.uri for item in media_items(row)) if parts & _MEDIA else ()
        data, asked = _in_bytes(texts, prompt) if self._checks else (b"", b"")
        if self._work.rules:
            hits = wanted.check(row)
            if media and self._work.bucket and not self._work.media and self._elsewhere(media):
                hits.append(Hit("DA9"))
            counts.add(number, hits, parts, answer, texts, len(data) - len(texts) + 1 if data else 0)
        if not self._checks:
            return RowView(number, prompt, answer, texts, "", media)
        own = row.get(wanted.id_key) if wanted.id_key else ""
        named = own if isinstance(own, str) else ""
        beyond = beyond_texts(row, parts, wanted.name)
        return RowView(number, prompt, answer, texts, named, media, data, asked, beyond)

    def _elsewhere(self, media: tuple[str, ...]) -> bool:
        """Tell media in another bucket than the data."""
        inside = f"s3://{self._work.bucket}/"
        return any(uri.startswith("s3://") and not uri.startswith(inside) for uri in media)


def _in_bytes(texts: tuple[str, ...], prompt: str) -> tuple[bytes, bytes]:
    """Return all texts with line feeds between them, and the query; the query is most often one of the texts."""
    asked: bytes | None = None
    data: list[bytes] = []
    for text in texts:
        each = text.encode("utf-8", "surrogatepass")
        if text is prompt:
            asked = each
        data.append(each)
    return b"\n".join(data), prompt.encode("utf-8", "surrogatepass") if asked is None else asked


def view_of(line: Line, row_format: RowFormat) -> RowView:
    """Return a row as the further checks see it."""
    assert isinstance(line.record, dict)
    row = line.record
    return RowView(line.number, row_format.prompt(row), row_format.answer(row), tuple(row_format.texts(row)))


def _media_scan(rows: list[tuple[int, JsonRow]]) -> Any:
    # Imported with the first row that has media: it brings AWS along, which takes a worker longer to import than all else.
    from novaforge.tools.datasets.media.check import MediaCheck

    return MediaCheck().scan(rows)
