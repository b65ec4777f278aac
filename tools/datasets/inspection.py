"""Say what a source is: format, shape, columns, lengths, labels, and what it could be used for."""

from collections import Counter
from contextlib import closing
from typing import Any

import orjson

from novaforge.guards.errors import InputError, NovaForgeError
from novaforge.guards.findings import Finding, blocking
from novaforge.guards.text import clean, one_line
from novaforge.guards.values import JsonObject
from novaforge.tools.arguments import Columns
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.analysis.report import shown
from novaforge.tools.datasets.checks.reports import reject_findings
from novaforge.tools.datasets.engine.head import head_of
from novaforge.tools.datasets.engine.run import Engine
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.inspection_work import FURTHER, MAX_COLUMNS, ColumnCounts, Counts, InspectWork
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.results import ColumnView, InspectResult
from novaforge.tools.datasets.rows import Finished, JsonRow, Line
from novaforge.tools.datasets.shapes.base import Converter
from novaforge.tools.datasets.shapes.columns import display
from novaforge.tools.datasets.shapes.convert import converter
from novaforge.tools.datasets.shapes.recognise import TARGETS, look, records_of
from novaforge.tools.datasets.shapes.suggest import next_call, suggest
from novaforge.tools.results import finding_views

MAX_SAMPLE_ROWS = 20
_CELL_CHARS = 300
_SAMPLE_CHARS = 24_000
"""All sample rows together: they are read by a model."""
_LABEL_CHARS = 60
_LABELS_SHOWN = 30
_FILES_SHOWN = 20
_LANGUAGE_ROWS = 100
_NAME_WORDS = 6
_PLATFORMS = {"RFT_MULTITURN_LORA": "hyperpod"}
"""Where rows depend on the platform: the one whose rows hold more."""


class _Inspection:
    """What is known of a source from its first rows, and what is counted in all of them."""

    def __init__(self, source: Source, columns: Columns | None) -> None:
        self.source = source
        head = head_of(source)
        self.head = head.lines
        self.batches = head.batches
        self.found = look(self.head, source.columns)
        self.records = records_of(self.head, source.columns)
        self.suggestion = suggest(source, self.found, self.records, columns)
        self.refused: NovaForgeError | None = None
        self.convert = self._converter()
        self.targets = self._targets()
        present = source.columns or list(dict.fromkeys(key for record in self.records for key in record))
        self.listed = list(dict.fromkeys([*present[:MAX_COLUMNS], *self.suggestion.columns.values()]))
        if source.columns is not None:
            self.listed = list(source.columns)
        self.counts = Counts(columns={name: ColumnCounts() for name in self.listed})
        self.languages = _languages(self.convert, self.head)

    def read(self, ctx: ToolContext) -> None:
        """Go through all rows once."""
        mapped = self.suggestion.columns
        work = InspectWork(
            self.source.decoder,
            tuple(self.source.columns) if self.source.columns is not None else None,
            tuple(self.listed),
            tuple(column for name, column in mapped.items() if name != "images"),
            mapped.get("response", ""),
            self.convert,
        )
        engine = Engine[Counts](self.source, self.batches, work, Heartbeat(ctx, self.source))
        with closing(engine.results()) as results:
            for file, result in results:
                self.counts.merge(result, self.source.label(file))
                self.source.decoder.guess = self.source.decoder.guess or result.guess
                engine.rows = self.counts.rows

    def _converter(self) -> Converter | None:
        """Return the conversion that is suggested, for shapes that are no tables: there the columns tell all."""
        wanted = self.suggestion.format
        if wanted is None or self.found.shape in ("table", "unknown", "evaluation_output") or self.suggestion.given:
            return None
        try:
            return converter(self.source, self.head, None, wanted, None)
        except NovaForgeError as error:
            self.refused = error
            return None

    def _targets(self) -> list[str]:
        """Return the methods that at least one of the first rows can serve, of those its shape can."""
        shape, method = self.found.shape, self.suggestion.method
        if self.suggestion.given:
            return list(dict.fromkeys([*([method] if method else []), *TARGETS[shape]]))
        if shape == "evaluation_output" or self.source.columns is not None or method is None:
            return TARGETS[shape]
        return [method for method in TARGETS[shape] if self._serves(method)]

    def _serves(self, method: str) -> bool:
        if method == self.suggestion.method:
            return True
        model = "nova_lite" if method.startswith("DPO") else "nova_lite_2"
        try:
            rows = converter(self.source, self.head, None, row_format(method, model, _PLATFORMS.get(method)), None)
        except NovaForgeError:
            return False
        return self.found.shape != "table" or any(isinstance(rows.finish(line), Finished) for line in self.head)


