"""Recognise what rows are, by evidence over the first of them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from novaforge.tools.datasets.rows import JsonRow, Line
from novaforge.tools.datasets.shapes.evidence import CHAT_KEYS, shape_of_header, shape_of_row

__all__ = ["HEAD_ROWS", "TARGETS", "Recognition", "fits", "look", "records_of", "shape_of_row"]

HEAD_ROWS = 200
"""Rows looked at to recognise the shape."""

TARGETS: dict[str, list[str]] = {
    "table": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "converse": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "rft": ["RFT_LORA", "SFT_LORA", "EVALUATION", "RFT_MULTITURN_LORA", "CPT"],
    "gen_qa": ["EVALUATION", "SFT_LORA", "RFT_LORA", "CPT", "RFT_MULTITURN_LORA"],
    "openai_chat": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "sharegpt": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "alpaca": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "self_instruct": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "prompt_completion": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "preference": ["DPO_LORA", "SFT_LORA", "RFT_LORA", "EVALUATION"],
    "kto": ["SFT_LORA", "RFT_LORA", "EVALUATION"],
    "dpo": ["DPO_LORA", "SFT_LORA"],
    "prompts_with_answers": ["RFT_LORA", "SFT_LORA", "EVALUATION", "RFT_MULTITURN_LORA"],
    "prompts": ["RFT_MULTITURN_LORA"],
    "rft_multiturn": ["RFT_MULTITURN_LORA", "RFT_LORA", "SFT_LORA", "EVALUATION"],
    "rft_flat": ["RFT_MULTITURN_LORA", "RFT_LORA", "SFT_LORA", "EVALUATION"],
    "llm_judge": ["EVALUATION"],
    "bedrock_log": ["SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "RFT_MULTITURN_LORA"],
    "evaluation_output": ["EVALUATION"],
    "text": ["CPT"],
    "unknown": [],
}
"""Shape to the methods it can be transformed for, the most natural one first; *_FULL goes where *_LORA goes."""
_ALSO = {
    "rft": {"prompts", "prompts_with_answers", "openai_chat"},
    "cpt": {"text"},
    "rft_flat": {"prompt_completion", "llm_judge"},
}
"""Format to shapes whose rows are valid in it too: RFT rows need no reference answer, and may have other keys."""


def fits(shape: str, format_name: str) -> bool:
    """Tell whether rows of a shape can be rows of a format as they are."""
    return shape in ("unknown", format_name) or shape in _ALSO.get(format_name, ())


class Recognition(NamedTuple):
    """The shape of the first rows, how many have another one, and what speaks for it."""

    shape: str
    others: int
    rows: int
    shapes: dict[str, int]
    keys: dict[str, int]
    """Keys of the first rows and in how many of them they are."""

    def why(self) -> str:
        """Return the evidence in words; keys come from the file and are left out."""
        told = ", ".join(f"{name} in {count}" for name, count in self.shapes.items())
        return f"of the first {self.rows} rows: {told}"


def records_of(head: Sequence[Line], header: Sequence[str] | None) -> list[JsonRow]:
    """Return the first rows as objects, table rows by their header; turns that stand there as JSON text are read."""
    found: list[JsonRow] = []
    for line in head:
        record: Any = line.record
        found.append(_opened(record if isinstance(record, dict) else dict(zip(header or (), record, strict=False))))
    return found


def _opened(record: JsonRow) -> JsonRow:
    """Return a record with its turns as a list; readers take both."""
    for key in CHAT_KEYS:
        text = record.get(key)
        if isinstance(text, str) and text[:1] == "[":
            try:
                return {**record, key: orjson.loads(text)}
            except orjson.JSONDecodeError:
                continue
    return record


def look(head: Sequence[Line], header: Sequence[str] | None = None) -> Recognition:
    """Return what the first rows are and why; a table of plain cells is told by its header."""
    records = records_of(head, header)
    keys = Counter(key for record in records for key in record)
    if header is not None and not any(
        isinstance(value, list | dict) for record in records for value in record.values()
    ):
        shape = shape_of_header(list(header))
        return Recognition(shape, 0, len(records), {shape: len(records)}, dict(keys))
    shapes = Counter(map(shape_of_row, records))
    if not shapes:
        return Recognition("unknown", 0, 0, {}, {})
    shape, rows = shapes.most_common(1)[0]
    return Recognition(shape, len(records) - rows, len(records), dict(shapes.most_common()), dict(keys))
