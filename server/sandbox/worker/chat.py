"""One chat format for training, reinforcement, evaluation and serving, and the cut of long prompts."""

from collections.abc import Sequence
from typing import Any

from novaforge.server.sandbox.worker.rows import Message

PAD, END = "<|pad|>", "<|end|>"
SPECIAL_TOKENS = [PAD, END, "<|system|>", "<|user|>", "<|assistant|>"]

TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}"
    "{%- else -%}{{- message['content'] + '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
"""Template of the tiny model; the generation block marks what the loss is taken of."""

PLAIN_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- message['role'] | capitalize + ':\n' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + eos_token -}}{%- endgeneration -%}"
    "{%- else -%}{{- message['content'] -}}{%- endif -%}{{- '\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'Assistant:\n' -}}{%- endif -%}"
)
"""Template given to a base model that comes without one; tokens do not reach over a line end."""

_LEAST = 8  # tokens of a text that stay when it is cut


def prompt_ids(tokenizer: Any, chat: Sequence[Message]) -> list[int]:
    """Return the token ids that ask for the next answer."""
    encoded = tokenizer.apply_chat_template(list(chat), add_generation_prompt=True, return_dict=True)
    return list(encoded["input_ids"])


def training_ids(tokenizer: Any, chat: Sequence[Message]) -> tuple[list[int], list[int]]:
    """Return token ids and labels of a chat; labels are -100 outside the assistant's texts.

    A template without generation marks cannot tell earlier answers apart, so only the last one is trained then.
    """
    if "generation" in tokenizer.chat_template.replace("add_generation_prompt", ""):
        encoded = tokenizer.apply_chat_template(list(chat), return_dict=True, return_assistant_tokens_mask=True)
        ids, mask = list(encoded["input_ids"]), list(encoded["assistant_masks"])
    else:
        before, answer = _split(tokenizer, chat)
        ids, mask = [*before, *answer], [0] * len(before) + [1] * len(answer)
    return ids, [token if kept else -100 for token, kept in zip(ids, mask, strict=True)]


def _split(tokenizer: Any, chat: Sequence[Message]) -> tuple[list[int], list[int]]:
    # The two are tokenized apart, as they are when the model answers: no token may reach over the seam.
    whole = tokenizer.apply_chat_template(list(chat), tokenize=False)
    before = tokenizer.apply_chat_template(list(chat[:-1]), tokenize=False, add_generation_prompt=True)
    differ = (place for place, (one, other) in enumerate(zip(whole, before, strict=False)) if one != other)
    seam = next(differ, min(len(whole), len(before)))
    first, second = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (whole[:seam], whole[seam:]))
    return list(first), list(second)


def fit(tokenizer: Any, chat: Sequence[Message], limit: int) -> list[Message]:
    """Return the prompt with the beginnings of its longest texts cut until it has at most `limit` tokens.

    Every text keeps its end; when no text can give more, the oldest messages go.
    """
    kept = [dict(message) for message in chat]
    while (excess := len(prompt_ids(tokenizer, kept)) - limit) > 0:
        sizes = [len(tokenizer(message["content"], add_special_tokens=False)["input_ids"]) for message in kept]
        longest = max(range(len(kept)), key=sizes.__getitem__)
        if sizes[longest] > _LEAST:
            content = kept[longest]["content"]
            kept[longest]["content"] = tail(tokenizer, content, max(_LEAST, sizes[longest] - excess))
        elif len(kept) > 1:
            kept.pop(0)
        else:
            break
    return kept


def tail(tokenizer: Any, text: str, tokens: int) -> str:
    """Return the end of a text that is at most `tokens` tokens long; a character is never split."""
    spans = _spans(tokenizer, text)
    if len(spans) <= tokens:
        return text
    start, end = spans[-tokens]
    return text[end if spans[-tokens - 1][1] > start else start :]


def head(tokenizer: Any, text: str, tokens: int) -> str:
    """Return the beginning of a text that is at most `tokens` tokens long; a character is never split."""
    spans = _spans(tokenizer, text)
    if len(spans) <= tokens:
        return text
    start, end = spans[tokens - 1]
    return text[: start if spans[tokens][0] < end else end]


def _spans(tokenizer: Any, text: str) -> list[tuple[int, int]]:
    # A character of several bytes may be several tokens, which then carry the same span.
    return list(tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"])
