"""Check a training or evaluation file against every rule of its method."""

from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from novaforge.guards.errors import ConfigError, InputError
from novaforge.guards.findings import Finding, blocking
from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.analysis.check import Check, CheckSettings
from novaforge.tools.datasets.analysis.registry import NAMES, make_checks, prepare
from novaforge.tools.datasets.checks.audit import Audit
from novaforge.tools.datasets.checks.tally import Rejects, rule_finding
from novaforge.tools.datasets.engine.audit_work import AuditResult, AuditWork, view_of
from novaforge.tools.datasets.engine.head import Head, head_of
from novaforge.tools.datasets.engine.run import Engine
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.counts import batch_findings, length_findings
from novaforge.tools.datasets.formats.names import name_findings
from novaforge.tools.datasets.formats.rft import RFT
from novaforge.tools.datasets.formats.targets import BY_NAME
from novaforge.tools.datasets.media.check import MediaCheck, MediaSettings
from novaforge.tools.datasets.next_steps import plan_call
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.results import ValidateResult
from novaforge.tools.datasets.shapes.recognise import fits, look
from novaforge.tools.results import row_findings

_CORRECT = "Correct the [block] findings, or transform the source again; then validate again."
COPIES = ("copies",)
"""The further checks that plans ask for: duplicates and ids used twice."""


@dataclass(frozen=True)
class Extent:
    """How much is looked at beyond the rules: further checks by name, other files that must not share rows with this one,
    the training's length in tokens, and whether media files are read."""

    checks: tuple[str, ...] = NAMES
    others: tuple[str, ...] = ()
    max_length: int | None = None
    media: bool = True


def validate(
    ctx: ToolContext, source: str, row_format: RowFormat, others: Sequence[str], max_length: int | None = None
) -> tuple[ValidateResult, Audit]:
    """Return the verdict on a file and what the pass over it counted."""
    if max_length is not None and max_length < 1:
        message = f"max_length is {max_length}."
        raise InputError(message, field="max_length", value=max_length, fix="give a number of tokens above 0")
    with open_training_file(ctx, source) as opened:
        heartbeat = Heartbeat(ctx, opened)
        audit, findings = run_audit(ctx, opened, row_format, Extent(NAMES, tuple(others), max_length), heartbeat)
        opened.identity()
        findings += [
            *(form_findings(opened) or name_findings(source, row_format)),
            *audit.row_findings(),
            *audit.file_findings(lambda doing: heartbeat.tick(audit.rows, doing)),
            *audit.reasoning_findings(),
            *audit.inspect_media(ctx),
            *length_findings(row_format.method, max_length),
        ]
    if audit.rows:
        findings += batch_findings(row_format.method, row_format.model, row_format.platform or None, audit.rows)
    ok = not blocking(findings)
    views = row_findings(findings)
    result = ValidateResult(
        ok=ok,
        rows=audit.rows,
        findings=views,
        sandbox=ctx.mode.sandbox,
        next_step=plan_call(ctx, source, row_format) if ok else _CORRECT,
    )
    return result, audit


@contextmanager
def open_training_file(ctx: ToolContext, uri: str, argument: str = "source") -> Generator[Source]:
    """Open a JSONL file; raises InputError for a table, which has to be transformed first, ConfigError for a full disk."""
    try:
        with open_source(ctx, uri, argument) as opened:
            if opened.format != "jsonl":
                message = f"{uri} is {_named(opened.format)}, not JSON Lines in a method's format."
                raise InputError(message, field=argument, value=uri, fix="run transform_dataset first")
            yield opened
    except OSError as error:
        message = f"Reading {uri} or writing temporary files failed: {error.strerror or type(error).__name__}."
        raise ConfigError(message, fix="free disk space or correct the permissions") from error


def _named(source_format: str) -> str:
    return {"csv": "a table", "text": "plain text", "excel": "an Excel workbook"}.get(source_format, source_format)


