"""Tell the shape of one record from its keys and the kinds of their values."""

from collections.abc import Callable, Sequence
from typing import Any

from novaforge.tools.datasets.formats.base import all_objects
from novaforge.tools.datasets.rows import JsonRow

ROLES = ("system", "developer", "user", "assistant", "tool", "function", "bot")
_FLAT = {"id", "prompt", "answer", "task", "info"}
_CONVERSE_ITEMS = {
    "text", "image", "video", "document", "reasoningContent", "toolUse", "toolResult", "cachePoint", "guardContent",
}  # fmt: skip
_PLAIN_TEXT = ("text", "content", "body", "document")
LABEL_KEYS = ("label", "kto_tag")
"""Keys of a verdict about one answer."""
CHAT_KEYS = ("messages", "conversations", "conversation")
PROMPT_KEYS = ("prompt", "question", "query", "instruction")


def chat_key(row: JsonRow) -> str:
    """Return the key that holds turns, or an empty text."""
    return next((key for key in CHAT_KEYS if all_objects(row.get(key)) and row[key]), "")


def shape_of_row(row: JsonRow) -> str:
    """Return the shape of one JSON record."""
    found = next((name for name, is_it in _TESTS if is_it(row)), "")
    # Turns that are no list of objects make no chat, and no table either.
    return found or ("table" if row and not row.keys() & set(CHAT_KEYS) else "unknown")


def shape_of_header(header: list[str]) -> str:
    """Return the shape of a table whose cells are texts; "table" where its columns mean nothing to us."""
    names = set(header)
    if len(header) == 1 and header[0] in _PLAIN_TEXT:
        return "text"
    if {"chosen", "rejected"} <= names:
        return "preference"
    if {"prompt", "response_A", "response_B"} <= names:
        return "llm_judge"
    if {"instruction", "output"} <= names:
        return "alpaca"
    if "completion" in names and "prompt" in names and names & set(LABEL_KEYS):
        return "kto"
    if "prompt" in names and names <= _FLAT and names & {"task", "info"}:
        return "rft_flat"
    return "table"


def lacks_version(shape: str, records: Sequence[JsonRow]) -> bool:
    """Tell Converse rows as the API takes them: training rows are the same with schemaVersion."""
    return shape in ("converse", "dpo") and not any("schemaVersion" in record for record in records)


def verdict_key(row: JsonRow) -> str:
    """Return the key of a boolean verdict, or an empty text."""
    return next((key for key in LABEL_KEYS if isinstance(row.get(key), bool)), "")


def _bedrock_log(row: JsonRow) -> bool:
    if row.get("schemaType") == "ModelInvocationLog":
        return True
    given = row.get("input")
    return isinstance(given, dict) and "modelId" in row and ("inputBodyJson" in given or "inputBodyS3Path" in given)


def _evaluation_output(row: JsonRow) -> bool:
    return {"prompt", "inference", "gold"} <= row.keys()


def _preference(row: JsonRow) -> bool:
    if "preferred_output" in row and "non_preferred_output" in row:
        return True
    if "chosen" in row and "rejected" in row:
        return isinstance(row["chosen"], str | list | dict)
    return all_objects(row.get("candidates")) and any(key in row for key in (*PROMPT_KEYS, "messages"))


def _dpo(row: JsonRow) -> bool:
    messages = row.get("messages")
    return all_objects(messages) and bool(messages) and any("candidates" in message for message in messages or [])


def _converse(row: JsonRow) -> bool:
    messages = row.get("messages")
    if not all_objects(messages) or not messages:
        return False
    assert isinstance(messages, list)
    if isinstance(row.get("schemaVersion"), str):
        return True
    contents = [message.get("content") for message in messages]
    return any(
        all_objects(content) and content and "type" not in content[0] and content[0].keys() & _CONVERSE_ITEMS
        for content in contents
    )


def _nested(row: JsonRow) -> bool:
    metadata = row.get("metadata")
    return "messages" not in row and isinstance(metadata, dict) and "prompt" in metadata


def _flat(row: JsonRow) -> bool:
    keys = row.keys()
    if not keys <= _FLAT or not keys - {"id"}:
        return False
    if "task" in keys or "info" in keys:
        return True
    return keys in ({"prompt"}, {"id", "prompt"}, {"id", "prompt", "answer"})


def _sharegpt(row: JsonRow) -> bool:
    key = chat_key(row)
    return bool(key) and "from" in row[key][0]


def _kto(row: JsonRow) -> bool:
    return bool(verdict_key(row)) and ("completion" in row or bool(chat_key(row)))


def _alpaca(row: JsonRow) -> bool:
    return isinstance(row.get("instruction"), str) and "output" in row


def _self_instruct(row: JsonRow) -> bool:
    return isinstance(row.get("instruction"), str) and all_objects(row.get("instances"))


def _prompt_completion(row: JsonRow) -> bool:
    return isinstance(row.get("prompt"), str | list) and isinstance(row.get("completion"), str | list)


def _rft(row: JsonRow) -> bool:
    return "reference_answer" in row and bool(chat_key(row))


def _openai(row: JsonRow) -> bool:
    key = chat_key(row)
    return bool(key) and "role" in row[key][0] and row[key][-1].get("role") in ("assistant", "bot")


def _prompts(row: JsonRow) -> bool:
    key = chat_key(row)
    return bool(key) and "role" in row[key][0]


def _with_answers(row: JsonRow) -> bool:
    return _prompts(row) and bool(answer_keys(row))


def answer_keys(row: JsonRow) -> list[str]:
    """Return the keys beside the messages that say what the right answer is."""
    return [key for key in row if key not in (*CHAT_KEYS, "tools", "functions", "id", "metadata", "schemaVersion")]


def _judge(row: JsonRow) -> bool:
    return isinstance(row.get("prompt"), str) and "response_A" in row and "response_B" in row


def _gen_qa(row: JsonRow) -> bool:
    return isinstance(row.get("query"), str) and isinstance(row.get("response"), str)


def _text(row: JsonRow) -> bool:
    return len(row) == 1 and next(iter(row)) in _PLAIN_TEXT and isinstance(next(iter(row.values())), str)


_TESTS: tuple[tuple[str, Callable[[JsonRow], Any]], ...] = (
    ("bedrock_log", _bedrock_log),
    ("evaluation_output", _evaluation_output),
    ("dpo", _dpo),
    ("preference", _preference),
    ("kto", _kto),
    ("converse", _converse),
    ("rft", _rft),
    ("sharegpt", _sharegpt),
    ("openai_chat", _openai),
    ("prompts_with_answers", _with_answers),
    ("prompts", _prompts),
    ("rft_multiturn", _nested),
    ("self_instruct", _self_instruct),
    ("alpaca", _alpaca),
    ("prompt_completion", _prompt_completion),
    ("llm_judge", _judge),
    ("gen_qa", _gen_qa),
    ("rft_flat", _flat),
    ("text", _text),
)
"""Most telling shapes first; a record has the first one that fits."""
