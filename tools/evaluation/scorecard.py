"""Everything kept of one evaluation: a column per score, so that any subset of rows can be reported or compared."""

from collections.abc import Callable, Sequence
from itertools import islice

from pydantic import Field, JsonValue

from novaforge.guards.findings import Finding, Severity
from novaforge.guards.text import NOTICE
from novaforge.guards.values import Frozen, JsonObject, sha256_text
from novaforge.tools.evaluation.archive import ArchiveReader, damaged, find_pieces, named_damage, read_service
from novaforge.tools.evaluation.bleu import row_counts
from novaforge.tools.evaluation.labels import NONE, Labels, given_labels, inferred_labels
from novaforge.tools.evaluation.overlap import EXACT, LCS_CELLS_LIMIT, ROUGE, lcs_cells, rouge_scorer, text_scores
from novaforge.tools.evaluation.rows import Reject, Row, read_rows
from novaforge.tools.evaluation.samples import worst_samples

VERSION = "novaforge.evaluation/1"
GEN_QA = "gen_qa_gen_qa"
MOST_ROWS = 100_000
Note = Callable[[float, str], None]
"""Told the share done and what is being done."""


class Scorecard(Frozen):
    """One evaluation as columns with one entry per row; texts from outside are cleaned, capped and called untrusted.

    prompts and golds are hashes. gold_labels and predictions are indexes into untrusted_labels, -1 for none; bleu
    holds the counts of bleu.row_counts.
    """

    version: str = VERSION
    job_id: str
    asked_labels: tuple[str, ...] | None
    task: str
    service: dict[str, float]
    notice: str = NOTICE
    untrusted_ids: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    golds: tuple[str, ...] = ()
    gold_words: tuple[int, ...] = ()
    chars: tuple[int, ...] = ()
    scores: dict[str, tuple[float, ...]] = Field(default_factory=dict[str, tuple[float, ...]])
    bleu: tuple[tuple[int, ...], ...] = ()
    untrusted_labels: tuple[str, ...] = ()
    gold_labels: tuple[int, ...] = ()
    predictions: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    untrusted_samples: tuple[JsonObject, ...] = ()


def read_scorecard(reader: ArchiveReader, job_id: str, labels: Sequence[str] | None, note: Note) -> Scorecard:
    """Score an archive; raises InputError that names the piece when the rows are missing or damaged."""
    with named_damage("output.tar.gz"):
        pieces = find_pieces(reader.names())
    service = read_service(reader, pieces.results)
    findings = [*pieces.findings, *service.findings]
    asked = tuple(labels) if labels is not None else None
    if pieces.rows is None:
        if not service.figures or service.task in ("", GEN_QA):
            raise damaged("inference_output.jsonl", "it is not under any eval_results folder")
        # Only gen_qa writes its answers to this file; other tasks have the service's figures alone.
        findings.append(_not_checked(f"task {service.task} writes no inference_output.jsonl"))
        return _empty(job_id, asked, service.task, service.figures, findings)
    rows = _rows(reader, pieces.rows, findings)
    scored = score_rows(job_id, rows, labels, note)
    return scored.model_copy(
        update={
            "task": service.task,
            "service": service.figures or {},
            "findings": (*findings, *scored.findings),
        }
    )


def _empty(
    job_id: str, asked: tuple[str, ...] | None, task: str, figures: dict[str, float], findings: list[Finding]
) -> Scorecard:
    return Scorecard(job_id=job_id, asked_labels=asked, task=task, service=figures, findings=tuple(findings))


def _not_checked(why: str) -> Finding:
    return Finding(rule="EVAL-rows", severity="not_checked", message=f"our own scores per row: {why}")


def _rows(reader: ArchiveReader, name: str, findings: list[Finding]) -> list[Row]:
    with named_damage(name), reader.open(name) as stream:
        found = list(islice(read_rows(stream), MOST_ROWS + 1))
    if len(found) > MOST_ROWS:
        raise damaged(name, f"it has more than {MOST_ROWS} rows")
    rows = [row for row in found if isinstance(row, Row)]
    if not rows:
        raise damaged(name, "no line of it is a row")
    findings.extend(_rejected([row for row in found if isinstance(row, Reject)]))
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


