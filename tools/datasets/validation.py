"""Check a training or evaluation file against every rule of its method."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import PurePosixPath

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding, blocking
from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.checks.audit import Audit
from novaforge.tools.datasets.checks.stats import Digests
from novaforge.tools.datasets.checks.tally import Rejects, rule_finding
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.targets import BY_NAME
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.results import ValidateResult
from novaforge.tools.datasets.rows import Line
from novaforge.tools.datasets.shapes.recognise import HEAD_ROWS, recognise
from novaforge.tools.results import row_findings

SMALLEST_BATCH = 32
"""The smallest global batch size of SFT for Nova Lite 2 on training jobs (recipe files)."""


def validate(
    ctx: ToolContext, source: str, row_format: RowFormat, others: Sequence[str]
) -> tuple[ValidateResult, Audit]:
    """Return the verdict on a file and what the pass over it counted."""
    queries = {uri: queries_of(ctx, uri) for uri in others}
    with open_training_file(ctx, source) as opened:
        audit, wrong_shape = run_audit(ctx, opened, row_format, queries)
        opened.identity()
    findings = [
        *wrong_shape,
        *name_findings(source, row_format),
        *audit.row_findings(),
        *audit.file_findings(),
        *audit.reasoning_findings(),
    ]
    if row_format.name == "converse" and 0 < audit.rows < SMALLEST_BATCH:
        findings.append(rule_finding("BS2", None, f"{audit.rows} rows"))
    ok = not blocking(findings)
    views = row_findings(findings)
    result = ValidateResult(
        ok=ok, rows=audit.rows, findings=views, sandbox=ctx.mode.sandbox, next_step=_next(source, row_format, ok)
    )
    return result, audit


@contextmanager
def open_training_file(ctx: ToolContext, uri: str, argument: str = "source") -> Generator[Source]:
    """Open a JSONL file; raises InputError for a table, which has to be transformed first."""
    with open_source(ctx, uri, argument) as opened:
        if opened.format != "jsonl":
            message = f"{uri} is a table, not rows in a method's format."
            raise InputError(message, field=argument, value=uri, fix="run transform_dataset first")
        yield opened


def run_audit(
    ctx: ToolContext, source: Source, row_format: RowFormat, queries: dict[str, Digests]
) -> tuple[Audit, list[Finding]]:
    """Read all rows once; returns the audit, and a finding when the rows have the shape of another format."""
    bucket = split_s3(source.uri)[0] if is_s3(source.uri) else ""
    audit = Audit(row_format, queries, bucket)
    lines = source.rows(audit.rejects.add)
    head = list(islice(lines, HEAD_ROWS))
    heartbeat = Heartbeat(ctx, source)
    for count, line in enumerate(chain(head, lines), start=1):
        heartbeat.beat(count)
        audit.add(line)
    return audit, _shape_findings(head, row_format)


def queries_of(ctx: ToolContext, uri: str) -> Digests:
    """Return the digests of a file's queries, whichever training format it has."""
    digests = Digests()
    unreadable = Rejects()
    with open_training_file(ctx, uri, "against") as source:
        lines = source.rows(unreadable.add)
        head = list(islice(lines, HEAD_ROWS))
        shape, _ = recognise(head)
        if shape not in BY_NAME:
            message = f"{uri} has the shape {shape}; its queries cannot be compared."
            raise InputError(message, field="against", value=uri, fix=f"give rows of one of: {', '.join(BY_NAME)}")
        heartbeat = Heartbeat(ctx, source)
        for count, line in enumerate(chain(head, lines), start=1):
            heartbeat.beat(count)
            assert isinstance(line.record, dict)
            digests.add(BY_NAME[shape].prompt(line.record))
    if unreadable.rows:
        message = f"{uri} has lines that cannot be read: {unreadable.describe()}."
        raise InputError(message, field="against", value=uri, fix="validate and correct it first")
    return digests


def name_findings(uri: str, row_format: RowFormat) -> list[Finding]:
    """Return what is wrong with a file's name; a local file may still be uploaded under another one."""
    path = PurePosixPath(uri)
    if path.suffix != ".jsonl":
        return [rule_finding("DA1-name")]
    if row_format.file_name and path.name != row_format.file_name:
        finding = rule_finding("DA1-gen-qa-name")
        return [finding if is_s3(uri) else finding.model_copy(update={"severity": "warn"})]
    return []


def _shape_findings(head: Sequence[Line], row_format: RowFormat) -> list[Finding]:
    shape, others = recognise(head)
    if shape == "unknown" or shape == row_format.name or (shape, row_format.name) == ("openai_chat", "rft"):
        # Prompts without a reference answer are valid RFT rows, hence OpenAI chats are.
        return []
    detail = f"the rows look like {shape}, {row_format.method} reads {row_format.name}"
    return [rule_finding("DA1-shape", None, f"{detail}; {others} of the first rows differ" if others else detail)]


def _next(source: str, row_format: RowFormat, ok: bool) -> str:
    if not ok:
        return "Correct the [block] findings, or transform the source again; then validate again."
    if row_format.method == "EVALUATION":
        return f'plan_evaluation(task="gen_qa", data="{source}", ...)'
    return f'plan_training(method="{row_format.method}", data="{source}", ...)'
