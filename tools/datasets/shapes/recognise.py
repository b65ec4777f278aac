"""Recognise what rows are by their shape."""

from collections import Counter
from collections.abc import Sequence

from novaforge.tools.datasets.formats.base import all_objects
from novaforge.tools.datasets.rows import JsonRow, Line

HEAD_ROWS = 200
"""Rows looked at to recognise the shape."""

TARGETS: dict[str, list[str]] = {
    "table": ["SFT_LORA", "RFT_LORA", "EVALUATION"],
    "converse": ["SFT_LORA"],
    "rft": ["RFT_LORA"],
    "gen_qa": ["EVALUATION", "SFT_LORA", "RFT_LORA"],
    "openai_chat": [],
    "unknown": [],
}
"""Shape to the methods it can be transformed for now, the most natural one first."""


def shape_of_row(row: JsonRow) -> str:
    """Return the shape of one JSON row."""
    messages = row.get("messages")
    if messages is not None:
        return _chat_shape(row, messages)
    if isinstance(row.get("query"), str) and isinstance(row.get("response"), str):
        return "gen_qa"
    return "table" if row else "unknown"


def recognise(head: Sequence[Line], header: Sequence[str] | None = None) -> tuple[str, int]:
    """Return the most frequent shape of the first rows, and how many of them have another one; a header is a table's."""
    if header is not None:
        return "table", 0
    counts = Counter(shape_of_row(line.record) for line in head if isinstance(line.record, dict))
    if not counts:
        return "unknown", 0
    shape, rows = counts.most_common(1)[0]
    return shape, len(head) - rows


def _chat_shape(row: JsonRow, messages: object) -> str:
    if not all_objects(messages) or not messages:
        return "unknown"
    assert isinstance(messages, list)
    contents = [message.get("content") for message in messages]
    converse = any(all_objects(content) and content and "type" not in content[0] for content in contents)
    if "schemaVersion" in row or converse:
        return "converse"
    return "rft" if "reference_answer" in row else "openai_chat"
