"""Read single questions with an answer: Alpaca, gen_qa, prompts with completions, multi-turn prompts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, messages_of, parsed
from novaforge.tools.datasets.rows import JsonRow, Line


@dataclass(frozen=True)
class AlpacaReader:
    """Reads instruction, input, output, system and history; the query is instruction and input with a line feed between."""

    instruction: str = "instruction"
    input: str = "input"
    output: str = "output"
    grouped: bool = False
    """Whether rows of one instruction stay together in a split."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        instruction, more = _text(row, self.instruction), _text(row, self.input)
        query = "\n".join(text for text in (instruction, more) if text)
        if not query or query.isspace():
            raise BadRowError("instruction and input are missing or empty", f"$.{self.instruction}")
        messages: list[JsonRow] = []
        if system := _text(row, "system"):
            messages.append({"role": "system", "content": system})
        messages += _history(row.get("history"))
        messages.append({"role": "user", "content": query})
        answer = row.get(self.output)
        # LLaMA-Factory takes a list of outputs; the first one is the answer there too, but only one of one is exact.
        if isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
        if not isinstance(answer, str) or not answer or answer.isspace():
            raise BadRowError("output is missing, empty or not text", f"$.{self.output}")
        messages.append({"role": "assistant", "content": answer})
        return Chat(messages, id=_id(row), where="$", group=instruction if self.grouped else "")


@dataclass(frozen=True)
class PromptReader:
    """Reads a prompt and its completion, each text or a list of messages."""

    prompt: str = "prompt"
    completion: str = "completion"

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        messages = prompt_messages(row.get(self.prompt), f"$.{self.prompt}")
        messages = [*messages, *prompt_messages(row.get(self.completion), f"$.{self.completion}", "assistant")]
        return Chat(messages, id=_id(row), where=f"$.{self.prompt}")


@dataclass(frozen=True)
class GenQaReader:
    """Reads gen_qa rows: query, response, system, images, metadata."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        query = _required(row, "query")
        content: Any = query
        if images := row.get("images"):
            content = [{"type": "text", "text": query}, *(_image(item) for item in images)]
        messages: list[JsonRow] = []
        if system := _text(row, "system"):
            messages.append({"role": "system", "content": system})
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": _required(row, "response")})
        # The one metadata text of these rows carries the row's id.
        given = row.get("metadata")
        return Chat(messages, where="$", id=given if isinstance(given, str) and not given.isspace() else "")


@dataclass(frozen=True)
class MultiTurnReader:
    """Reads prompts for multi-turn RFT: below metadata (nested) or beside the id (flat)."""

    nested: bool = False

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        inner: Any = row.get("metadata") if self.nested else row
        path = "$.metadata.prompt" if self.nested else "$.prompt"
        if not isinstance(inner, dict):
            raise BadRowError("metadata is not an object", "$.metadata")
        chat = Chat(prompt_messages(inner.get("prompt"), path), id=_id(row), where=path)
        chat.reference, chat.task, chat.info = inner.get("answer"), inner.get("task"), inner.get("info")
        return chat


def prompt_messages(value: Any, path: str, role: str = "user") -> list[JsonRow]:
    """Return a prompt as messages: text is one message of the role; raises BadRowError."""
    if isinstance(value, str):
        if not value or value.isspace():
            raise BadRowError("the text is missing or empty", path)
        return [{"role": role, "content": value}]
    if isinstance(value, dict):
        value = [value]
    return messages_of(value, path)


def _history(value: Any) -> list[JsonRow]:
    if value is None or value == "":
        return []
    pairs = parsed(value, "$.history") if isinstance(value, str) else value
    if not isinstance(pairs, list):
        raise BadRowError("history is not a list of pairs", "$.history")
    found: list[JsonRow] = []
    for index, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise BadRowError("history is not a list of pairs of texts", f"$.history[{index}]")
        found += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    return found


def _image(item: Any) -> JsonRow:
    data = item.get("data") if isinstance(item, dict) else item
    if not isinstance(data, str):
        raise BadRowError("an image has no data", "$.images")
    return {"type": "image_url", "image_url": {"url": data}}


def _text(row: JsonRow, key: str) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRowError("the value is not text", f"$.{key}")
    return value


def _required(row: JsonRow, key: str) -> str:
    value = _text(row, key)
    if not value or value.isspace():
        raise BadRowError(f"{key} is missing or empty", f"$.{key}")
    return value


def _id(row: JsonRow) -> str:
    value = row.get("id")
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, int | str) else ""


@dataclass(frozen=True)
class TextReader:
    """Reads one text per record, for CPT."""

    text: str = "text"

    def __call__(self, row: JsonRow) -> Chat:
        """Return a chat of one text; raises BadRowError."""
        value = row.get(self.text)
        if not isinstance(value, str) or not value or value.isspace():
            raise BadRowError("the text is missing, empty or not text", f"$.{self.text}")
        return Chat([{"role": "user", "content": value}], where=f"$.{self.text}")


@dataclass(frozen=True)
class JoinedReader:
    """Reads the texts of several keys as one running text, for CPT."""

    keys: tuple[str, ...]

    def __call__(self, row: JsonRow) -> Chat:
        """Return a chat of these texts; raises BadRowError."""
        texts = [_text(row, key) for key in self.keys]
        said = [text for text in texts if text and not text.isspace()]
        if not said:
            raise BadRowError("the text is missing or empty", f"$.{self.keys[0]}")
        return Chat([{"role": "user", "content": text} for text in said], where="$")


def instances(line: Line) -> Iterator[Line]:
    """Yield each instance of a Self-Instruct record as an Alpaca record; a record without instances comes back as it is."""
    record = line.record
    found = record.get("instances") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(found, list) or not found:
        yield line
        return
    outer: JsonRow = {key: record[key] for key in ("instruction", "system") if key in record}
    for item in found:
        yield Line(line.number, {**outer, **item} if isinstance(item, dict) else outer, b"")