def run_audit(
    ctx: ToolContext, source: Source, row_format: RowFormat, extent: Extent, heartbeat: Heartbeat
) -> tuple[Audit, list[Finding]]:
    """Read all rows once; returns the audit, and a finding when the rows have the shape of another format."""
    bucket = split_s3(source.uri)[0] if is_s3(source.uri) else ""
    head = head_of(source)
    names = {"": _names(source)}
    settings = _settings(ctx, source, head, row_format, extent, names)
    checks = make_checks(settings, extent.checks)
    for uri in extent.others:
        names[uri] = _scan_reference(ctx, uri, settings, extent.checks, checks)
    media = MediaCheck(MediaSettings(bucket=bucket)) if extent.media else None
    audit = Audit(row_format, checks, media)
    work = AuditWork(source.decoder, row_format, settings, extent.checks, bucket=bucket, media=extent.media)
    engine = Engine[AuditResult](source, head.batches, work, heartbeat)
    with closing(engine.results()) as results:
        for file, result in results:
            audit.take(result, source.label(file))
            source.blank_lines += result.blank_lines
            engine.rows = audit.rows
    return audit, _shape_findings(source, head, row_format)


def _names(source: Source) -> tuple[str, ...]:
    return tuple(source.label(number) for number in range(len(source.files)))


def _settings(
    ctx: ToolContext,
    source: Source,
    head: Head,
    row_format: RowFormat,
    extent: Extent,
    names: dict[str, tuple[str, ...]],
) -> CheckSettings:
    """Return what the checks look for; `names` gets those of the files compared with while they are read."""
    views = [view_of(line, row_format) for line in head.lines if isinstance(line.record, dict)]
    mean = sum(len(line.raw) for line in head.lines) / max(1, len(head.lines))
    settings = CheckSettings(
        method=row_format.method,
        format=row_format.name,
        references=extent.others,
        files=names,
        max_length=extent.max_length,
        rows_expected=int(source.bytes_total / mean) if mean else 0,
        folder=_folder(ctx),
    )
    return prepare(settings, views)


def _folder(ctx: ToolContext) -> str | None:
    """Return where the checks put temporary files."""
    folder: Path | None = ctx.work_dir
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _scan_reference(
    ctx: ToolContext, uri: str, settings: CheckSettings, wanted: tuple[str, ...], checks: Sequence[Check]
) -> tuple[str, ...]:
    """Let the checks see the rows of what the source is compared with, in any training format; returns its files' names."""
    unreadable = Rejects()
    with open_training_file(ctx, uri, "against") as source:
        head = head_of(source)
        row_format = _format_compared(uri, look(head.lines, source.columns).shape, settings.format)
        work = AuditWork(source.decoder, row_format, replace(settings, folder=None), wanted, rules=False)
        engine = Engine[AuditResult](source, head.batches, work, Heartbeat(ctx, source))
        with closing(engine.results()) as results:
            for file, result in results:
                unreadable.merge(result.counts.rejects, source.label(file))
                for check, scanned in zip(checks, result.scans, strict=True):
                    check.merge(uri, scanned)
    if unreadable.rows:
        message = f"{uri} has lines that cannot be read: {unreadable.describe()}."
        raise InputError(message, field="against", value=uri, fix="validate and correct it first")
    return _names(source)


def _format_compared(uri: str, shape: str, checked: str) -> RowFormat:
    """Return the format that rows of a shape are compared in: their own, else that of the checked file or RFT, whose rows
    need no answer, where they are valid there."""
    named = shape if shape in BY_NAME else next((name for name in (checked, RFT.name) if _is_one_of(shape, name)), None)
    if named is None:
        message = f"{uri} has the shape {shape}; its rows cannot be compared with {checked} rows."
        fix = f"transform it first, or give rows of one of: {', '.join(sorted({*BY_NAME} - {'cpt'} | {checked}))}"
        raise InputError(message, field="against", value=uri, fix=fix)
    return BY_NAME[named]


def _is_one_of(shape: str, format_name: str) -> bool:
    return shape not in ("unknown", "openai_chat") and fits(shape, format_name)


def form_findings(source: Source) -> list[Finding]:
    """Return what we could read and a training cannot: several files, packed ones, other encodings; known when all was read."""
    odd = [f"these are {len(source.files)} files"] if len(source.files) > 1 else []
    odd += [f"it is packed with {source.compression}"] if source.compression else []
    odd += [f"it is {source.encoding}"] if source.encoding != "UTF-8" else []
    return [rule_finding("DA1-form", None, ", ".join(odd))] if odd else []


def _shape_findings(source: Source, head: Head, row_format: RowFormat) -> list[Finding]:
    found = look(head.lines, source.columns)
    if fits(found.shape, row_format.name):
        return []
    detail = f"the rows look like {found.shape}, {row_format.method} reads {row_format.name}"
    others = f"; {found.others} of the first rows differ" if found.others else ""
    return [rule_finding("DA1-shape", None, detail + others)]
