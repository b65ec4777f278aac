"""Resolve the interpolations recipe files use, before upload, as AWS's SDK does."""

import re
from typing import Any

import yaml

from novaforge.guards.errors import RefusedError
from novaforge.tools.training.leaves import leaves, set_leaf

_REFERENCE = re.compile(r"\$\{(?:oc\.select:\s*)?([A-Za-z0-9_.]+)\s*(?:,\s*([^${}]*?)\s*)?\}")
_DEPTH = 10
"""References that refer to references; more than this is a circle."""


def resolve(tree: Any) -> None:
    """Replace ${oc.select:a.b}, ${oc.select:a.b,default} and ${a.b} in place.

    Raises RefusedError for a reference to nothing, a circle, or any other resolver.
    """
    for leaf in list(leaves(tree)):
        if isinstance(leaf.value, str) and "${" in leaf.value:
            set_leaf(tree, leaf.path, _value(tree, leaf.value, leaf.dotted, 0))


def _value(tree: Any, text: str, where: str, depth: int) -> Any:
    if depth > _DEPTH:
        raise _refused(f"{where} refers to itself")
    whole = _REFERENCE.fullmatch(text.strip())
    if whole:
        found = _look_up(tree, whole, where)
        return _value(tree, found, where, depth + 1) if isinstance(found, str) and "${" in found else found
    filled = _REFERENCE.sub(lambda match: str(_look_up(tree, match, where)), text)
    if "${" not in filled:
        return filled
    if filled == text:
        raise _refused(f"{where} holds {text!r}, which is not understood")
    return _value(tree, filled, where, depth + 1)


def _look_up(tree: Any, match: "re.Match[str]", where: str) -> Any:
    node = tree
    for part in match.group(1).split("."):
        if not isinstance(node, dict) or part not in node:
            if match.group(2) is not None:
                return yaml.safe_load(match.group(2))
            raise _refused(f"{where} refers to {match.group(1)}, which the recipe lacks")
        node = node[part]
    if isinstance(node, dict):
        raise _refused(f"{where} refers to {match.group(1)}, which is not a value")
    return node


def _refused(what: str) -> RefusedError:
    return RefusedError(f"The recipe cannot be resolved: {what}.", rule="recipe", fix="report this recipe")
