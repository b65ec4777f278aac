"""Which reader turns the records of a shape into chats, and what it does with them in words."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from novaforge.tools.datasets.chats.bedrock import BedrockLogReader, ConverseReader, DpoReader
from novaforge.tools.datasets.chats.evaluation import EvaluationReader
from novaforge.tools.datasets.chats.openai import OpenAiReader, Reader
from novaforge.tools.datasets.chats.preference import CandidatesReader, OpenAiPairReader, PairReader, VerdictReader
from novaforge.tools.datasets.chats.sharegpt import ShareGptReader
from novaforge.tools.datasets.chats.single import (
    AlpacaReader,
    GenQaReader,
    MultiTurnReader,
    PromptReader,
    TextReader,
    instances,
)
from novaforge.tools.datasets.formats.base import objects
from novaforge.tools.datasets.rows import JsonRow, Line
from novaforge.tools.datasets.shapes.evidence import CHAT_KEYS, LABEL_KEYS, PROMPT_KEYS, answer_keys, chat_key

_EXPANDING = "each of the instances is a row; rows of one instruction stay together in a split"
_PREFERRED = "the preferred answer is taken, the other one is left out"
_ALPACA = "the query is instruction and input with a line feed between"


class Reading(NamedTuple):
    """How records become chats."""

    reader: Reader
    notes: tuple[str, ...] = ()
    expand: Callable[[Line], Iterable[Line]] | None = None


def reading(shape: str, records: Sequence[JsonRow], target: str) -> Reading | None:
    """Return how records of a shape are read for the rows of a target format; None where columns have to be mapped."""
    make = _READINGS.get(shape)
    return make(records, target) if make else None


def unused_keys(shape: str, records: Sequence[JsonRow], target: str, reader: Reader) -> list[str]:
    """Return the keys of records that a reader of the shape leaves out; nothing where the record is no row of its own."""
    used = _USED.get(shape)
    if used is None:
        return []
    more = ("system",) if isinstance(reader, ConverseReader) else (getattr(reader, "system", ""),)
    known = {*used, *more, "id", *(("task", "info") if target.startswith("rft_") else ())}
    return [key for key in dict.fromkeys(key for record in records for key in record) if key not in known]


def _chat(records: Sequence[JsonRow], target: str) -> Reading:
    chat = _most(records, chat_key) or "messages"
    notes = _last(target) if any(map(_ends_answered, (row.get(chat) for row in records))) else ()
    if chat == "messages" and any(map(_has_blocks, records)):
        # Calls and results as parts of the content, as Anthropic's models take them, stand where Converse has them.
        return Reading(ConverseReader(), notes)
    return Reading(OpenAiReader(chat, system=_system_beside(records, chat)), notes)


def _sharegpt(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(ShareGptReader(_most(records, chat_key) or "conversations"), _last(target))


def _answered(records: Sequence[JsonRow], target: str) -> Reading:
    keys = list(dict.fromkeys(key for record in records for key in answer_keys(record)))
    if "reference_answer" in keys:
        keys = ["reference_answer"]
    what = "of one key beside the messages" if len(keys) == 1 else "an object of all keys beside the messages"
    return Reading(
        OpenAiReader(_most(records, chat_key) or "messages", answers=tuple(keys)),
        (f"the reference answer is the value {what}" if len(keys) == 1 else f"the reference answer is {what}",),
    )


def _rft(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(OpenAiReader(answers=("reference_answer",)))


def _converse(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(ConverseReader(), _last(target))


def _log(records: Sequence[JsonRow], target: str) -> Reading:
    notes = ("a row is what was sent to the model with what it answered; failed calls are left out", *_last(target))
    return Reading(BedrockLogReader(), notes)


def _dpo(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(DpoReader(), () if target == "dpo" else (_PREFERRED,))


def _alpaca(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(AlpacaReader(), (_ALPACA,))


def _instances(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(AlpacaReader(grouped=True), (_ALPACA, _EXPANDING), instances)


def _prompt(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(PromptReader())


def _gen_qa(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(GenQaReader())


def _flat(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(MultiTurnReader())


def _nested(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(MultiTurnReader(nested=True))


def _text(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(TextReader(_most(records, lambda record: next(iter(record), "")) or "text"))


def _outputs(records: Sequence[JsonRow], target: str) -> Reading:
    return Reading(EvaluationReader(), ("the query is the prompt that was evaluated, the answer the gold answer",))


def _preference(records: Sequence[JsonRow], target: str) -> Reading:
    notes = () if target == "dpo" else (_PREFERRED,)
    keys = set().union(*records)
    if "preferred_output" in keys:
        return Reading(OpenAiPairReader(), notes)
    if "candidates" in keys and "chosen" not in keys:
        return Reading(CandidatesReader(_first(keys, (*PROMPT_KEYS, "messages"))), notes)
    prompt = _first(keys, ("prompt", "conversations", "messages", "question", "query"))
    if prompt:
        return Reading(PairReader(prompt=(prompt,)), notes)
    return Reading(PairReader(prompt=("instruction", "input") if "instruction" in keys else ()), notes)


def _verdict(records: Sequence[JsonRow], target: str) -> Reading:
    keys = set().union(*records)
    label = _first(keys, LABEL_KEYS) or "label"
    chat = "" if "completion" in keys else _most(records, chat_key)
    prompt = _first(keys, PROMPT_KEYS) or "prompt"
    return Reading(VerdictReader(label, prompt, messages=chat), ("only answers labelled as desirable are taken",))


def _has_blocks(record: JsonRow) -> bool:
    contents = [message.get("content") for _, message in objects(record.get("messages"))]
    return any(part.get("type") in _BLOCKS for content in contents for _, part in objects(content))


def _system_beside(records: Sequence[JsonRow], chat: str) -> str:
    """Return the key of a system prompt beside the messages, where none stands in them; else an empty text."""
    inside = any(message.get("role") in _SYSTEMS for record in records for _, message in objects(record.get(chat))[:1])
    beside = any(isinstance(record.get("system"), str) and record["system"] for record in records)
    return "system" if beside and not inside else ""


def _ends_answered(messages: object) -> bool:
    """Tell a chat that ends with the assistant's turn from a prompt without an answer."""
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") == "assistant"


