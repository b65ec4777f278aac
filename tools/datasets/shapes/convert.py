"""Choose how the records of a source become rows of a format."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.datasets.chats.openai import OpenAiReader
from novaforge.tools.datasets.chats.preference import PairReader
from novaforge.tools.datasets.chats.rows import ChatRows
from novaforge.tools.datasets.chats.sharegpt import ShareGptReader
from novaforge.tools.datasets.chats.single import JoinedReader
from novaforge.tools.datasets.chats.table import TableReader, media_column
from novaforge.tools.datasets.formats.cpt import CPT
from novaforge.tools.datasets.rows import ROW_BYTES, Finished, Line, Reject
from novaforge.tools.datasets.shapes.columns import (
    Mapping,
    check_usable,
    map_columns,
    normalise,
    propose,
    resolve,
    shown,
)
from novaforge.tools.datasets.shapes.evidence import lacks_version
from novaforge.tools.datasets.shapes.mapped import MappedRows
from novaforge.tools.datasets.shapes.pairs import PairedRows
from novaforge.tools.datasets.shapes.readers import Reading, reading, unused_keys
from novaforge.tools.datasets.shapes.ready import ReadyRows
from novaforge.tools.datasets.shapes.recognise import TARGETS, look, records_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from novaforge.tools.arguments import Columns
    from novaforge.tools.datasets.formats.base import RowFormat
    from novaforge.tools.datasets.media.target import MediaTarget
    from novaforge.tools.datasets.reading.source import Source
    from novaforge.tools.datasets.rows import JsonRow
    from novaforge.tools.datasets.shapes.base import Converter
    from novaforge.tools.datasets.shapes.pairs import Pairs

_CHAT_COLUMNS = {"messages", "tools", "system", "response", "id", "metadata"}
"""Logical names that can be given together with messages."""


def converter(
    source: Source,
    head: Sequence[Line],
    columns: Columns | None,
    row_format: RowFormat,
    system_prompt: str | None,
    pairs: Pairs | None = None,
    media: MediaTarget | None = None,
) -> Converter:
    """Return how the rows of a source become rows of a format.

    Raises InputError for a mapping that does not fit, RefusedError for a shape whose meaning does not allow the format.
    """
    # Inspection proposes no columns for most shapes, and what it proposes may be handed back as it is.
    columns = columns or None
    found = look(head, source.columns)
    records = records_of(head, source.columns)
    if pairs is not None:
        return _paired(source, found.shape, row_format, pairs)
    if columns is None and source.columns is None and _is_ready(found.shape, row_format, records):
        return _ready(row_format, system_prompt)
    chosen = None
    if columns is not None:
        chosen = _by_columns(columns, records, row_format, source)
    if columns is None and found.shape not in ("table", "unknown"):
        refuse_meaning(source.uri, found.shape, row_format)
        chosen = reading(found.shape, records, row_format.name)
    if columns is None and found.shape == "table":
        chosen = _joined(records) if row_format.name == "cpt" else _with_media(records, row_format)
    if chosen is None or row_format.name == "llm_judge":
        return _mapped(source, records, columns, row_format, system_prompt)
    made = ChatRows(
        chosen.reader, row_format, source.columns, source.stem, system_prompt, media, chosen.notes, _keys(records),
        unused_keys(found.shape, records, row_format.name, chosen.reader) if columns is None else (),
    )  # fmt: skip
    made.expand = chosen.expand
    if columns is not None:
        made.mapping = Mapping(normalise(columns), given=True)
    elif isinstance(chosen.reader, TableReader):
        made.mapping = Mapping(chosen.reader.columns, given=False, present=tuple(_keys(records)))
    _try(made, head, source.uri, row_format)
    return made


def refuse_meaning(uri: str, shape: str, row_format: RowFormat) -> None:
    """Raise RefusedError when rows of a shape do not hold what the format needs."""
    method = row_format.method.replace("_FULL", "_LORA")
    reason = _WHY_NOT.get(row_format.name, {}).get(shape) or (
        "" if method in TARGETS[shape] else "the rows do not hold what it needs"
    )
    if row_format.name == "llm_judge" and shape != "llm_judge":
        reason = reason or "judge pairs need the answers of two models"
    if reason:
        works = ", ".join(TARGETS[shape]) or "none"
        raise RefusedError(
            f"{uri} has the shape {shape}, which cannot become rows for {row_format.method}: {reason}.",
            rule="data-conversion",
            fix=f"{_FIX.get(row_format.name, '')}targets of this shape: {works}; columns can map any keys with text",
        )


def check_system_prompt(system_prompt: str | None) -> None:
    """Raise InputError for a system prompt that cannot be written."""
    if system_prompt is None:
        return
    if not system_prompt.strip():
        raise InputError("system_prompt is blank.", field="system_prompt", value=system_prompt, fix="leave it out")
    try:
        size = len(system_prompt.encode("utf-8"))
    except UnicodeEncodeError as error:
        message = "system_prompt holds half a character (a lone surrogate)."
        raise InputError(message, field="system_prompt", fix="give valid Unicode text") from error
    if size > ROW_BYTES // 2:
        raise InputError("system_prompt is over 500 kB.", field="system_prompt", value=size, fix="shorten it")


def _ready(row_format: RowFormat, system_prompt: str | None) -> ReadyRows:
    if system_prompt is not None:
        message = f"The rows are {row_format.name} rows already; they are passed on as they are."
        raise InputError(message, field="system_prompt", value=system_prompt, fix="leave system_prompt out")
    return ReadyRows(row_format)


def _is_ready(shape: str, row_format: RowFormat, records: Sequence[JsonRow]) -> bool:
    if lacks_version(shape, records):
        return False
    text = shape == "text" and row_format.name == "cpt"
    return shape == row_format.name or (text and all("text" in record for record in records))


def _paired(source: Source, shape: str, row_format: RowFormat, pairs: Pairs) -> PairedRows:
    if row_format.name != "llm_judge":
        message = "pair_with makes judge pairs of two evaluation outputs."
        raise InputError(message, field="pair_with", fix='give method="EVALUATION", task="llm_judge", or leave it out')
    if shape != "evaluation_output":
        message = f"{source.uri} has the shape {shape}, not that of an evaluation's inference_output.jsonl."
        raise InputError(
            message, field="source", value=source.uri, fix="give the baseline's job id or inference_output.jsonl"
        )
    return PairedRows(row_format, pairs)


def _by_columns(columns: Columns, records: Sequence[JsonRow], row_format: RowFormat, source: Source) -> Reading | None:
    """Return how records are read with messages, images, or a pair with messages, at given keys; None for columns of text."""
    wanted = normalise(columns)
    if "messages" in wanted:
        if more := sorted(wanted.keys() - _CHAT_COLUMNS):
            message = f"columns has {', '.join(more)} beside messages."
            raise InputError(message, field="columns", value=more, fix=f"usable: {', '.join(sorted(_CHAT_COLUMNS))}")
        key = wanted["messages"]
        if not any(key in record for record in records):
            raise InputError(f"No row has the key {shown([key])}.", field="columns", value=key, fix=_available(records))
        if any(_from_value(record.get(key)) for record in records):
            return Reading(ShareGptReader(key))
        answers = (wanted["response"],) if "response" in wanted else ()
        return Reading(
            OpenAiReader(
                key,
                wanted.get("tools", "tools"),
                wanted.get("system", ""),
                answers,
                wanted.get("id", "id"),
                wanted.get("metadata", ""),
            )
        )
    if "images" in wanted:
        check_usable(wanted, row_format)
        optional = row_format.optional if source.columns is None else ()
        present = source.columns or _keys(records)
        return Reading(_table_reader(resolve(wanted, present, f"in {source.uri}", optional)))
    if {"chosen", "rejected"} <= wanted.keys():
        lists = any(isinstance(record.get(wanted["chosen"]), list | dict) for record in records)
        if lists:
            return Reading(
                PairReader(wanted["chosen"], wanted["rejected"], tuple(wanted[n] for n in ("query",) if n in wanted))
            )
    return None


def _joined(records: Sequence[JsonRow]) -> Reading | None:
    """Return how question and answer of a table become one running text; None where a column holds the text."""
    present = _keys(records)
    texts = propose(present)
    if "text" in propose(present, CPT) or not {"query", "response"} <= texts.keys():
        return None
    keys = [texts[name] for name in ("system", "query", "response") if name in texts]
    return Reading(JoinedReader(tuple(keys)), (f"the text is {shown(keys)} with a blank line between them",))


def _with_media(records: Sequence[JsonRow], row_format: RowFormat) -> Reading | None:
    """Return how a table with media beside its questions is read; None where there are none, or no place for them."""
    found = media_column(records) if "images" in row_format.fields else ""
    texts = propose([key for key in _keys(records) if key != found], row_format)
    if not found or not set(row_format.required) <= texts.keys():
        return None
    return Reading(_table_reader({**texts, "images": found}))


def _table_reader(columns: Columns) -> TableReader:
    names = ("query", "response", "images", "system", "reasoning", "id", "metadata")
    return TableReader(*(columns.get(name, "") for name in names))


def _mapped(
    source: Source,
    records: Sequence[JsonRow],
    columns: Columns | None,
    row_format: RowFormat,
    system_prompt: str | None,
) -> MappedRows:
    present = source.columns or _keys(records)
    mapping = map_columns(columns, present, row_format)
    # An optional JSON key may first occur further down; whether it occurs at all is known at the end.
    optional = row_format.optional if source.columns is None else ()
    resolved = resolve(mapping.columns, present, f"in {source.uri}", optional)
    return MappedRows(source, Mapping(resolved, mapping.given, tuple(present)), row_format, system_prompt, present)


def _try(made: Converter, head: Sequence[Line], uri: str, row_format: RowFormat) -> None:
    """Raise RefusedError when not one of the first rows can be converted."""
    reasons: Counter[str] = Counter()
    good = 0
    for line in head:
        for one in made.expand(line) if made.expand else (line,):
            result = made.finish(one)
            good += isinstance(result, Finished)
            if isinstance(result, Reject):
                reasons[f"{result.reason} ({result.detail})" if result.detail else result.reason] += 1
        if good:
            break
    made.counts.clear()
    made.begin(0)
    if head and not good:
        told = "; ".join(f"{reason}: {count} rows" for reason, count in reasons.most_common(3))
        raise RefusedError(
            f"None of the first {len(head)} rows of {uri} can become a row for {row_format.method}: {told}.",
            rule="data-conversion",
            fix="correct the rows, or choose another method or model",
        )


def _from_value(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "from" in value[0]


def _keys(records: Sequence[JsonRow]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _available(records: Sequence[JsonRow]) -> str:
    return f"available: {shown(_keys(records))}"


_NO_ANSWER = "the prompts have neither an answer nor a reference answer to learn from or to compare with"
_ONE_ANSWER = "a preference needs two answers to one prompt"
_NO_TURNS = "a running text has no question and no answer"
_WHY_NOT: dict[str, dict[str, str]] = {
    "dpo": {"kto": f"each row judges one answer, and {_ONE_ANSWER}", **dict.fromkeys(
        ("openai_chat", "sharegpt", "alpaca", "converse", "gen_qa", "rft", "prompt_completion"), _ONE_ANSWER)},
    **{name: {"prompts": _NO_ANSWER, "text": _NO_TURNS} for name in ("converse", "rft", "gen_qa")},
}  # fmt: skip
_FIX = {
    "dpo": "give rows with prompt, chosen and rejected; ",
    "rft": "add a key reference_answer to each row; ",
    "llm_judge": "give an evaluation's job id or inference_output.jsonl as source and the other one as pair_with, or columns query, response_A, response_B; ",
}
