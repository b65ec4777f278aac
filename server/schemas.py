"""Make JSON schemas short without making them say less."""

from typing import Any

Schema = dict[str, Any]

SAID_ONCE = {"sandbox", "next_step"}
ANYTHING = "#/$defs/JsonValue"


def slim_input(schema: Schema, texts: dict[str, str]) -> Schema:
    """Shorten an input schema: no titles, optional arguments shown by their plain type, one-line descriptions."""
    slim = _without_any(_slim(schema))
    for name, prop in slim.get("properties", {}).items():
        slim["properties"][name] = _describe(_without_null(prop), texts.get(name, ""))
    slim["additionalProperties"] = False
    return _inline_single_defs(slim)


def slim_output(schema: Schema) -> Schema:
    """Shorten an output schema: names and types stay; titles, formats, defaults and lists of required members go.

    So do the members every result has and the server's instructions explain once for all tools.
    """
    slim = _inline_single_defs(_compact(_without_any(_slim(schema))))
    slim["properties"] = {name: prop for name, prop in slim["properties"].items() if name not in SAID_ONCE}
    return slim


def _slim(node: Any, *, names: bool = False) -> Any:
    if isinstance(node, list):
        return [_slim(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if names or key not in {"title", "description"} or isinstance(value, dict):
            kept[key] = _slim(value, names=key in {"properties", "$defs"} and not names)
    return kept


def _without_null(prop: Schema) -> Schema:
    options = prop.get("anyOf")
    if not options:
        return prop
    kept = [option for option in options if option != {"type": "null"}]
    rest = {key: value for key, value in prop.items() if key != "anyOf" and not (key == "default" and value is None)}
    return {**kept[0], **rest} if len(kept) == 1 else {"anyOf": kept, **rest}


def _describe(prop: Schema, text: str) -> Schema:
    return {**prop, "description": text} if text else prop


def _without_any(node: Any, *, names: bool = False) -> Any:
    """Drop references to the definition that allows anything, and `additionalProperties` that allow anything."""
    if isinstance(node, list):
        return [_without_any(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("$ref") == ANYTHING:
        return {}
    kept = {key: _without_any(value, names=key in {"properties", "$defs"} and not names) for key, value in node.items()}
    if not names and kept.get("additionalProperties") in ({}, True):
        del kept["additionalProperties"]
    return kept


def _compact(node: Any, *, names: bool = False) -> Any:
    """Drop what a reader of results does not need: defaults, closedness, and which members are always there."""
    if isinstance(node, list):
        return [_compact(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept: Schema = {}
    for key, value in node.items():
        if names or (
            key not in {"default", "required", "format"} and not (key == "additionalProperties" and value is False)
        ):
            kept[key] = _compact(value, names=key in {"properties", "$defs"} and not names)
    return kept if names else _terse(kept)


def _terse(node: Schema) -> Schema:
    """Leave out the type beside the values allowed. A list of types would be shorter, but not every client reads it."""
    if "enum" in node or "const" in node:
        return {key: value for key, value in node.items() if key != "type"}
    return node


def _inline_single_defs(schema: Schema) -> Schema:
    """Put a definition that is used once where it is used."""
    defs: Schema = schema.get("$defs", {})
    counts = dict.fromkeys(defs, 0)
    _count_refs(schema, counts)
    single = {name for name, count in counts.items() if count <= 1 or not defs[name]}
    body = _replace_refs({key: value for key, value in schema.items() if key != "$defs"}, defs, single)
    kept = {name: _replace_refs(value, defs, single) for name, value in defs.items() if name not in single}
    return {**body, "$defs": kept} if kept else body


def _count_refs(node: Any, counts: dict[str, int]) -> None:
    if isinstance(node, list):
        for item in node:
            _count_refs(item, counts)
    elif isinstance(node, dict):
        name = str(node.get("$ref", "")).removeprefix("#/$defs/")
        if name in counts:
            counts[name] += 1
        for value in node.values():
            _count_refs(value, counts)


def _replace_refs(node: Any, defs: Schema, single: set[str]) -> Any:
    if isinstance(node, list):
        return [_replace_refs(item, defs, single) for item in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removeprefix("#/$defs/")
    if name in single:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _replace_refs({**defs[name], **rest}, defs, single)
    return {key: _replace_refs(value, defs, single) for key, value in node.items()}
