"""Read the rows a reward function is tried on, and predictions to score."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.progress import refuse_cancelled
from novaforge.tools.evaluation.rows import literal, single_text
from novaforge.tools.lines import bounded_lines
from novaforge.tools.rewards.candidates import labels_of, row_id

SCAN_ROWS = 5000
"""Rows looked at for labels and for drawing the sample; the first ones of the file."""
SCAN_BYTES = 64 * 1024 * 1024
"""What is read of a file at most, however long its rows are: a few seconds from anywhere."""
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
        beginning = _Beginning(ctx, stream)
        for number, row, problem in _rows(beginning):
            if row is None:
                bad.setdefault(problem, []).append(number)
            else:
                good.append(row)
        more = beginning.goes_on()
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
    if more:
        findings.append(_only_the_first(len(good) + sum(map(len, bad.values()))))
    return Sample([good[place] for place in places], places, labels_of(good), len(good), findings)


def read_predictions(ctx: ToolContext, given: str | Sequence[str], sample: Sample) -> list[str]:
    """Return one prediction per sampled row: matched by id where the file has ids, else by place in the data.

    Raises InputError when there are fewer predictions than needed.
    """
    more = False
    if isinstance(given, str):
        found, more = _from_file(ctx, given, sample)
    else:
        found = [given[place] if place < len(given) else None for place in sample.places]
    missing = found.count(None)
    if missing:
        raise InputError(
            f"{missing} of {len(found)} sampled rows have no prediction"
            + (f" in the first {SCAN_BYTES >> 20} MiB of the file, and no more is read." if more else "."),
            field="predictions",
            value=given if isinstance(given, str) else len(given),
            fix="give one prediction per row of data, in its order, or JSONL rows {id, prediction}",
        )
    return [text for text in found if text is not None]


def _from_file(ctx: ToolContext, uri: str, sample: Sample) -> tuple[list[str | None], bool]:
    """Return what a file predicts for each sampled row, and whether it goes on; reads no further than the last one of them."""
    names = [row_id(row, place) for row, place in zip(sample.rows, sample.places, strict=True)]
    wanted, places = set(names), set(sample.places)
    by_id: dict[str, str] = {}
    by_place: dict[int, str] = {}
    has_ids = False
    with ctx.storage.open(uri) as stream:
        beginning = _Beginning(ctx, stream)
        for place, (number, item) in enumerate(_objects(beginning, None)):
            text, name = _prediction(item, number), item.get("id") if isinstance(item, dict) else None
            name = name if isinstance(name, str) else None
            has_ids = has_ids or name is not None
            if name in wanted:
                by_id[name] = text
            if place in places:
                by_place[place] = text
            if len(by_id) == len(wanted) if has_ids else place >= sample.places[-1]:
                break
        more = beginning.goes_on()
    return [by_id.get(n) for n in names] if has_ids else [by_place.get(place) for place in sample.places], more


class _Beginning:
    """The beginning of a file, in whole lines; reading it ends when nobody waits for it any more."""

    def __init__(self, ctx: ToolContext, stream: BinaryIO) -> None:
        self._ctx = ctx
        self._stream = stream
        self._left = SCAN_BYTES

    def readline(self, size: int, /) -> bytes:
        """Return up to `size` bytes of a line, none when enough was read. Raises CancelledError."""
        refuse_cancelled(self._ctx)
        line = self._stream.readline(size) if self._left > 0 else b""
        self._left -= len(line)
        return line

    def goes_on(self) -> bool:
        """Tell whether the file has more than was read."""
        return bool(self._stream.read(1))


def _rows(beginning: _Beginning) -> Iterator[tuple[int, JsonObject | None, str]]:
    for number, item in _objects(beginning, SCAN_ROWS):
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


def _objects(beginning: _Beginning, lines: int | None) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(islice(bounded_lines(beginning, LINE_BYTES), lines), start=1):
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


def _only_the_first(rows: int) -> Finding:
    return Finding(
        rule="data",
        severity="info",
        message=f"the file is larger: the labels and the sample are those of its first {rows} rows",
        fix="to try other rows, give a file of them",
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