def score_rows(job_id: str, rows: Sequence[Row], asked: Sequence[str] | None, note: Note) -> Scorecard:
    """Score rows; labels are those asked for, or inferred from the gold answers."""
    found = given_labels(asked) if asked is not None else inferred_labels([row.gold for row in rows])
    findings: list[Finding] = []
    labels = found if isinstance(found, Labels) else None
    if isinstance(found, str):
        message = f"no label figures: {found}"
        findings.append(Finding(rule="EVAL-labels", severity="info", message=message, fix="pass labels to set them"))
    gold_labels = tuple(labels.exactly(row.gold) for row in rows) if labels else ()
    predictions = tuple(labels.named_in(row.output) for row in rows) if labels else ()
    findings.extend(_label_findings(gold_labels, predictions))
    note(0.1, "scoring answers")
    scores = _scores(rows, findings, note)
    return Scorecard(
        job_id=job_id,
        asked_labels=tuple(asked) if asked is not None else None,
        task="",
        service={},
        untrusted_ids=tuple(row.row_id for row in rows),
        prompts=tuple(row.prompt_key for row in rows),
        golds=tuple(sha256_text(row.gold)[:16] for row in rows),
        gold_words=tuple(len(row.gold.split()) for row in rows),
        chars=tuple(len(row.output.strip()) for row in rows),
        scores=scores,
        bleu=tuple(row_counts([row.gold for row in rows], [row.output for row in rows])),
        untrusted_labels=labels.names if labels else (),
        gold_labels=gold_labels,
        predictions=predictions,
        findings=tuple(findings),
        untrusted_samples=worst_samples(rows, scores, labels.names if labels else (), gold_labels, predictions),
    )


def _scores(rows: Sequence[Row], findings: list[Finding], note: Note) -> dict[str, tuple[float, ...]]:
    columns = zip(*(text_scores(row.gold, row.output) for row in rows), strict=True)
    scores = dict(zip(EXACT, columns, strict=True))
    kinds: tuple[str, ...] = ROUGE
    if sum(lcs_cells(row.gold, row.output) for row in rows) > LCS_CELLS_LIMIT:
        kinds = ROUGE[:2]
        message = "rougeL: the answers are so long that it would take minutes; see the service's own figure"
        findings.append(Finding(rule="EVAL-rouge", severity="not_checked", message=message))
    scorer = rouge_scorer(kinds)
    measured: dict[str, list[float]] = {kind: [] for kind in kinds}
    for place, row in enumerate(rows):
        scored = scorer.score(row.gold, row.output)
        for kind in kinds:
            measured[kind].append(float(scored[kind].fmeasure))
        if place % 500 == 0:
            note(0.1 + 0.7 * place / len(rows), "ROUGE")
    return scores | {kind: tuple(values) for kind, values in measured.items()}


def _label_findings(golds: Sequence[int], predictions: Sequence[int]) -> list[Finding]:
    foreign, silent = golds.count(NONE), predictions.count(NONE)
    found: list[Finding] = []
    if foreign:
        message = f"{foreign} gold answers are none of the labels; those rows are left out of the label figures"
        found.append(Finding(rule="EVAL-labels", severity="warn", message=message, count=foreign))
    if silent:
        message = f"{silent} of {len(predictions)} answers name no label, or more than one: no valid prediction"
        severity: Severity = "warn" if 10 * silent > len(predictions) else "info"
        found.append(Finding(rule="EVAL-labels", severity=severity, message=message, count=silent))
    return found


def stored(card: Scorecard) -> JsonObject:
    """Return the scorecard as the ledger keeps it."""
    data: dict[str, JsonValue] = card.model_dump(mode="json")
    return data
