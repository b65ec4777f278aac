"""One pass from a source to training files with a manifest."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain, islice

import orjson
from pydantic import JsonValue

from novaforge.guards.errors import ConfigError, InputError, RefusedError
from novaforge.guards.values import JsonObject
from novaforge.tools.arguments import Columns
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.checks.reports import mapping_findings, reject_findings
from novaforge.tools.datasets.checks.tally import Rejects, Tally
from novaforge.tools.datasets.filters.stateless import Candidate, Filter, make_filters
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.rules import RULES
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.output.manifest import FILE as MANIFEST_FILE
from novaforge.tools.datasets.output.manifest import render
from novaforge.tools.datasets.output.outputs import OutputFile, Outputs, check_target
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.results import FileView, TransformResult
from novaforge.tools.datasets.rows import FILTERED, Finished, Line, Reject
from novaforge.tools.datasets.shapes.columns import display
from novaforge.tools.datasets.shapes.convert import MappedRows, ReadyRows, check_system_prompt, converter
from novaforge.tools.datasets.shapes.recognise import HEAD_ROWS
from novaforge.tools.datasets.splitting.parts import OneFile, Parts, split_files
from novaforge.tools.datasets.splitting.split import Split, parse_split
from novaforge.tools.datasets.splitting.strata import Strata
from novaforge.tools.results import finding_views

REJECTS_FILE = "rejects.jsonl"


@dataclass(frozen=True)
class Request:
    """The arguments of one transform."""

    source: str
    target: str
    method: str
    model: str
    columns: Columns | None = None
    system_prompt: str | None = None
    split: Mapping[str, float] | None = None
    seed: int = 42
    stratify_by: str | None = None
    filters: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    platform: str | None = None
    group_by: str | None = None
    task: str | None = None
    pair_with: str | None = None


def transform(ctx: ToolContext, request: Request) -> TransformResult:
    """Write the files of a request, or nothing: any error leaves the target as it was."""
    if request.group_by or request.pair_with or request.task not in {None, "gen_qa"}:
        message = "group_by, pair_with and tasks other than gen_qa are not read yet."
        raise RefusedError(message, rule="data-argument", fix="leave them out")
    target_format = row_format(request.method, request.model, request.platform)
    split = parse_split(request.split) if request.split is not None else None
    filters = make_filters(request.filters, target_format)
    check_system_prompt(request.system_prompt)
    if request.stratify_by is not None and split is None:
        raise InputError(
            "stratify_by wants a split.", field="stratify_by", value=request.stratify_by, fix="give split too"
        )
    check_target(ctx, request.target)
    try:
        with open_source(ctx, request.source) as source, Outputs.of(ctx, request.target) as outputs:
            return _Run(ctx, request, target_format, split, filters, source, outputs).run()
    except OSError as error:
        message = (
            f"Reading {request.source} or writing {request.target} failed: {error.strerror or type(error).__name__}."
        )
        raise ConfigError(message, fix="free disk space or correct the permissions; nothing was left behind") from error


class _Run:
    def __init__(
        self,
        ctx: ToolContext,
        request: Request,
        target_format: RowFormat,
        split: Split | None,
        filters: dict[str, Filter],
        source: Source,
        outputs: Outputs,
    ) -> None:
        self._ctx = ctx
        self._request = request
        self._format = target_format
        self._split = split
        self._filters = filters
        self._source = source
        self._outputs = outputs
        self._rejects = Rejects()
        self._reject_file: OutputFile | None = None
        self._tally = Tally()
        self._kept = 0

    @property
    def _rows_read(self) -> int:
        return self._kept + self._rejects.rows

    def run(self) -> TransformResult:
        names = self._names()
        self._outputs.refuse_existing([*names.values(), REJECTS_FILE, MANIFEST_FILE])
        rows = self._source.rows(self._reject)
        head = list(islice(rows, HEAD_ROWS))
        if not head:
            raise self._nothing_usable()
        request = self._request
        convert = converter(self._source, head, request.columns, self._format, request.system_prompt)
        label = self._label(convert)
        with self._parts(names) as parts:
            self._pass(chain(head, rows), convert, parts, label)
            convert.check_seen()
            if not self._kept:
                raise self._nothing_usable()
            files = parts.finish()
            return self._publish(files, parts, convert)

    def _names(self) -> dict[str, str]:
        """Return role to file name; an evaluation reads one file of a fixed name, so its parts get folders."""
        fixed = self._format.file_name
        if self._split is None:
            return {"test": fixed} if fixed else {"train": "train.jsonl"}
        return {role: f"{role}/{fixed}" if fixed else f"{role}.jsonl" for role in self._split.roles}

    def _parts(self, names: dict[str, str]) -> AbstractContextManager[Parts]:
        request, target = self._request, self._request.target
        if self._split is None:
            ((role, name),) = names.items()
            return nullcontext(OneFile(self._outputs, role, name))
        local = None if is_s3(target) else self._ctx.storage.local(target)
        return split_files(self._outputs, self._split, names, request.seed, Strata(request.stratify_by), local)

    def _label(self, convert: MappedRows | ReadyRows) -> Callable[[Line, Finished], str]:
        asked = self._request.stratify_by
        return convert.label_of(asked) if asked is not None else lambda line, row: row.answer

    def _pass(
        self,
        lines: Iterator[Line],
        convert: MappedRows | ReadyRows,
        parts: Parts,
        label: Callable[[Line, Finished], str],
    ) -> None:
        heartbeat = Heartbeat(self._ctx, self._source)
        for count, line in enumerate(lines, start=1):
            heartbeat.beat(count)
            row = convert.finish(line)
            if isinstance(row, Reject):
                self._reject(row)
            elif self._filters and (name := self._filtered(row)):
                self._reject(Reject(line.number, f"{FILTERED}{name}"))
            else:
                if row.hits:
                    self._tally.add(line.number, row.hits)
                parts.add(row, label(line, row))
                self._kept += 1

    def _filtered(self, row: Finished) -> str:
        blocked = any(RULES[hit.rule].severity == "block" for hit in row.hits)
        candidate = Candidate(row.row, row.prompt, row.answer, blocked)
        return next((name for name, leaves_out in self._filters.items() if leaves_out(candidate)), "")

    def _reject(self, reject: Reject) -> None:
        self._rejects.add(reject)
        if self._reject_file is None:
            self._reject_file = self._outputs.create("rejects", REJECTS_FILE)
        self._reject_file.write(orjson.dumps(reject._asdict(), option=orjson.OPT_APPEND_NEWLINE))

    def _publish(self, files: list[OutputFile], parts: Parts, convert: MappedRows | ReadyRows) -> TransformResult:
        source = self._source.identity(self._rows_read)
        body = self._manifest(source.model_dump(mode="json", exclude={"role", "upload_to"}), parts, convert)
        listed = [*files, *([self._reject_file] if self._reject_file else [])]
        manifest = self._outputs.create("manifest", MANIFEST_FILE)
        manifest.write(render(body, listed))
        self._outputs.commit()
        return self._result(files, parts, convert, manifest.uri)

    def _manifest(self, source: JsonObject, parts: Parts, convert: MappedRows | ReadyRows) -> JsonObject:
        request = self._request
        reader = self._source.reader
        return {
            "created_at": self._ctx.clock().isoformat(timespec="seconds"),
            "source": {**source, "format": self._source.format, "encoding": self._source.lines.encoding},
            "method": request.method,
            "model": request.model,
            "platform": request.platform,
            "row_format": self._format.name,
            "mapping": dict(convert.mapping.columns),
            "mapping_given": convert.mapping.given,
            "system_prompt": request.system_prompt,
            "filters": dict(request.filters),
            "split": parts.describe(),
            "counts": {
                "rows_read": self._rows_read,
                "rows_written": self._kept - parts.unused,
                "rows_unused": parts.unused,
                "rows_rejected": self._rejects.rows,
                "blank_lines": reader.blank_lines,
            },
            "rejected": dict(self._rejects.reasons),
        }

    def _result(
        self, files: list[OutputFile], parts: Parts, convert: MappedRows | ReadyRows, manifest_uri: str
    ) -> TransformResult:
        findings = [
            # The messages name the first lines already.
            *(finding.model_copy(update={"line": None}) for finding in self._tally.findings()),
            *reject_findings(self._source, self._rejects),
            *mapping_findings(self._source, convert.mapping),
            *parts.findings(),
        ]
        first = files[0]
        return TransformResult(
            rows_read=self._rows_read,
            rows_written=self._kept - parts.unused,
            rows_unused=parts.unused,
            mapping={name: display(column) for name, column in convert.mapping.columns.items()},
            files=[
                FileView(role=file.role, uri=file.uri, rows=file.rows, bytes=file.bytes, sha256=file.sha256)
                for file in files
            ],
            rejected={
                "rows": self._rejects.rows,
                "reasons": dict(self._rejects.reasons),
                "uri": self._reject_file.uri if self._reject_file else None,
            },
            manifest_uri=manifest_uri,
            findings=finding_views(findings),
            sandbox=self._ctx.mode.sandbox,
            next_step=f'validate_dataset(source="{first.uri}", method="{self._request.method}", model="{self._request.model}")'
            + (", with the other files as against" if len(files) > 1 else ""),
        )

    def _nothing_usable(self) -> InputError:
        if not self._rejects.rows:
            message = f"{self._source.uri} has no rows."
            return InputError(message, field="source", value=self._source.uri, fix="give a file with rows")
        fixes = "; ".join(dict.fromkeys(finding.fix for finding in reject_findings(self._source, self._rejects)))
        message = f"No row of {self._source.uri} can be used: {self._rejects.describe()}."
        return InputError(message, field="source", value=self._source.uri, fix=fixes, reasons=self._rejects.reasons)
