"""Read inference_output.jsonl: one generated answer per line, with its prompt, gold answer and metadata."""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from novaforge.guards.text import one_line
from novaforge.guards.values import sha256_text
from novaforge.tools.lines import bounded_lines

BEGIN = "<|begin_of_solution|>"
END = "<|end_of_solution|>"
"""Nova wraps the final answer in these; they are not part of it."""

MAX_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One evaluated row; prompt is the last user message, prompt_key identifies the whole prompt."""

    row_id: str
    prompt: str
    prompt_key: str
    gold: str
    output: str


@dataclass(frozen=True)
class Reject:
    """A line that could not be read."""

    line: int
    reason: str


def read_rows(stream: IO[bytes]) -> Iterator[Row | Reject]:
    """Yield each line as a row, or as a reject with its reason; blank lines are skipped."""
    for number, line in enumerate(bounded_lines(stream, MAX_LINE_BYTES), start=1):
        if line is None:
            yield Reject(number, f"longer than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            yield parse_row(line, number)


def parse_row(line: bytes, number: int) -> Row | Reject:
    """Parse one line; never raises on junk."""
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return Reject(number, "not JSON in UTF-8")
    if not isinstance(value, dict):
        return Reject(number, "not a JSON object")
    missing = [key for key in ("inference", "gold") if value.get(key) is None]
    if missing:
        return Reject(number, f"no {' and no '.join(missing)}")
    prompt = value.get("prompt", "")
    return Row(
        row_id=row_id(value.get("metadata")),
        prompt=last_user_text(prompt),
        prompt_key=sha256_text(_lossless(prompt))[:16],
        gold=single_text(value["gold"]),
        output=strip_markers(single_text(literal(value["inference"]))),
    )


def literal(value: Any) -> Any:
    """Undo a Python repr of a list or dict; anything else comes back as it was."""
    if not (isinstance(value, str) and value[:1] in "[{(" and value[-1:] in "]})"):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value


def single_text(value: Any) -> str:
    """Return the text itself, or the only text of a list; other values as compact JSON."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return _lossless(value)


def _lossless(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # A lone surrogate cannot be hashed, stored or sent as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def strip_markers(text: str) -> str:
    """Return the answer between the last begin marker and the end marker after it; tolerates a missing one."""
    if BEGIN not in text and END not in text:
        return text
    answer = text.rpartition(BEGIN)[2]
    return answer.partition(END)[0].replace(BEGIN, "").strip()


def last_user_text(prompt: Any) -> str:
    """Return the text of the last user message of a chat prompt, or the prompt as it is."""
    messages = literal(prompt)
    if isinstance(messages, list):
        for message in reversed(messages):
            if isinstance(message, dict) and message.get("role") == "user":
                return _content_text(message.get("content", ""))
    return _lossless(prompt)


def _content_text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in content)
    return _lossless(content)


def row_id(metadata: Any) -> str:
    """Return the row's id carried in the metadata string: its "id" when that string is JSON, else all of it."""
    value = metadata
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = literal(value)
    if isinstance(value, dict):
        value = value.get("id")
    return "" if value is None else one_line(_lossless(value), 120)
