"""Make judge pairs of two evaluation outputs: the baseline's rows joined with the candidate's answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.chats.chat import BadRowError
from novaforge.tools.datasets.chats.evaluation import answered, asked
from novaforge.tools.datasets.rows import ROW_BYTES, TOO_LARGE, Finished, Line, Reject
from novaforge.tools.datasets.shapes.base import Converter, TextOf, answer_text, broken, no_column, query_text
from novaforge.tools.datasets.shapes.evidence import shape_of_row
from novaforge.tools.evaluation.rows import row_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from novaforge.guards.findings import Finding
    from novaforge.tools.context import ToolContext
    from novaforge.tools.datasets.formats.base import RowFormat
    from novaforge.tools.datasets.rows import JsonRow

MAX_BYTES = 256 * 1024 * 1024
"""Most text of the candidate's answers that is held; our own limit. An evaluation set has a few thousand rows."""
_UNMATCHED = "the candidate's output has no row of this id or query"
_TWICE = "the candidate's output has several rows of this id or query"


@dataclass
class Pairs:
    """The candidate's answers by row id, or by query where its rows have no id."""

    by_id: bool
    answers: dict[bytes, str | None] = field(default_factory=dict[bytes, "str | None"])
    """None where several rows have one key."""
    rejects: list[Reject] = field(default_factory=list[Reject])

    def key(self, row: JsonRow) -> bytes:
        """Return the key of a row of either output; raises BadRowError."""
        text = row_id(row.get("metadata")) if self.by_id else asked(row)
        if not text:
            raise BadRowError("the row has no id in metadata, and the other output is joined by id", "$.metadata")
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def read_pairs(ctx: ToolContext, uri: str) -> Pairs:
    """Read the candidate's inference_output.jsonl; raises InputError when it is none or too large to be held."""
    from novaforge.tools.datasets.reading.source import open_source

    rejects: list[Reject] = []
    with open_source(ctx, uri, "pair_with") as source:
        rows = list(_rows(source.rows(rejects.append), uri))
        source.identity()
    # By id only when every row has its own; half of it would join some rows one way and some the other.
    ids = [row_id(row.get("metadata")) for _, row in rows]
    pairs = Pairs(all(ids) and len(set(ids)) == len(ids), rejects=rejects)
    for number, row in rows:
        try:
            key = pairs.key(row)
            pairs.answers[key] = None if key in pairs.answers else answered(row)
        except BadRowError as problem:
            rejects.append(Reject(number, problem.reason, problem.path))
    if not pairs.answers:
        raise InputError(
            f"{uri} has no answers to pair with.",
            field="pair_with",
            value=uri,
            fix="give an evaluation's job id or inference_output.jsonl",
        )
    return pairs


class PairedRows(Converter):
    """Joins the baseline's rows with the candidate's answers: response_A is the baseline's, response_B the candidate's."""

    def __init__(self, row_format: RowFormat, pairs: Pairs) -> None:
        super().__init__()
        self._format = row_format
        self._pairs = pairs
        self.notes = (
            f"rows of the two outputs are joined by {'the id in metadata' if pairs.by_id else 'their query'}",
            "reasoning and the markers around an answer are left out",
        )

    def finish(self, line: Line) -> Finished | Reject:
        """Return the pair of a baseline's row, or why there is none."""
        record = line.record
        assert isinstance(record, dict)
        try:
            answer = self._pairs.answers[self._pairs.key(record)]
            query, baseline = asked(record), answered(record)
        except KeyError:
            return Reject(line.number, _UNMATCHED)
        except BadRowError as problem:
            return Reject(line.number, problem.reason, problem.path)
        if answer is None:
            return Reject(line.number, _TWICE)
        row = self._format.build({"query": query, "response_A": baseline, "response_B": answer})
        data = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        if len(data) > ROW_BYTES:
            return Reject(line.number, TOO_LARGE, "as JSON")
        self.counts["matched"] += 1
        hits = self._format.check(row)
        return broken(line, hits) or Finished(data, row, query, answer, hits)

    def findings(self) -> list[Finding]:
        """Return how many of the candidate's rows found no partner."""
        from novaforge.guards.findings import Finding

        found: list[Finding] = []
        alone = len(self._pairs.answers) - self.counts["matched"]
        if alone > 0:
            message = f"the candidate's output has {alone} rows without a partner in the baseline's"
            found.append(Finding(rule="source-pairs", severity="warn", message=message, count=alone))
        if rejects := self._pairs.rejects:
            message = f"rows of the candidate's output left out: {rejects[0].reason}, line {rejects[0].line} first"
            found.append(Finding(rule="source-pairs", severity="warn", message=message, count=len(rejects)))
        return found

    def _text_of(self, column: str, argument: str) -> TextOf:
        texts = {"query": query_text, "response_B": answer_text}
        if column not in texts:
            raise no_column(column, list(texts), argument)
        return texts[column]


def _rows(lines: Iterable[Line], uri: str) -> Iterable[tuple[int, JsonRow]]:
    held = 0
    for line in lines:
        record = line.record
        if not isinstance(record, dict) or shape_of_row(record) != "evaluation_output":
            message = f"{uri} is no evaluation output: line {line.number} lacks prompt, inference or gold."
            raise InputError(
                message, field="pair_with", value=uri, fix="give an evaluation's job id or inference_output.jsonl"
            )
        held += len(line.raw)
        if held > MAX_BYTES:
            message = f"{uri} has more than {MAX_BYTES} bytes of answers, which are held in memory to be joined."
            raise InputError(message, field="pair_with", value=uri, fix="give a smaller evaluation")
        yield line.number, record
