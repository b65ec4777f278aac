"""The full check of Converse rows: every rule a row breaks, with its place."""

from typing import NamedTuple

from novaforge.tools.datasets.formats.base import all_objects, blank
from novaforge.tools.datasets.formats.converse_items import check_item
from novaforge.tools.datasets.formats.converse_text import holds_reserved_word, placed_texts
from novaforge.tools.datasets.formats.converse_tools import check_tools
from novaforge.tools.datasets.formats.rules import IMAGES_PER_MESSAGE, SCHEMA_VERSION, VIDEOS_PER_MESSAGE
from novaforge.tools.datasets.rows import Hit, JsonRow

_KEYS = {"schemaVersion", "system", "messages", "toolConfig"}
_MEDIA = ("image", "video", "document")


class Abilities(NamedTuple):
    """What a model can be trained on besides text."""

    media: tuple[str, ...] = ()
    tools: bool = False
    reasoning: bool = False


def check(row: JsonRow, abilities: Abilities) -> list[Hit]:
    """Return every rule a row breaks."""
    hits = check_head(row, _KEYS)
    if "toolConfig" in row and not abilities.tools:
        hits.append(Hit("DA4-model", "$.toolConfig"))
    messages = row.get("messages")
    if not isinstance(messages, list) or len(messages) < 2 or not all_objects(messages):
        return [*hits, Hit("DA3-messages", "$.messages")]
    for index, message in enumerate(messages):
        hits += check_turn(message, index, abilities)
    if len(messages) % 2:
        hits.append(Hit("DA3-turns", f"$.messages[{len(messages) - 1}].role"))
    return [*hits, *check_tools(row), *_reserved(row)]


def check_head(row: JsonRow, keys: set[str]) -> list[Hit]:
    """Return every rule the row breaks outside its messages; `keys` are those it may have."""
    hits = [Hit("DA1-key")] if row.keys() - keys else []
    if row.get("schemaVersion") != SCHEMA_VERSION:
        hits.append(Hit("DA3-version", "$.schemaVersion"))
    return hits + _system(row)


def check_turn(message: JsonRow, index: int, abilities: Abilities) -> list[Hit]:
    """Return every rule one turn breaks: its role, its content items, and what stands side by side in it."""
    path = f"$.messages[{index}]"
    hits: list[Hit] = []
    role = message.get("role")
    if role not in ("user", "assistant"):
        hits.append(Hit("DA3-role", f"{path}.role"))
    elif role != ("user", "assistant")[index % 2]:
        hits.append(Hit("DA3-turns", f"{path}.role"))
    if message.keys() - {"role", "content"}:
        hits.append(Hit("DA1-key", path))
    content = message.get("content")
    if not content or not all_objects(content):
        return [*hits, Hit("DA3-content", f"{path}.content")]
    for place, item in enumerate(content):
        hits += check_item(item, str(role), f"{path}.content[{place}]")
        hits += _beyond(item, abilities, f"{path}.content[{place}]")
    return hits + _together(content, path)


def _beyond(item: JsonRow, abilities: Abilities, path: str) -> list[Hit]:
    """Return what an item asks of the model that it cannot do."""
    hits = [Hit("DA5-model", f"{path}.{kind}") for kind in _MEDIA if kind in item and kind not in abilities.media]
    if "reasoningContent" in item and not abilities.reasoning:
        hits.append(Hit("RE4-model", f"{path}.reasoningContent"))
    if not abilities.tools and ("toolUse" in item or "toolResult" in item):
        hits.append(Hit("DA4-model", path))
    return hits


def _system(row: JsonRow) -> list[Hit]:
    if "system" not in row:
        return []
    system = row["system"]
    if not all_objects(system) or not system or any(set(item) != {"text"} or blank(item["text"]) for item in system):
        return [Hit("DA3-system", "$.system")]
    return [Hit("DA3-systems", "$.system")] if len(system) > 1 else []


def _together(content: list[JsonRow], path: str) -> list[Hit]:
    """Check what may stand side by side in one message."""
    counts = {kind: sum(kind in item for item in content) for kind in (*_MEDIA, "reasoningContent")}
    media = [kind for kind in _MEDIA if counts[kind]]
    hits = [Hit("DA8-kinds", path)] if len(media) > 1 else []
    if counts["image"] > IMAGES_PER_MESSAGE or counts["video"] > VIDEOS_PER_MESSAGE:
        hits.append(Hit("DA8-count", path))
    if media and counts["reasoningContent"]:
        hits.append(Hit("RE4", path))
    said = [item["text"] for item in content if isinstance(item.get("text"), str)]
    if said and not any(said) and not counts["image"] and not counts["video"]:
        hits.append(Hit("DA3-text", path))
    return hits


def _reserved(row: JsonRow) -> list[Hit]:
    return [Hit("DA2", path) for path, text in placed_texts(row) if holds_reserved_word(text)]
