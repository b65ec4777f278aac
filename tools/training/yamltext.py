"""Recipes as YAML text that every reader understands the same way."""

import re
from decimal import Decimal
from typing import Any

import yaml

from novaforge.guards.errors import RefusedError

_BARE = re.compile(r"^(\s*(?:-\s+|[^#\n]*?:\s+))(\{\{\s*\w+\s*\}\})\s*(#.*)?$", re.MULTILINE)
"""A placeholder standing unquoted as a whole value, which YAML would read as a mapping."""

_SCIENTIFIC = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+")
"""Numbers such as 1e-5, which YAML 1.1 readers take for text."""

HUB_CHANGED = "the hub may have changed; look at DescribeHubContent"
"""What to do when the hub's material is not what it was when this was written."""


class _Loader(yaml.SafeLoader):
    """A safe loader that reads 1e-5 as a number."""


class _Dumper(yaml.SafeDumper):
    """A safe dumper that writes floats in decimal form and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _decimal_form(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = format(Decimal(repr(value)), "f")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text if "." in text else f"{text}.0")


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^{_SCIENTIFIC.pattern}$"), list("-+0123456789."))
_Dumper.add_representer(float, _decimal_form)


def load_template(text: str, uri: str) -> dict[str, Any]:
    """Read a recipe template; raises RefusedError when it is not a YAML mapping."""
    try:
        tree = yaml.load(_BARE.sub(r"\1'\2'", text), Loader=_Loader)
    except yaml.YAMLError as error:
        raise RefusedError(f"The recipe template {uri} is not YAML: {error}", rule="recipe", fix=HUB_CHANGED) from error
    if not isinstance(tree, dict) or not tree:
        raise RefusedError(f"The recipe template {uri} is not a mapping.", rule="recipe", fix=HUB_CHANGED)
    return {str(name): _numbers(value) for name, value in tree.items()}


def dump_recipe(tree: Any) -> str:
    """Write a recipe: keys in their order, floats in decimal form, ASCII only."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=4096)


def _numbers(value: Any) -> Any:
    """Turn quoted texts such as "1e-5" into the numbers they stand for."""
    if isinstance(value, dict):
        return {str(name): _numbers(item) for name, item in value.items()}
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value