def inspect(ctx: ToolContext, source: str, columns: Columns | None, sample_rows: int) -> InspectResult:
    """Read a source once and describe it; raises InputError or RefusedError when it cannot be read at all."""
    if not 0 <= sample_rows <= MAX_SAMPLE_ROWS:
        message = f"sample_rows is {sample_rows}."
        raise InputError(message, field="sample_rows", value=sample_rows, fix=f"give 0 to {MAX_SAMPLE_ROWS}")
    with open_source(ctx, source) as opened:
        seen = _Inspection(opened, columns)
        seen.read(ctx)
        if not seen.counts.rows and seen.counts.rejects.rows:
            raise InputError(
                f"No row of {source} can be read: {seen.counts.rejects.describe()}.",
                field="source",
                value=source,
                fix="; ".join(finding.fix for finding in reject_findings(opened, seen.counts.rejects)),
            )
        return _result(ctx, seen, sample_rows)


def _result(ctx: ToolContext, seen: _Inspection, sample_rows: int) -> InspectResult:
    source, counts, shape = seen.source, seen.counts, seen.found.shape
    findings = _findings(seen)
    wrong = blocking(findings)
    return InspectResult(
        format=source.format,
        encoding=source.encoding,
        shape=shape,
        source=_about(seen),
        rows=counts.rows,
        bytes=source.bytes_total,
        rejected=counts.rejects.reasons,
        columns=[_view(name, column, counts.rows) for name, column in _shown(counts)],
        lengths=counts.lengths.summary(),
        labels=_labels(seen),
        findings=finding_views(findings),
        suggested=seen.suggestion.view(),
        supported_targets=seen.targets,
        untrusted_sample=_samples(seen, sample_rows),
        sandbox=ctx.mode.sandbox,
        next_step="Correct the [block] findings first." if wrong else _next(ctx, seen),
    )


def _next(ctx: ToolContext, seen: _Inspection) -> str:
    if seen.refused is not None:
        return "Correct the rows as the findings say, then inspect again."
    return next_call(ctx, seen.source, seen.found.shape, seen.suggestion, media=seen.counts.media)


def _about(seen: _Inspection) -> JsonObject:
    source = seen.source
    files: list[JsonObject] = [{"uri": file.uri, "bytes": file.bytes} for file in source.files[:_FILES_SHOWN]]
    about: JsonObject = {
        "compression": source.compression or None,
        "delimiter": source.delimiter or None,
        "files": len(source.files),
        "first_files": [dict(file) for file in files] if len(source.files) > 1 else [],
        "shape_because": seen.found.why(),
    }
    if seen.convert is not None and seen.convert.notes:
        about["conversion"] = "; ".join(seen.convert.notes)
    if seen.languages:
        about["languages"] = dict(seen.languages)
    return about


def _languages(convert: Converter | None, head: list[Line]) -> dict[str, int]:
    """Return the languages of the first rows' longest texts, most frequent first."""
    from novaforge.tools.datasets.analysis.language import told_language

    found: Counter[str] = Counter()
    for line in head[:_LANGUAGE_ROWS]:
        record: Any = line.record
        values = record if isinstance(record, list) else list(_texts(record))
        longest = max((value for value in values if isinstance(value, str)), key=len, default="")
        found[told_language(longest)] += 1
    return dict(found.most_common(5))


def _texts(value: Any, depth: int = 0) -> list[str]:
    """Return the texts in a value, a few levels deep."""
    if isinstance(value, str):
        return [value]
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in _texts(item, depth + 1)] if depth < 6 else []


def _labels(seen: _Inspection) -> dict[str, int]:
    labels = seen.counts.labels.counts
    if not labels and not seen.suggestion.columns and seen.found.shape == "table":
        columns = seen.counts.columns.values()
        labels = next((column.labels.counts for column in columns if column.labels.counts), {})
    cleaned: Counter[str] = Counter()
    for label, count in list(labels.items())[:_LABELS_SHOWN]:
        cleaned[one_line(shown(label), _LABEL_CHARS)] += count
    return dict(cleaned)


