"""Write chats as rows that hold plain texts: gen_qa, CPT; and as preference pairs."""

from collections import Counter
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat
from novaforge.tools.datasets.chats.items import Media, content_items
from novaforge.tools.datasets.chats.to_converse import SYSTEM_ROLES, answer_text, turns, wrap
from novaforge.tools.datasets.chats.to_openai import cut, plain_text
from novaforge.tools.datasets.media.references import MediaError, gen_qa_image
from novaforge.tools.datasets.rows import JsonRow

_IMAGES = ("image_url", "input_image", "image", "media")
_IMAGE_KEYS = ("image_url", "image", "media")


def gen_qa_row(chat: Chat, system_prompt: str | None, row_id: str, media: Media, counts: Counter[str]) -> JsonRow:
    """Return a gen_qa row of a chat of one question; raises BadRowError."""
    prompt, answer = cut(chat, counts)
    if chat.tools:
        raise BadRowError("the chat has tools, and a gen_qa row has no place for them", "$.tools")
    if answer is None:
        raise BadRowError("there is no answer", chat.path(len(chat.messages) - 1))
    systems = [message for message in prompt if message.get("role") in SYSTEM_ROLES]
    asked = [message for message in prompt if message.get("role") not in SYSTEM_ROLES]
    if len(asked) != 1 or asked[0].get("role") != "user":
        raise BadRowError("the chat has earlier turns, and a gen_qa row holds one query", chat.where)
    query, images = _query(asked[0].get("content"), media, chat.path(prompt.index(asked[0]), ".content"))
    row: JsonRow = {"query": query, "response": answer_text(answer, counts)}
    texts = [plain_text(message.get("content"), chat.path(0, ".content")) for message in systems]
    if system := "\n\n".join(text for text in texts if text) or system_prompt:
        row["system"] = system
    if images:
        row["images"] = images
    row["metadata"] = chat.metadata if isinstance(chat.metadata, str) and chat.metadata else row_id
    return row


def cpt_row(chat: Chat, counts: Counter[str]) -> JsonRow:
    """Return the texts of a chat as one text, with a blank line between them and without roles; raises BadRowError."""
    if chat.tools:
        raise BadRowError("the chat has tools, which are no running text", "$.tools")
    prompt, answer = cut(chat, counts)
    texts = [plain_text(message.get("content"), chat.path(index, ".content")) for index, message in enumerate(prompt)]
    if answer is not None:
        texts.append(answer_text(answer, counts))
    return {"text": "\n\n".join(text for text in texts if text)}


def dpo_row(chat: Chat, system_prompt: str | None, media: Media, counts: Counter[str]) -> JsonRow:
    """Return a row with both answers as candidates of the last turn; raises BadRowError."""
    if chat.rejected is None:
        raise BadRowError("there is no second answer to prefer the first one to", chat.where)
    better, worse = chat.messages[-1], chat.rejected
    chat.messages = chat.messages[:-1]
    if not chat.messages:
        raise BadRowError("there is no prompt", chat.where)
    made = turns(chat, media, counts)
    candidates = [
        {"content": _texts(answer, path), "preferenceLabel": label}
        for answer, path, label in ((better, "$.chosen", "preferred"), (worse, "$.rejected", "non-preferred"))
    ]
    if chat.tools:
        raise BadRowError("the pair has tools, and preference rows have no place for them", "$.tools")
    messages = [*made.messages, {"role": "assistant", "candidates": candidates}]
    return wrap(chat, made, messages, system_prompt, counts)


def _texts(answer: JsonRow, path: str) -> list[JsonRow]:
    content: Any = answer.get("content")
    if answer.get("tool_calls") or answer.get("function_call"):
        raise BadRowError("an answer is a function call, and candidates hold text", path)
    text = plain_text(content, path)
    if not text or text.isspace():
        raise BadRowError("an answer of the pair is empty", path)
    return [{"text": text}]


def _query(content: Any, media: Media, path: str) -> tuple[str, list[JsonRow]]:
    if isinstance(content, str):
        return content, []
    images: list[JsonRow] = []
    texts: list[str] = []
    for index, part in enumerate(content if isinstance(content, list) else [content]):
        kind = part.get("type") if isinstance(part, dict) else None
        value = next((part[key] for key in _IMAGE_KEYS if key in part), None) if isinstance(part, dict) else None
        if kind in _IMAGES and value is not None:
            images.append(_image(value, media, f"{path}[{index}]"))
        else:
            texts += [item["text"] for item in content_items([part], media, path)]
    if not texts:
        raise BadRowError("the query has no text", path)
    return "\n".join(texts), images


def _image(value: Any, media: Media, path: str) -> JsonRow:
    reference = value.get("url") if isinstance(value, dict) else value
    if not isinstance(reference, str):
        raise BadRowError("an image has no reference", path)
    try:
        item, needed = gen_qa_image(reference, media.target)
    except MediaError as error:
        raise BadRowError(f"unusable media: {error}", path) from error
    if needed is not None:
        media.found.append(needed)
    return item
