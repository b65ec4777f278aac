"""Score rows: word scores, BLEU counts and labels, within a bounded time."""

from collections.abc import Callable, Sequence

from novaforge.guards.findings import Finding, Severity
from novaforge.guards.values import sha256_text
from novaforge.tools.evaluation.bleu import row_counts
from novaforge.tools.evaluation.labels import NONE, Labels, given_labels, inferred_labels
from novaforge.tools.evaluation.overlap import EXACT, ROUGE, lcs_cells, rouge_scorer, text_scores
from novaforge.tools.evaluation.rows import Row
from novaforge.tools.evaluation.samples import worst_samples
from novaforge.tools.evaluation.scorecard import Scorecard

Note = Callable[[float, str], None]
"""Told the share done and what is being done."""

LCS_CELLS_LIMIT = 40_000_000
"""ROUGE-L fills one table cell per pair of tokens, in Python: 7 million a second, so about six seconds."""

CHARS_LIMIT = 20_000_000
"""ROUGE-1, ROUGE-2 and BLEU read 3 million characters a second, so about seven seconds."""


def score_rows(job_id: str, rows: Sequence[Row], asked: Sequence[str] | None, note: Note) -> Scorecard:
    """Score rows; labels are those asked for, or inferred from the gold answers."""
    found = given_labels(asked) if asked is not None else inferred_labels([row.gold for row in rows])
    labels = found if isinstance(found, Labels) else None
    gold_labels = tuple(labels.exactly(row.gold) for row in rows) if labels else ()
    predictions = tuple(labels.named_in(row.output) for row in rows) if labels else ()
    names = labels.names if labels else ()
    note(0.1, "scoring answers")
    kinds, findings = _affordable(rows)
    scores = _word_scores(rows, kinds, note)
    note(0.8, "counting n-grams")
    return Scorecard(
        job_id=job_id,
        asked_labels=tuple(asked) if asked is not None else None,
        untrusted_ids=tuple(row.row_id for row in rows),
        prompts=tuple(row.prompt_key for row in rows),
        golds=tuple(sha256_text(row.gold)[:16] for row in rows),
        gold_words=tuple(len(row.gold.split()) for row in rows),
        chars=tuple(len(row.output.strip()) for row in rows),
        scores=scores,
        bleu=tuple(row_counts([row.gold for row in rows], [row.output for row in rows])) if kinds else (),
        untrusted_labels=names,
        gold_labels=gold_labels,
        predictions=predictions,
        findings=(*findings, *_label_findings(found, gold_labels, predictions)),
        untrusted_samples=worst_samples(rows, scores, names, gold_labels, predictions),
    )


def _affordable(rows: Sequence[Row]) -> tuple[tuple[str, ...], list[Finding]]:
    """Return the ROUGE kinds that do not take too long, and a "not checked" for what is left out."""
    if sum(len(row.gold) + len(row.output) for row in rows) > CHARS_LIMIT:
        return (), [_too_long("rouge1, rouge2, rougeL and bleu")]
    if sum(lcs_cells(row.gold, row.output) for row in rows) > LCS_CELLS_LIMIT:
        return ROUGE[:2], [_too_long("rougeL")]
    return ROUGE, []


def _too_long(what: str) -> Finding:
    message = f"{what}: the answers are so long that it would take minutes; see the service's own figures"
    return Finding(rule="EVAL-long", severity="not_checked", message=message)


def _word_scores(rows: Sequence[Row], kinds: tuple[str, ...], note: Note) -> dict[str, tuple[float, ...]]:
    columns = zip(*(text_scores(row.gold, row.output) for row in rows), strict=True)
    scores = dict(zip(EXACT, columns, strict=True))
    if not kinds:
        return scores
    scorer = rouge_scorer(kinds)
    measured: dict[str, list[float]] = {kind: [] for kind in kinds}
    for place, row in enumerate(rows):
        scored = scorer.score(row.gold, row.output)
        for kind in kinds:
            measured[kind].append(float(scored[kind].fmeasure))
        if place % 500 == 0:
            note(0.1 + 0.7 * place / len(rows), "ROUGE")
    return scores | {kind: tuple(values) for kind, values in measured.items()}


def _label_findings(labels: Labels | str, golds: Sequence[int], predictions: Sequence[int]) -> list[Finding]:
    if isinstance(labels, str):
        fix = "pass labels if these are labels"
        return [Finding(rule="EVAL-labels", severity="info", message=f"no label figures: {labels}", fix=fix)]
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
