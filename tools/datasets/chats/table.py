"""Read questions and answers of a table with images, videos or documents beside the question."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, as_json, parsed
from novaforge.tools.datasets.media.references import format_of_name
from novaforge.tools.datasets.rows import JsonRow

MEDIA_NAMES = frozenset(
    ("image", "images", "image_url", "image_urls", "image_uri", "image_path", "image_paths", "image_file", "s3_uri", "picture",
     "video", "videos", "video_url", "video_uri", "video_path", "document", "document_uri", "document_path")
)  # fmt: skip
"""Names of columns that hold media, where their values look like it; s3_uri is the spelling of AWS's SDK."""

_KEYS = ("data", "url", "uri", "path", "s3_uri", "image_url")
"""Keys of an object that holds one reference."""


@dataclass(frozen=True)
class TableReader:
    """Reads the columns of a question, its media and its answer; empty names mean that there is no such column."""

    query: str
    response: str
    media: str
    system: str = ""
    reasoning: str = ""
    id: str = ""
    metadata: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """Logical name to column."""
        named = asdict(self)
        named["images"] = named.pop("media")
        return {name: column for name, column in named.items() if column}

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row; raises BadRowError."""
        asked: list[JsonRow] = [{"type": "text", "text": _filled(row, self.query, "query")}]
        asked += [{"type": "media", "media": reference} for reference in references(row.get(self.media))]
        answer: JsonRow = {"role": "assistant", "content": _filled(row, self.response, "response")}
        if thought := _text(row, self.reasoning, "reasoning"):
            answer["reasoning"] = thought
        messages: list[JsonRow] = []
        if system := _text(row, self.system, "system"):
            messages.append({"role": "system", "content": system})
        content: Any = asked if len(asked) > 1 else asked[0]["text"]
        messages += [{"role": "user", "content": content}, answer]
        chat = Chat(messages, where="$", id=_text(row, self.id, "id"))
        chat.metadata = _text(row, self.metadata, "metadata") or None
        return chat


def media_column(records: Sequence[JsonRow]) -> str:
    """Return the one column whose name and values say that it holds media; an empty text without one or with several."""
    named = dict.fromkeys(key for record in records for key in record if _name(key) in MEDIA_NAMES)
    found = [key for key in named if any(_looks_like_media(record.get(key)) for record in records)]
    return found[0] if len(found) == 1 else ""


def references(value: Any) -> list[str]:
    """Return the references in a cell: one, a list of them, or a list as JSON text; raises BadRowError."""
    if isinstance(value, str) and value[:1] == "[":
        value = parsed(value, "$[images]")
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    return [_reference(item) for item in (value if isinstance(value, list) else [value])]


def _reference(value: Any) -> str:
    if isinstance(value, dict):
        value = next((value[key] for key in _KEYS if value.get(key)), None)
    if isinstance(value, Mapping):
        # OpenAI's image_url holds an object with the url.
        value = value.get("url")
    if not isinstance(value, str):
        raise BadRowError("images holds something else than references", "$[images]")
    return value


def _looks_like_media(value: Any) -> bool:
    try:
        found = references(value)
    except BadRowError:
        return False
    return any(text[:5].lower() == "data:" or format_of_name(text) for text in found)


def _name(key: str) -> str:
    return "_".join(key.lower().split())


def _filled(row: JsonRow, key: str, name: str) -> str:
    text = _text(row, key, name)
    if not text or text.isspace():
        raise BadRowError(f"{name} is {'empty' if key in row else 'missing'}")
    return text


def _text(row: JsonRow, key: str, name: str) -> str:
    """Return a text as it is, a whole number or truth value as JSON writes it; raises BadRowError for anything else."""
    value = row.get(key) if key else None
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, int):
        raise BadRowError(f"{name} is not text")
    return as_json(value)