def _shown(counts: Counts) -> list[tuple[str, ColumnCounts]]:
    return [(name, column) for name, column in counts.columns.items()][: MAX_COLUMNS + 3]


def _view(name: str, column: ColumnCounts, rows: int) -> ColumnView:
    return ColumnView(
        name=display(name),
        filled=column.filled,
        empty=max(0, rows - column.filled),
        chars_p50=column.lengths.percentile(50),
        chars_max=column.lengths.percentile(100),
        labels=len(column.labels.counts) or None,
    )


def _findings(seen: _Inspection) -> list[Finding]:
    counts, found = seen.counts, seen.found
    findings = [*seen.source.notes, *reject_findings(seen.source, counts.rejects)]
    if not counts.rows:
        findings.append(_finding("DA1-empty", "block", "the file has no rows", fix="give a file with rows"))
    if len(counts.columns) > MAX_COLUMNS or FURTHER in counts.columns:
        message = f"only the first {MAX_COLUMNS} columns are listed one by one"
        findings.append(_finding("source-columns", "info", message))
    if _no_header(seen):
        message = "names of columns look like cells: without a header, the first row of data is taken for one"
        findings.append(_finding("source-header", "info", message, fix="if so, add a line with column names"))
    if found.others:
        told = ", ".join(f"{name} in {rows}" for name, rows in found.shapes.items())
        message = f"{found.others} of the first {found.rows} rows have another shape than {found.shape}: {told}"
        findings.append(_finding("source-shape", "warn", message, fix="separate them"))
    if found.shape == "prompts":
        message = "the prompts have no reference answer: RFT has nothing to compare with, SFT nothing to learn from"
        findings.append(_finding("source-answers", "warn", message, fix="add a key reference_answer to each row"))
    if seen.refused is not None:
        findings.append(_finding("source-shape", "warn", seen.refused.message, fix=seen.refused.fix or ""))
    return findings + _left_out(seen)


def _no_header(seen: _Inspection) -> bool:
    """Tell names that are numbers or sentences: few columns are named so."""
    names = [name.strip() for name in seen.source.columns or []]
    return any(len(name.split()) > _NAME_WORDS or name.replace(".", "", 1).isdigit() for name in names)


def _left_out(seen: _Inspection) -> list[Finding]:
    """Return which readable rows the suggested conversion would not write."""
    counts, method = seen.counts, seen.suggestion.method
    found = [
        _finding(
            "source-rows", "warn", f"transform_dataset for {method} rejects: {reason} ({counts.left_out.where(reason).where()})",
            fix="correct them, or go on without them", count=rows,
        )
        for reason, rows in counts.left_out.reasons.items()
    ]  # fmt: skip
    for name, column in seen.suggestion.columns.items():
        empty = counts.rows - counts.columns[column].filled if column in counts.columns else 0
        if name in ("query", "response") and empty > 0:
            message = f"the column of {name} is empty in {empty} row{'s' if empty > 1 else ''}, which transform_dataset rejects"
            found.append(_finding("source-empty", "warn", message, count=empty))
    return found


def _finding(rule: str, severity: Any, message: str, fix: str = "", count: int = 1) -> Finding:
    return Finding(rule=rule, severity=severity, message=message, fix=fix, count=count)


def _samples(seen: _Inspection, rows: int) -> list[JsonObject]:
    first = list(seen.suggestion.columns.values())
    most = _SAMPLE_CHARS // max(1, rows)
    return [_sample(line, seen.source.columns, first, most) for line in seen.head[:rows]]


def _sample(line: Line, header: list[str] | None, first: list[str], most: int) -> JsonObject:
    """Return the cells of a row, mapped columns first, as long as they have room in so many characters."""
    record: Any = line.record
    row: JsonRow = dict(zip(header or (), record, strict=False)) if isinstance(record, list) else record
    names = list(dict.fromkeys([*(name for name in first if name in row), *row]))
    shown: JsonObject = {"(line)": line.number}
    for name in names:
        cell = _cell(row[name])
        most -= len(name) + len(cell)
        if most < 0:
            return shown | {"(further keys)": len(names) - len(shown) + 1}
        shown[display(name)] = cell
    return shown


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return clean(value, _CELL_CHARS)
    try:
        return clean(orjson.dumps(value).decode(), _CELL_CHARS)
    except TypeError:
        return clean(str(value), _CELL_CHARS)
