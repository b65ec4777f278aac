"""What makes two rows the same row: everything in them but their ids."""

import hashlib
import json

import orjson

from novaforge.tools.datasets.rows import JsonRow

DIGEST_BYTES = 16
_TOLD = frozenset(
    ("schemaVersion", "system", "messages", "query", "response", "text", "prompt", "reference_answer", "response_A", "response_B", "id")
)  # fmt: skip
"""Keys whose texts are all there is to them, but for calls of tools within messages."""
_CALLS = frozenset(("toolUse", "toolResult"))


def content_digest(row: JsonRow, format_name: str) -> bytes:
    """Return a 128-bit digest of everything in a row but its own id."""
    ids = ("id", "metadata") if format_name == "gen_qa" else ("id",)
    content = {key: value for key, value in row.items() if key not in ids}
    try:
        data = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # Numbers beyond 64 bits and lone surrogates, which JSON can spell.
        data = json.dumps(content, sort_keys=True).encode()
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def beyond_texts(row: JsonRow, parts: set[str], format_name: str) -> bytes:
    """Return the digest of a row with tools or other keys, which its texts do not tell; nothing of any other row."""
    told = row.keys() <= _TOLD and _CALLS.isdisjoint(parts)
    if told and not (format_name.startswith("rft") and _has_calls(row)):
        return b""
    return content_digest(row, format_name)


def _has_calls(row: JsonRow) -> bool:
    """Tell messages in OpenAI's form that call tools: the calls stand beside the texts."""
    messages = row.get("messages")
    return isinstance(messages, list) and any("tool_calls" in each for each in messages if isinstance(each, dict))