def _last(target: str) -> tuple[str, ...]:
    if target in ("converse", "dpo"):
        return ()
    if target == "cpt":
        return ("the text is all messages with a blank line between them, without roles",)
    return ("the reference answer is the last answer of the assistant, the prompt everything before it",)


def _most(records: Sequence[JsonRow], name: Callable[[JsonRow], str]) -> str:
    """Return the name most records have, or an empty text."""
    names = [found for found in map(name, records) if found]
    return max(dict.fromkeys(names), key=names.count, default="")


def _first(keys: set[str], wanted: Sequence[str]) -> str:
    return next((key for key in wanted if key in keys), "")


_READINGS: dict[str, Callable[[Sequence[JsonRow], str], Reading]] = {
    "openai_chat": _chat,
    "prompts": _chat,
    "prompts_with_answers": _answered,
    "rft": _rft,
    "sharegpt": _sharegpt,
    "converse": _converse,
    "bedrock_log": _log,
    "dpo": _dpo,
    "alpaca": _alpaca,
    "self_instruct": _instances,
    "prompt_completion": _prompt,
    "gen_qa": _gen_qa,
    "rft_flat": _flat,
    "rft_multiturn": _nested,
    "text": _text,
    "evaluation_output": _outputs,
    "preference": _preference,
    "kto": _verdict,
}

_BLOCKS = ("tool_use", "tool_result", "thinking")
_SYSTEMS = ("system", "developer")
_TURNS = (*CHAT_KEYS, "tools", "functions", "system")
_USED: dict[str, tuple[str, ...]] = {
    "openai_chat": (*CHAT_KEYS, "tools", "functions"),
    "prompts": (*CHAT_KEYS, "tools", "functions"),
    "rft": ("messages", "tools", "reference_answer"),
    "sharegpt": _TURNS,
    "converse": ("schemaVersion", "system", "messages", "toolConfig"),
    "dpo": ("schemaVersion", "system", "messages"),
    "alpaca": ("instruction", "input", "output", "system", "history"),
    "self_instruct": ("instruction", "instances", "system"),
    "prompt_completion": ("prompt", "completion"),
    "gen_qa": ("query", "response", "system", "images", "metadata"),
    "rft_flat": ("prompt", "answer"),
    "rft_multiturn": ("metadata",),
    "preference": (
        *_TURNS, *PROMPT_KEYS, "input", "chosen", "rejected", "preferred_output", "non_preferred_output", "candidates",
    ),
    "kto": (*_TURNS, *PROMPT_KEYS, *LABEL_KEYS, "completion"),
}  # fmt: skip
"""Shape to the keys its reader looks at, the id apart."""
