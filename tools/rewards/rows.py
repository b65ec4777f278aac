"""Read the rows a reward function is tried on, and predictions to score."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.evaluation.rows import literal, single_text
from novaforge.tools.lines import bounded_lines
from novaforge.tools.rewards.candidates import labels_of, row_id

SCAN_ROWS = 5000
"""Rows looked at for labels and for drawing the sample; the first ones of the file."""
LINE_BYTES = 1024 * 1024
PREDICTION_KEYS = ("prediction", "inference", "response", "text")


@dataclass(frozen=True)
class Sample:
    """Rows drawn from a file, the labels seen in it, and what could not be read."""

    rows: list[JsonObject]
    places: list[int]
    labels: list[str]
    scanned: int
    findings: list[Finding]


def read_sample(ctx: ToolContext, uri: str, samples: int) -> Sample:
    """Draw `samples` rows from the first rows of an RFT file; always the same ones for the same file.

    Raises InputError when no row can be used.
    """
    good: list[JsonObject] = []
    bad: dict[str, list[int]] = {}
    with ctx.storage.open(uri) as stream:
        for number, row, problem in _rows(stream):
            if row is None:
                bad.setdefault(problem, []).append(number)
            else:
                good.append(row)
            if number >= SCAN_ROWS:
                break
    if not good:
        reasons = "; ".join(f"{reason} (line {lines[0]})" for reason, lines in bad.items()) or "the file is empty"
        raise InputError(
            f"{uri} has no row a reward function could score: {reasons}.",
            field="data",
            value=uri,
            fix="give the JSONL that transform_dataset writes for RFT_LORA",
        )
    places = sorted(random.Random(0).sample(range(len(good)), min(samples, len(good))))
    findings = [_unreadable(reason, lines) for reason, lines in bad.items()]
    return Sample([good[place] for place in places], places, labels_of(good), len(good), findings)


def read_predictions(ctx: ToolContext, given: str | Sequence[str], sample: Sample) -> list[str]:
    """Return one prediction per sampled row: matched by id where the file has ids, else by place in the data.

    Raises InputError when there are fewer predictions than needed.
    """
    by_id: dict[str, str] = {}
    ordered: list[str] = []
    if isinstance(given, str):
        with ctx.storage.open(given) as stream:
            for number, item in _objects(stream):
                text = _prediction(item, number)
                ordered.append(text)
                if isinstance(item, dict) and isinstance(item.get("id"), str):
                    by_id[item["id"]] = text
    else:
        ordered = list(given)
    found = [
        by_id.get(row_id(row, place)) if by_id else (ordered[place] if place < len(ordered) else None)
        for row, place in zip(sample.rows, sample.places, strict=True)
    ]
    missing = found.count(None)
    if missing:
        raise InputError(
            f"{missing} of {len(found)} sampled rows have no prediction.",
            field="predictions",
            value=len(ordered),
            fix="give one prediction per row of data, in its order, or JSONL rows {id, prediction}",
        )
    return [text for text in found if text is not None]


def _rows(stream: BinaryIO) -> Iterator[tuple[int, JsonObject | None, str]]:
    for number, item in _objects(stream):
        if isinstance(item, _Unreadable):
            yield number, None, item.reason
        elif not isinstance(item, dict) or not isinstance(item.get("messages"), list) or not item["messages"]:
            yield number, None, "no messages"
        elif not item.get("reference_answer"):
            yield number, None, "no reference_answer"
        else:
            yield number, item, ""


@dataclass(frozen=True)
class _Unreadable:
    reason: str


def _objects(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(bounded_lines(stream, LINE_BYTES), start=1):
        if line is None:
            yield number, _Unreadable("longer than 1 MiB")
        elif line.strip():
            yield number, _parsed(line)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return _Unreadable("not UTF-8")
    except (ValueError, RecursionError):
        return _Unreadable("not JSON")


def _prediction(item: Any, number: int) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        for key in PREDICTION_KEYS:
            if isinstance(item.get(key), str):
                return single_text(literal(item[key])) if key == "inference" else str(item[key])
    keys = ", ".join(PREDICTION_KEYS)
    raise InputError(
        f"Line {number} of the predictions is neither a string nor an object with one of {keys}.",
        field="predictions",
        value=number,
        fix='write one JSON line {"id": ..., "prediction": "..."} per row',
    )


def _unreadable(reason: str, lines: Sequence[int]) -> Finding:
    shown = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
    return Finding(
        rule="data",
        severity="warn",
        message=f"{len(lines)} rows were left out: {reason} (lines {shown})",
        line=lines[0],
        count=len(lines),
        fix="run validate_dataset",
    )
