"""Read rows of inference_output.jsonl: what was asked, the gold answer, the model's answer."""

from dataclasses import dataclass
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat
from novaforge.tools.datasets.rows import JsonRow
from novaforge.tools.evaluation.rows import last_user_text, literal, row_id, single_text, strip_markers


@dataclass(frozen=True)
class EvaluationReader:
    """Reads the prompt's messages with the gold answer."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        prompt: Any = literal(row.get("prompt"))
        gold = row.get("gold")
        if not isinstance(gold, str):
            gold = single_text(gold) if gold is not None else ""
        if isinstance(prompt, list) and prompt and all(isinstance(item, dict) for item in prompt):
            messages: list[JsonRow] = prompt
        else:
            messages = [{"role": "user", "content": asked(row)}]
        chat = Chat(messages, reference=gold, where="$.prompt")
        metadata = row.get("metadata")
        chat.metadata = metadata if isinstance(metadata, str) else None
        chat.id = row_id(metadata)
        return chat


def asked(row: JsonRow) -> str:
    """Return the last user message of the evaluated prompt; raises BadRowError."""
    text = last_user_text(row.get("prompt", ""))
    if not text or text.isspace():
        raise BadRowError("the prompt is missing or empty", "$.prompt")
    return text


def answered(row: JsonRow) -> str:
    """Return the model's answer without reasoning and markers; raises BadRowError."""
    value = row.get("inference")
    if value is None:
        raise BadRowError("inference is missing", "$.inference")
    text = strip_markers(single_text(literal(value)))
    if not text or text.isspace():
        raise BadRowError("the answer is empty", "$.inference")
    return text
