"""Reading the rendered recipe, and remembering what was read so that the rest can be named."""

from pathlib import Path
from typing import Any

import yaml

from novaforge.guards.errors import InputError

_SELECT = "${oc.select:"


class Recipe:
    """A rendered recipe; keys are dotted paths, references of the form ${oc.select:path} are followed."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self._leaves = dict(_leaves(tree))
        self._used: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Read recipe.yaml; raises InputError when it is not a YAML mapping."""
        try:
            tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"The recipe cannot be read: {error}", field="recipe") from error
        if not isinstance(tree, dict):
            raise InputError("The recipe is not a YAML mapping.", field="recipe")
        return cls(tree)

    def has(self, prefix: str) -> bool:
        """Say whether a section or key is there."""
        return any(key == prefix or key.startswith(f"{prefix}.") for key in self._leaves)

    def value(self, *keys: str) -> Any:
        """Return the first of these keys that has a value, else None."""
        for key in keys:
            self._used.add(key)
            value = self._leaves.get(key)
            if isinstance(value, str) and value.startswith(_SELECT):
                value = self.value(value[len(_SELECT) :].rstrip("}").split(",")[0].strip())
            if value not in (None, ""):
                return value
        return None

    def number(self, *keys: str, default: float | None = None) -> float:
        """Return a number ("1e-5" counts as one); raises InputError when it is missing or is not a number."""
        value = self.value(*keys)
        if value is None:
            value = default
        if isinstance(value, bool) or value is None:
            raise InputError(f"The recipe has no number {keys[0]}.", field=keys[0], value=value)
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"Recipe key {keys[0]} is not a number.", field=keys[0], value=value) from error

    def count(self, *keys: str, default: int | None = None) -> int:
        """Return a whole number; raises InputError for anything else."""
        number = self.number(*keys, default=default)
        if not number.is_integer():
            raise InputError(f"Recipe key {keys[0]} is not a whole number.", field=keys[0], value=number)
        return int(number)

    def unused(self) -> list[str]:
        """Return the keys nobody asked for, in the recipe's order."""
        return [key for key, value in self._leaves.items() if key not in self._used and value not in (None, "")]


def _leaves(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            found.extend(_leaves(value, f"{path}."))
        else:
            found.append((path, value))
    return found
