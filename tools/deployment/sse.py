"""Read a streamed chat answer: bytes in arbitrary pieces to server-sent events to text, usage and finish reason."""

import codecs
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

DONE = "[DONE]"


@dataclass
class Answer:
    """What has arrived so far of one answer."""

    pieces: list[str] = field(default_factory=list[str])
    finish_reason: str = ""
    usage: dict[str, int] = field(default_factory=dict[str, int])
    error: str = ""

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self.pieces)

    def take(self, data: str) -> str:
        """Add the data of one event and return the new text in it; data that is not JSON counts as an error."""
        if data == DONE:
            return ""
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            self.error = self.error or "an event of the stream is not JSON"
            return ""
        return self._take_message(message) if isinstance(message, dict) else ""

    def _take_message(self, message: dict[str, Any]) -> str:
        if message.get("error"):
            self.error = self.error or _error_text(message["error"])
        usage = message.get("usage")
        if isinstance(usage, dict):
            self.usage = {key: value for key, value in usage.items() if type(value) is int}
        choices = message.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else {}
        if not isinstance(first, dict):
            return ""
        self.finish_reason = str(first.get("finish_reason") or self.finish_reason)
        piece = _content(first)
        self.pieces += [piece] if piece else []
        return piece


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield lines from byte chunks cut anywhere, also inside a character; invalid UTF-8 becomes U+FFFD.

    Lines end with LF, CR or CRLF, as server-sent events define; nothing else splits them.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    rest = ""
    for chunk in chunks:
        rest += decoder.decode(chunk)
        # A CR at the very end may be half of a CRLF: it waits for the next chunk.
        held = "\r" if rest.endswith("\r") else ""
        *full, rest = _normal(rest.removesuffix("\r") if held else rest).split("\n")
        rest += held
        yield from full
    *full, rest = _normal(rest + decoder.decode(b"", final=True)).split("\n")
    yield from full
    if rest:
        yield rest


def events(text_lines: Iterable[str]) -> Iterator[str]:
    """Yield the data of each event; a stream that is plain JSON instead of events comes as one event."""
    data: list[str] = []
    plain: list[str] = []
    for line in text_lines:
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line.startswith((":", "event:", "id:", "retry:")):
            plain.append(line)
    if data:
        yield "\n".join(data)
    if plain:
        yield "\n".join(plain)


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _content(choice: dict[str, Any]) -> str:
    """Return the text of a choice: a delta of a stream, a whole message, or plain completion text."""
    for key in ("delta", "message"):
        part = choice.get(key)
        if isinstance(part, dict):
            content = part.get("content")
            if isinstance(content, list):
                return "".join(str(item.get("text", "")) for item in content if isinstance(item, dict))
            return content if isinstance(content, str) else ""
    text = choice.get("text")
    return text if isinstance(text, str) else ""


def _error_text(error: Any) -> str:
    return str(error.get("message", "")) if isinstance(error, dict) else str(error)
