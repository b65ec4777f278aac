"""Say what a file is: format, shape, columns, lengths, labels, and what it could be used for."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import orjson

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding, blocking
from novaforge.guards.text import clean, one_line
from novaforge.guards.values import JsonObject
from novaforge.tools.arguments import Columns
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.checks.reports import reject_findings
from novaforge.tools.datasets.checks.stats import Labels, Lengths
from novaforge.tools.datasets.checks.tally import Rejects
from novaforge.tools.datasets.formats.converse import CONVERSE
from novaforge.tools.datasets.formats.targets import BY_NAME, FORMATS, WORKS
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.results import ColumnView, InspectResult
from novaforge.tools.datasets.rows import JsonRow, Line
from novaforge.tools.datasets.shapes.columns import display, normalise, other_delimiter, propose, resolve
from novaforge.tools.datasets.shapes.recognise import HEAD_ROWS, TARGETS, recognise
from novaforge.tools.results import finding_views

MAX_SAMPLE_ROWS = 20
MAX_COLUMNS = 100
_CELL_CHARS = 300
_LABEL_CHARS = 60
_LABELS_SHOWN = 30


class _Column:
    """Fill, lengths and labels of one column."""

    def __init__(self) -> None:
        self.filled = 0
        self.lengths = Lengths()
        self.labels = Labels()

    def add(self, text: str) -> None:
        if text and not text.isspace():
            self.filled += 1
            self.lengths.add(text)
            self.labels.add(text)


class _Inspection:
    def __init__(self, source: Source, columns: Columns | None) -> None:
        self.source = source
        self.rejects = Rejects()
        self._lines = source.rows(self.rejects.add)
        self.head = list(islice(self._lines, HEAD_ROWS))
        self.shape, self.others = recognise(self.head, source.columns)
        present = source.columns or list(dict.fromkeys(key for line in self.head for key in line.record))
        self.mapping = self._mapping(columns, present)
        listed = present if source.columns is not None else [*present[:MAX_COLUMNS], *self.mapping.values()]
        self.columns = {name: _Column() for name in listed}
        self.lengths = Lengths()
        self.labels = Labels()
        self.rows = 0

    def read(self, ctx: ToolContext) -> None:
        """Go through all rows once."""
        heartbeat = Heartbeat(ctx, self.source)
        for line in chain(self.head, self._lines):
            self.rows += 1
            heartbeat.beat(self.rows)
            cells = dict(self._cells(line))
            for name, text in cells.items():
                self._column(name).add(text)
            self._measure(line, cells)

    def _mapping(self, columns: Columns | None, present: list[str]) -> Columns:
        if columns is None:
            usable = CONVERSE.fields if self.shape in ("table", "gen_qa") else ()
            return {name: column for name, column in propose(present).items() if name in usable}
        return resolve(normalise(columns), present, f"in {self.source.uri}")

    def _cells(self, line: Line) -> Iterator[tuple[str, str]]:
        if isinstance(line.record, list):
            yield from zip(self.source.columns or [], line.record, strict=True)
            return
        for name, value in line.record.items():
            yield name, "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()

    def _column(self, name: str) -> _Column:
        if name not in self.columns:
            if len(self.columns) >= MAX_COLUMNS and self.source.columns is None:
                # Keys without end are no columns; they are counted together, under a name no key has in the result.
                name = "(further keys)"
            self.columns.setdefault(name, _Column())
        return self.columns[name]

    def _measure(self, line: Line, cells: dict[str, str]) -> None:
        if self.shape in BY_NAME and isinstance(line.record, dict) and not self.mapping:
            row_format = BY_NAME[self.shape]
            self.lengths.add(row_format.prompt(line.record), row_format.answer(line.record))
            self.labels.add(row_format.answer(line.record))
            return
        used = self.mapping.values() or cells.keys()
        self.lengths.add(*(cells.get(column, "") for column in used))
        if "response" in self.mapping:
            self.labels.add(cells.get(self.mapping["response"], ""))


def inspect(ctx: ToolContext, source: str, columns: Columns | None, sample_rows: int) -> InspectResult:
    """Read a file once and describe it; raises InputError or RefusedError when it cannot be read at all."""
    if not 0 <= sample_rows <= MAX_SAMPLE_ROWS:
        message = f"sample_rows is {sample_rows}."
        raise InputError(message, field="sample_rows", value=sample_rows, fix=f"give 0 to {MAX_SAMPLE_ROWS}")
    with open_source(ctx, source) as opened:
        seen = _Inspection(opened, columns)
        seen.read(ctx)
        if not seen.rows and seen.rejects.rows:
            raise InputError(
                f"No row of {source} can be read: {seen.rejects.describe()}.",
                field="source",
                value=source,
                fix="; ".join(finding.fix for finding in reject_findings(opened, seen.rejects)),
            )
        return _result(ctx, seen, sample_rows)


def _result(ctx: ToolContext, seen: _Inspection, sample_rows: int) -> InspectResult:
    source = seen.source
    suggested, findings = _suggested(seen), _findings(seen)
    return InspectResult(
        format=source.format,
        encoding=source.lines.encoding,
        shape=seen.shape,
        rows=seen.rows,
        bytes=source.stamp.bytes,
        rejected=seen.rejects.reasons,
        columns=[_view(name, column, seen.rows) for name, column in list(seen.columns.items())[: MAX_COLUMNS + 3]],
        lengths=seen.lengths.summary(),
        labels=_labels(seen),
        findings=finding_views(findings),
        suggested=suggested,
        supported_targets=TARGETS[seen.shape],
        untrusted_sample=[_sample(line, source.columns) for line in seen.head[:sample_rows]],
        sandbox=ctx.mode.sandbox,
        next_step="Correct the [block] findings first." if blocking(findings) else _next(source, seen, suggested),
    )


def _suggested(seen: _Inspection) -> JsonObject:
    targets = TARGETS[seen.shape]
    if not targets:
        return {}
    complete = seen.shape != "table" or all(name in seen.mapping for name in FORMATS[targets[0]].required)
    shown = {name: display(column) for name, column in seen.mapping.items()}
    columns: JsonObject = dict(shown) if seen.shape == "table" else {}
    # Only RFT takes an object as the wanted answer.
    method = "RFT_LORA" if _object_answers(seen) else targets[0]
    return {"method": method if complete else None, "columns": columns}


def _object_answers(seen: _Inspection) -> bool:
    column = seen.mapping.get("response", "")
    return any(isinstance(line.record, dict) and isinstance(line.record.get(column), dict) for line in seen.head)


def _labels(seen: _Inspection) -> dict[str, int]:
    counts = seen.labels.counts
    if not counts and not seen.mapping and seen.shape == "table":
        counts = next((column.labels.counts for column in seen.columns.values() if column.labels.counts), {})
    cleaned: Counter[str] = Counter()
    for label, count in list(counts.items())[:_LABELS_SHOWN]:
        cleaned[one_line(label, _LABEL_CHARS)] += count
    return dict(cleaned)


def _view(name: str, column: _Column, rows: int) -> ColumnView:
    return ColumnView(
        name=display(name),
        filled=column.filled,
        empty=rows - column.filled,
        chars_p50=column.lengths.percentile(50),
        chars_max=column.lengths.percentile(100),
        labels=len(column.labels.counts) or None,
    )


def _findings(seen: _Inspection) -> list[Finding]:
    found = reject_findings(seen.source, seen.rejects)
    if not seen.rows:
        found.append(
            Finding(rule="DA1-empty", severity="block", message="the file has no rows", fix="give a file with rows")
        )
    if other := other_delimiter(seen.source.columns or []):
        message = f"the header is one column that looks delimited by {other}; only commas are read"
        fix = "write the file again with commas between the cells"
        found.append(Finding(rule="source-delimiter", severity="block", message=message, fix=fix))
    if len(seen.columns) > MAX_COLUMNS:
        message = f"only the first {MAX_COLUMNS} columns are listed one by one"
        found.append(Finding(rule="source-columns", severity="info", message=message))
    if seen.others:
        message = f"{seen.others} of the first {len(seen.head)} rows have another shape than {seen.shape}"
        found.append(Finding(rule="source-shape", severity="warn", message=message, fix="separate them"))
    if not TARGETS[seen.shape]:
        message = f"the shape {seen.shape} cannot be transformed now"
        found.append(Finding(rule="source-shape", severity="info", message=message, fix=f"works now: {WORKS}"))
    for name, column in seen.mapping.items():
        empty = seen.rows - seen.columns[column].filled
        if name in ("query", "response") and empty:
            message = f"the column of {name} is empty in {empty} row{'s' if empty > 1 else ''}, which transform_dataset rejects"
            found.append(Finding(rule="source-empty", severity="warn", message=message, count=empty))
    return found


def _sample(line: Line, header: list[str] | None) -> JsonObject:
    record: Any = line.record
    row: JsonRow = dict(zip(header, record, strict=True)) if header is not None else record
    items = list(row.items())[:MAX_COLUMNS]
    shown: JsonObject = {display(name): _shown(value) for name, value in items}
    return shown | {"(line)": line.number}


def _shown(value: Any) -> str:
    return clean(value if isinstance(value, str) else orjson.dumps(value).decode(), _CELL_CHARS)


def _next(source: Source, seen: _Inspection, suggested: JsonObject) -> str:
    if seen.shape in ("converse", "rft", "gen_qa"):
        return f'validate_dataset(source="{source.uri}", method="{TARGETS[seen.shape][0]}", model="nova_lite_2")'
    if suggested.get("method"):
        return "transform_dataset with the suggested columns, or others, for SFT_LORA, RFT_LORA or EVALUATION"
    if suggested:
        return 'Say which columns to use: transform_dataset(columns={"query": ..., "response": ...})'
    return "Convert the file to a table with one column for the query and one for the response"
