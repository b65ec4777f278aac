"""One pass from a source to training files with a manifest."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import orjson

from novaforge.guards.errors import ConfigError
from novaforge.guards.findings import Finding
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.checks.tally import Rejects, Tally
from novaforge.tools.datasets.combinations import refuse_meaningless
from novaforge.tools.datasets.engine.head import head_of
from novaforge.tools.datasets.engine.rows_work import EXACT, NeedsIndexError, RowsResult, RowWork
from novaforge.tools.datasets.engine.run import Engine
from novaforge.tools.datasets.filters.plan import FilterPlan, parse_filters
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.media.copying import MediaCopier
from novaforge.tools.datasets.media.target import MediaTarget, media_target
from novaforge.tools.datasets.output.manifest import FILE as MANIFEST_FILE
from novaforge.tools.datasets.output.outputs import OutputFile, Outputs, check_target
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.request import Request
from novaforge.tools.datasets.results import TransformResult
from novaforge.tools.datasets.rows import Reject
from novaforge.tools.datasets.shapes.base import Converter
from novaforge.tools.datasets.shapes.convert import check_system_prompt, converter
from novaforge.tools.datasets.shapes.pairs import Pairs, read_pairs
from novaforge.tools.datasets.splitting.parts import DirectParts, Parts, thresholds
from novaforge.tools.datasets.splitting.split import Split, parse_split
from novaforge.tools.datasets.splitting.spooled import Settings, SpooledParts
from novaforge.tools.datasets.written import Written, nothing_usable

REJECTS_FILE = "rejects.jsonl"
"""One object a line, in the order of the source, as `reject_entry` makes them."""


def transform(ctx: ToolContext, request: Request) -> TransformResult:
    """Write the files of a request, or nothing: any error leaves the target as it was."""
    target_format = row_format(request.method, request.model, request.platform, request.task)
    split = parse_split(request.split) if request.split is not None else None
    filters = parse_filters(request.filters, target_format)
    check_system_prompt(request.system_prompt)
    refuse_meaningless(request, split)
    check_target(ctx, request.target)
    try:
        plan = _Plan(target_format, split, filters, read_pairs(ctx, request.pair_with) if request.pair_with else None)
        try:
            return _once(ctx, request, plan, media=False)
        except NeedsIndexError:
            return _once(ctx, request, plan, media=True)
    except OSError as error:
        message = (
            f"Reading {request.source} or writing {request.target} failed: {error.strerror or type(error).__name__}."
        )
        raise ConfigError(message, fix="free disk space or correct the permissions; nothing was left behind") from error


@dataclass(frozen=True)
class _Plan:
    """What the arguments come to."""

    row_format: RowFormat
    split: Split | None
    filters: FilterPlan
    pairs: Pairs | None


def _once(ctx: ToolContext, request: Request, plan: _Plan, *, media: bool) -> TransformResult:
    """Do it in one pass; raises NeedsIndexError when media have to be copied and `media` did not say so."""
    with ExitStack() as stack:
        source = stack.enter_context(open_source(ctx, request.source))
        outputs = stack.enter_context(Outputs.of(ctx, request.target))
        target = media_target(ctx, request.target if media else "", source.uri)
        copier = None
        if media:
            inline = plan.row_format.name == "gen_qa"
            copier = stack.enter_context(MediaCopier(ctx, target, inline=inline, outputs=outputs))
        result = _Run(ctx, request, plan, source, outputs, target, copier).run()
        if copier is not None:
            copier.keep()
        return result


class _Run:
    def __init__(
        self, ctx: ToolContext, request: Request, plan: _Plan, source: Source, outputs: Outputs, target: MediaTarget,
        copier: MediaCopier | None,
    ) -> None:  # fmt: skip
        self._ctx = ctx
        self._request = request
        self._plan = plan
        self._format = plan.row_format
        self._split = plan.split
        self._filters = plan.filters
        self._source = source
        self._outputs = outputs
        self._target = target
        self._copier = copier
        self._heartbeat = Heartbeat(ctx, source)
        self._rejects = Rejects()
        self._reject_file: OutputFile | None = None
        self._tally = Tally()
        self._kept = 0

    def run(self) -> TransformResult:
        self._outputs.refuse_existing()
        head = head_of(self._source)
        if not head.lines:
            raise nothing_usable(self._source, head.rejects)
        request = self._request
        convert = converter(
            self._source,
            head.lines,
            request.columns,
            self._format,
            request.system_prompt,
            self._plan.pairs,
            self._target,
        )
        work = self._work(convert)
        engine = Engine(self._source, head.batches, work, self._heartbeat)
        with ExitStack() as stack:
            parts = self._parts(work, stack)
            results = stack.enter_context(closing(engine.results()))
            for file, result in results:
                self._take(file, result, convert, parts)
                engine.rows = self._rows_read
            convert.check_seen()
            if not self._kept:
                raise nothing_usable(self._source, self._rejects)
            files = parts.finish(lambda doing: self._heartbeat.tick(self._rows_read, doing))
            if not self._kept:
                # Media that cannot be read take their rows along.
                raise nothing_usable(self._source, self._rejects)
            self._tidy_media()
            written = self._written(files, parts, convert)
        return written.publish(self._ctx, self._outputs)

    @property
    def _rows_read(self) -> int:
        return self._kept + self._rejects.rows

    def _work(self, convert: Converter) -> RowWork:
        request, split = self._request, self._split
        # The columns have to exist before workers start.
        for column, reader in ((request.stratify_by, convert.label_of), (request.group_by, convert.group_of)):
            if column is not None:
                reader(column)
        ranked = split is not None and (bool(split.counts) or request.stratify_by is not None)
        spool = ranked or bool(self._filters.stateful) or self._copier is not None
        return RowWork(
            decoder=self._source.decoder,
            converter=convert,
            row_format=self._format,
            seed=request.seed,
            cuts=thresholds(split.ratios) if split is not None and not spool else (),
            group_by=request.group_by,
            stratify_by=request.stratify_by,
            filters=self._filters,
            spool=spool,
            digests=EXACT in self._filters.names,
        )

    def _parts(self, work: RowWork, stack: ExitStack) -> Parts:
        names, request = self._names(), self._request
        if not work.spool:
            return DirectParts(self._outputs, names, self._split, request.seed)
        settings = Settings(names, self._split, request.seed, request.stratify_by, work.comparing)
        return stack.enter_context(
            closing(
                SpooledParts(
                    self._outputs, settings, self._temporary(), self._source.label, self._removed, self._copier
                )
            )
        )

    def _names(self) -> dict[str, str]:
        """Return role to file name; where a file has to have a certain name, parts get folders."""
        fixed = self._format.file_name
        if self._split is None:
            return {"test": fixed} if fixed else {"train": "train.jsonl"}
        return {role: f"{role}/{fixed}" if fixed else f"{role}.jsonl" for role in self._split.roles}

    def _temporary(self) -> str | None:
        """Return where temporary files go: the target's disk when it is local, else the system's place for them."""
        if is_s3(self._request.target):
            return None
        target: Path = self._ctx.storage.local(self._request.target)
        return str(next((path for path in (target, *target.parents) if path.is_dir()), "")) or None

    def _take(self, file: int, result: RowsResult, convert: Converter, parts: Parts) -> None:
        parts.take(result, file)
        self._kept += sum(result.counts)
        label = self._source.label(file)
        self._tally.merge(result.tally, label)
        convert.merge(result.seen)
        self._source.blank_lines += result.blank_lines
        self._source.decoder.guess = self._source.decoder.guess or result.guess
        for reject in result.rejects:
            self._reject(reject, label)

    def _removed(self, reject: Reject, file: int) -> None:
        self._kept -= 1
        self._reject(reject, self._source.label(file))

    def _reject(self, reject: Reject, label: str) -> None:
        self._rejects.add(reject, label)
        if self._reject_file is None:
            self._reject_file = self._outputs.create("rejects", REJECTS_FILE)
        self._reject_file.write(orjson.dumps(reject_entry(reject, label), option=orjson.OPT_APPEND_NEWLINE))

    def _tidy_media(self) -> None:
        """Remove copies that no row uses while the journal still takes back everything."""
        if self._copier is None:
            return
        if left := self._copier.tidy():
            message = f"{left} copied media files that no row uses could not be removed"
            self._source.notes.append(Finding(rule="media-left", severity="warn", message=message, count=left))
        self._ctx.checkpoint("media:tidied")

    def _written(self, files: list[OutputFile], parts: Parts, convert: Converter) -> Written:
        return Written(
            request=self._request,
            source=self._source,
            row_format=self._format,
            converter=convert,
            parts=parts,
            files=files,
            reject_file=self._reject_file,
            rejects=self._rejects,
            tally=self._tally,
            rows_read=self._rows_read,
            manifest_name=MANIFEST_FILE,
        )


def reject_entry(reject: Reject, label: str) -> dict[str, str | int]:
    """Return a row that was left out as rejects.jsonl lists it; never with anything the row holds.

    `file` is the file's name where the source has several; `line` is its first physical line from 1, or the number of the row
    in formats without lines; `last` is its last line, for rows of several lines only; `reason` is one of a fixed set, and
    `detail`, which may be empty, says more.
    """
    where: dict[str, str | int] = {"file": label} if label else {}
    where |= {"line": reject.line} | ({"last": reject.last} if reject.last > reject.line else {})
    return where | {"reason": reject.reason, "detail": reject.detail}
