"""Checks of the tools of a Converse row: their specifications, and that uses and results belong together."""

from collections.abc import Iterator
from typing import Any

from novaforge.tools.datasets.formats.base import blank, objects
from novaforge.tools.datasets.rows import Hit, JsonRow


def check_tools(row: JsonRow) -> list[Hit]:
    """Return every rule the tools of a row break."""
    used = list(_tool_items(row))
    if "toolConfig" not in row:
        return [*([Hit("DA4-no-config")] if used else []), *_pairing(used)]
    names, hits = _specifications(row["toolConfig"])
    for path, kind, item in used:
        if kind == "toolUse" and isinstance(item.get("name"), str) and item["name"] not in names:
            hits.append(Hit("DA4-name", f"{path}.name"))
    return hits + _pairing(used)


def complete_names(config: Any) -> set[str] | None:
    """Return the names of the tools when no specification breaks a rule and no name is used twice, else None."""
    tools = config.get("tools") if isinstance(config, dict) else None
    if not isinstance(tools, list) or not tools:
        return None
    names: set[str] = set()
    for tool in tools:
        spec = tool.get("toolSpec") if isinstance(tool, dict) else None
        if not isinstance(spec, dict) or not _complete(spec) or not _takes_an_object(spec):
            return None
        names.add(spec["name"])
    return names if len(names) == len(tools) else None


def _specifications(config: Any) -> tuple[set[str], list[Hit]]:
    tools = config.get("tools") if isinstance(config, dict) else None
    if not isinstance(tools, list) or not tools:
        return set(), [Hit("DA4-config", "$.toolConfig.tools")]
    names: set[str] = set()
    hits: list[Hit] = []
    for index, tool in enumerate(tools):
        path = f"$.toolConfig.tools[{index}]"
        spec = tool.get("toolSpec") if isinstance(tool, dict) else None
        if not isinstance(spec, dict) or not _complete(spec):
            hits.append(Hit("DA4-config", path))
        elif spec["name"] in names:
            hits.append(Hit("DA4-name", path))
        else:
            names.add(spec["name"])
            hits += [] if _takes_an_object(spec) else [Hit("DA4-type", path)]
    return names, hits


def _complete(spec: JsonRow) -> bool:
    # AWS's conversion schema lets the description out and its validator does not; the stricter one is safe for both.
    schema = spec.get("inputSchema")
    body = schema.get("json") if isinstance(schema, dict) else None
    return (
        not blank(spec.get("name")) and not blank(spec.get("description")) and isinstance(body, dict) and "type" in body
    )


def _takes_an_object(spec: JsonRow) -> bool:
    return bool(spec["inputSchema"]["json"]["type"] == "object")


def _tool_items(row: JsonRow) -> Iterator[tuple[str, str, JsonRow]]:
    for index, message in objects(row.get("messages")):
        for place, item in objects(message.get("content")):
            for kind in ("toolUse", "toolResult"):
                if isinstance(item.get(kind), dict):
                    yield f"$.messages[{index}].content[{place}].{kind}", kind, item[kind]


def _pairing(used: list[tuple[str, str, JsonRow]]) -> list[Hit]:
    """Check that ids are unique and that each result answers an earlier use once; an unanswered use is allowed."""
    asked: set[str] = set()
    answered: set[str] = set()
    hits: list[Hit] = []
    for path, kind, item in used:
        key = item.get("toolUseId")
        if not isinstance(key, str):
            continue
        wrong = key in asked if kind == "toolUse" else key not in asked or key in answered
        if wrong:
            hits.append(Hit("DA4-id", f"{path}.toolUseId"))
        (asked if kind == "toolUse" else answered).add(key)
    return hits
