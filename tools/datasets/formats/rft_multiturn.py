"""Rows of multi-turn RFT: nested for HyperPod, flat for serverless; the environment gets the fields beside the prompt."""

from collections.abc import Iterator
from typing import Any

import orjson

from novaforge.tools.datasets.formats.base import Fields, RowFormat, all_objects, blank, objects
from novaforge.tools.datasets.formats.dialogue import complete_call, is_text, message_texts, role_texts, unpaired_calls
from novaforge.tools.datasets.rows import Hit, JsonRow

_FIELDS = ("prompt", "answer", "task", "info")
_ROLES = ("system", "user", "assistant", "tool")
_LOGICAL = (("answer", "response"), ("task", "task"), ("info", "info"))


def build(fields: Fields) -> JsonRow:
    """Return a nested row; the prompt is a text, or a list of OpenAI-style messages."""
    return {"id": fields["id"], "metadata": _fields(fields)}


def build_flat(fields: Fields) -> JsonRow:
    """Return a flat row; keys asked for beside the known ones stand in fields["extra"]."""
    row = {"id": fields["id"], **_fields(fields)}
    return {**fields["extra"], **row} if fields.get("extra") else row


def check(row: JsonRow) -> list[Hit]:
    """Return every rule a nested row breaks."""
    hits = [Hit("DA3-mt-id", "$.id")] if blank(row.get("id")) else []
    metadata = row.get("metadata")
    if "metadata" not in row and row.keys() & set(_FIELDS):
        # The flat rows AWS's SDK converts: say what else is wrong with them at once.
        return [*hits, Hit("DA3-mt-flat"), *_content(row, "$", lists=True)]
    if row.keys() - {"id", "metadata"}:
        hits.append(Hit("DA3-mt-extra"))
    if not isinstance(metadata, dict):
        return [*hits, Hit("DA3-mt-metadata", "$.metadata")]
    if metadata.keys() - set(_FIELDS):
        hits.append(Hit("DA3-mt-key", "$.metadata"))
    return hits + _content(metadata, "$.metadata", lists=True)


def check_flat(row: JsonRow) -> list[Hit]:
    """Return every rule a flat row breaks; keys beside the known ones are allowed, the agent gets them."""
    hits = [Hit("DA3-mt-id", "$.id")] if "id" in row and blank(row["id"]) else []
    if "prompt" not in row and isinstance(row.get("metadata"), dict):
        return [*hits, Hit("DA3-mt-nested")]
    return hits + _content(row, "$", lists=False)


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the nested row built from these fields breaks."""
    return _content(_fields(fields), "$.metadata", lists=True)


def check_flat_fields(fields: Fields) -> list[Hit]:
    """Return every rule the flat row built from these fields breaks."""
    return _content(_fields(fields), "$", lists=False)


def prompt(row: JsonRow) -> str:
    """Return the prompt, or the user's texts of one that is a list of messages."""
    value = _inner(row).get("prompt")
    return value if isinstance(value, str) else "\n".join(role_texts(value, "user"))


def answer(row: JsonRow) -> str:
    """Return the reference answer."""
    value = _inner(row).get("answer", "")
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def texts(row: JsonRow) -> Iterator[str]:
    """Yield every text of the prompt."""
    value = _inner(row).get("prompt")
    if isinstance(value, str):
        yield value
    for _, message in objects(value):
        yield from message_texts(message)


def parts(row: JsonRow) -> set[str]:
    """Return which optional parts a row has, without the id."""
    return {f"metadata.{name}" for name in ("answer", "task", "info") if name in _inner(row)}


def parts_flat(row: JsonRow) -> set[str]:
    """Return which optional parts a flat row has."""
    return {"id", "answer", "task", "info"} & row.keys()


def _inner(row: JsonRow) -> JsonRow:
    metadata = row.get("metadata")
    return metadata if "prompt" not in row and isinstance(metadata, dict) else row


def _fields(fields: Fields) -> JsonRow:
    inner = {"prompt": fields["query"]}
    for key, name in _LOGICAL:
        if fields.get(name):
            inner[key] = fields[name]
    return inner


def _content(inner: JsonRow, path: str, *, lists: bool) -> list[Hit]:
    hits = _prompt(inner.get("prompt"), f"{path}.prompt", lists=lists)
    for key in ("answer", "task"):
        if key in inner and not isinstance(inner[key], str):
            hits.append(Hit("DA3-mt-text", f"{path}.{key}"))
    if "info" in inner and not _object(inner["info"]):
        hits.append(Hit("DA3-mt-info", f"{path}.info"))
    return hits


def _object(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return False
    return isinstance(value, dict)


def _prompt(value: Any, path: str, *, lists: bool) -> list[Hit]:
    if isinstance(value, str):
        return [] if value and not value.isspace() else [Hit("DA3-mt-prompt", path)]
    if not lists and isinstance(value, list):
        return [Hit("DA3-mt-list", path)]
    if not value or not all_objects(value):
        return [Hit("DA3-mt-prompt", path)]
    hits = [hit for index, message in enumerate(value) for hit in _message(message, f"{path}[{index}]")]
    return hits + unpaired_calls(value, path, "DA4-mt-id")


def _message(message: JsonRow, path: str) -> list[Hit]:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        return [Hit("DA3-mt-role", f"{path}.role")]
    if role == "assistant" and message.get("tool_calls") is not None:
        calls = message["tool_calls"]
        good = isinstance(calls, list) and bool(calls) and all(map(complete_call, calls))
        return (
            []
            if good and (content is None or isinstance(content, str) or is_text(content))
            else [Hit("DA3-mt-calls", f"{path}.tool_calls")]
        )
    if role == "tool" and blank(message.get("tool_call_id")):
        return [Hit("DA3-mt-tool", f"{path}.tool_call_id")]
    return [] if is_text(content) else [Hit("DA3-mt-content", f"{path}.content")]


RFT_MULTITURN = RowFormat(
    name="rft_multiturn",
    method="RFT_MULTITURN_LORA",
    required=("query",),
    optional=("response", "task", "info", "id"),
    structured=("query", "info"),
    build=build,
    check=check,
    check_fields=check_fields,
    prompt=prompt,
    answer=answer,
    texts=texts,
    parts=parts,
    id_key="id",
)
RFT_FLAT = RowFormat(
    name="rft_flat",
    method="RFT_MULTITURN_LORA",
    required=("query",),
    optional=("response", "task", "info", "id"),
    structured=("info",),
    build=build_flat,
    check=check_flat,
    check_fields=check_flat_fields,
    prompt=prompt,
    answer=answer,
    texts=texts,
    parts=parts_flat,
    taken=("id", *_FIELDS),
    id_key="id",
)
