"""From an output archive to a scorecard; what is missing or damaged is named."""

from collections.abc import Sequence

from novaforge.guards.findings import Finding
from novaforge.tools.evaluation.archive import (
    ROWS_FILE,
    ArchiveReader,
    damaged,
    find_pieces,
    named_damage,
    read_service,
)
from novaforge.tools.evaluation.rows import Reject, Row, read_rows
from novaforge.tools.evaluation.scorecard import Scorecard
from novaforge.tools.evaluation.scoring import Note, score_rows

GEN_QA = "gen_qa_gen_qa"
"""The task that writes inference_output.jsonl, as results_*.json names it."""

MOST_ROWS = 100_000
MOST_CHARS = 200_000_000
"""What is held in memory at once: answers of this many rows and characters."""


def read_scorecard(reader: ArchiveReader, job_id: str, labels: Sequence[str] | None, note: Note) -> Scorecard:
    """Score an archive; raises InputError that names the piece when the rows are missing or damaged."""
    with named_damage("output.tar.gz"):
        pieces = find_pieces(reader.names())
    service = read_service(reader, pieces.results)
    rejects: list[Reject] = []
    if pieces.rows is not None:
        card = score_rows(job_id, _rows(reader, pieces.rows, rejects), labels, note)
    elif service.figures and service.task not in ("", GEN_QA):
        card = _without_rows(job_id, labels, service.task)
    else:
        raise damaged(ROWS_FILE, "it is not under any eval_results folder")
    findings = (*pieces.findings, *service.findings, *_rejected(rejects), *card.findings)
    return card.model_copy(update={"task": service.task, "service": service.figures or {}, "findings": findings})


def _without_rows(job_id: str, labels: Sequence[str] | None, task: str) -> Scorecard:
    message = f"our own scores per row: task {task} writes no {ROWS_FILE}"
    finding = Finding(rule="EVAL-rows", severity="not_checked", message=message)
    return Scorecard(job_id=job_id, asked_labels=tuple(labels) if labels is not None else None, findings=(finding,))


def _rows(reader: ArchiveReader, name: str, rejects: list[Reject]) -> list[Row]:
    rows: list[Row] = []
    chars = 0
    with named_damage(name), reader.open(name) as stream:
        for found in read_rows(stream):
            if isinstance(found, Reject):
                rejects.append(found)
            else:
                rows.append(found)
                chars += len(found.output) + len(found.prompt)
            if len(rows) + len(rejects) > MOST_ROWS or chars > MOST_CHARS:
                raise damaged(name, f"it has more than {MOST_ROWS} rows or {MOST_CHARS} characters")
    if not rows:
        raise damaged(name, "no line of it is a row")
    return rows


def _rejected(rejects: list[Reject]) -> list[Finding]:
    by_reason: dict[str, list[int]] = {}
    for reject in rejects:
        by_reason.setdefault(reject.reason, []).append(reject.line)
    return [
        Finding(
            rule="EVAL-rows",
            severity="warn",
            message=f"{len(lines)} lines were not scored: {reason} (lines {', '.join(map(str, lines[:10]))})",
            line=lines[0],
            count=len(lines),
        )
        for reason, lines in by_reason.items()
    ]
