"""Fill a recipe template: defaults, then what the plan sets, then the caller's overrides, each one checked."""

import copy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.values import JsonObject
from novaforge.tools.catalog.data import load
from novaforge.tools.training.interpolate import resolve
from novaforge.tools.training.leaves import PLACEHOLDER, PROTECTED, Leaf, leaves, open_leaves, set_leaf
from novaforge.tools.training.values import BadValueError, coerce, entry_of
from novaforge.tools.training.yamltext import dump_recipe

EPOCH_WORDS = {"epochs", "max_epochs", "num_epochs", "num_train_epochs"}


@dataclass(frozen=True)
class Rendered:
    """An effective recipe; `overridden` holds leaf names, `defaults` the template's value per leaf name."""

    tree: dict[str, Any]
    overridden: frozenset[str]
    defaults: dict[str, Any]

    @property
    def text(self) -> str:
        """The recipe as YAML."""
        return dump_recipe(self.tree)

    def value(self, name: str) -> Any:
        """Return a leaf's value by its name, or None when the recipe lacks it."""
        return next((leaf.value for leaf in leaves(self.tree) if leaf.name == name), None)

    def has(self, name: str) -> bool:
        """Tell whether the recipe has a leaf of this name."""
        return any(leaf.name == name for leaf in leaves(self.tree))


@dataclass(frozen=True)
class _Target:
    """What an override key stands for: a key of the specification, or one plain leaf."""

    entry: dict[str, Any]
    key: str | None
    leaves: tuple[Leaf, ...]

    @property
    def place(self) -> str:
        """Where the value goes, the same for each way of naming it."""
        return self.key or self.leaves[0].dotted


def render(
    template: dict[str, Any], params: JsonObject, overrides: dict[str, JsonValue], injected: dict[str, Any]
) -> Rendered:
    """Return the effective recipe.

    `injected` maps a specification key or a dotted path to what the plan sets there. Overrides are keyed by leaf name,
    dotted path or specification key. Raises InputError listing every override that is unknown, ambiguous or out of
    bounds, and RefusedError for protected keys or a recipe that stays incomplete.
    """
    _refuse_protected(overrides)
    tree = copy.deepcopy(template)
    targets = _targets(template, params, overrides)
    values = {key: _spec(params, key).get("default") for key in params}
    values |= {key: value for key, value in injected.items() if "." not in key}
    for target, value in targets:
        if target.key is not None:
            values[target.key] = value
        else:
            set_leaf(tree, target.leaves[0].path, value)
    _fill(tree, values, params, injected)
    resolve(tree)
    defaults = {
        leaf.name: _spec(params, leaf.key).get("default") if leaf.key else leaf.value for leaf in leaves(template)
    }
    names = {leaf.name for target, _ in targets for leaf in target.leaves}
    return Rendered(tree, frozenset(names), defaults)


def _spec(params: JsonObject, key: str | None) -> dict[str, Any]:
    entry = params.get(key) if key else None
    return entry if isinstance(entry, dict) else {}


def limits_of(leaf: Leaf, params: JsonObject) -> dict[str, Any]:
    """Return type, default and bounds of one leaf: the hub's for a placeholder, documented ones for a plain value."""
    if leaf.key is not None:
        return _spec(params, leaf.key)
    documented: dict[str, Any] = load("recipes.json")["leaf_limits"].get(leaf.name, {})
    return {**entry_of(leaf.value), **documented}


def _refuse_protected(overrides: dict[str, JsonValue]) -> None:
    refused = {name: PROTECTED[last] for name in overrides if (last := name.rpartition(".")[2]) in PROTECTED}
    if refused:
        listed = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise RefusedError(
            f"These recipe keys cannot be overridden. {listed}.",
            rule="protected-key",
            keys=list(refused),
            fix="leave them out of overrides",
        )


def _targets(
    template: dict[str, Any], params: JsonObject, overrides: dict[str, JsonValue]
) -> list[tuple[_Target, Any]]:
    found: dict[str, tuple[_Target, Any]] = {}
    problems: dict[str, str] = {}
    choices = open_leaves(template)
    for name, value in overrides.items():
        try:
            target = _target(name, choices, params)
            if target.place in found:
                raise BadValueError(f"sets {target.leaves[0].dotted} a second time")
            found[target.place] = (target, coerce(value, target.entry))
        except BadValueError as problem:
            problems[name] = str(problem)
    if problems:
        _refuse(problems, overrides)
    return list(found.values())


def _target(name: str, choices: list[Leaf], params: JsonObject) -> _Target:
    by_key = tuple(leaf for leaf in choices if leaf.key == name)
    if by_key:
        return _Target(limits_of(by_key[0], params), name, by_key)
    hits = [leaf for leaf in choices if leaf.name == name or leaf.dotted == name or leaf.dotted.endswith(f".{name}")]
    if not hits:
        raise BadValueError(f"is not a key of this recipe{_nearest(name, choices)}")
    keys = {leaf.key for leaf in hits}
    if len(hits) > 1 and (len(keys) > 1 or None in keys):
        raise BadValueError(f"stands at {' and '.join(leaf.dotted for leaf in hits)}: give the whole path")
    return _Target(limits_of(hits[0], params), hits[0].key, tuple(hits))


def _nearest(name: str, choices: list[Leaf]) -> str:
    if name in EPOCH_WORDS:
        return "; this model counts optimizer steps: max_steps"
    names = list(dict.fromkeys([*(leaf.name for leaf in choices), *(leaf.key for leaf in choices if leaf.key)]))
    close = get_close_matches(name.rpartition(".")[2], names, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else f"; it has {', '.join(sorted(names))}"


def _refuse(problems: dict[str, str], overrides: dict[str, JsonValue]) -> None:
    first = next(iter(problems))
    listed = "; ".join(f"{name} {problem}" for name, problem in problems.items())
    raise InputError(
        f"overrides: {listed}.",
        field=f"overrides.{first}",
        value=overrides[first],
        fix="correct these keys; list_options shows names, defaults and bounds",
        problems=problems,
    )


def _fill(tree: dict[str, Any], values: dict[str, Any], params: JsonObject, injected: dict[str, Any]) -> None:
    missing: list[str] = []
    for leaf in list(leaves(tree)):
        at = next((path for path in injected if "." in path and f".{leaf.dotted}".endswith(f".{path}")), None)
        if at is not None:
            set_leaf(tree, leaf.path, injected[at])
        elif leaf.key is not None:
            value = values.get(leaf.key)
            missing += [leaf.key] if _is_missing(leaf.key, value, params, injected) else []
            set_leaf(tree, leaf.path, value)
        elif isinstance(leaf.value, str) and PLACEHOLDER.search(leaf.value):
            filled = PLACEHOLDER.sub(lambda match: str(values.get(match.group(1), "")), leaf.value)
            set_leaf(tree, leaf.path, filled)
    if missing:
        raise RefusedError(
            f"The recipe requires {', '.join(missing)}, and nothing sets it.", rule="recipe", fix="report this recipe"
        )


def _is_missing(key: str, value: Any, params: JsonObject, injected: dict[str, Any]) -> bool:
    """Tell whether nothing sets a placeholder: no plan value, no specification, or a required one left empty."""
    if key in injected:
        return False
    unset = value in (None, "") and bool(_spec(params, key).get("required")) and key not in PROTECTED
    return key not in params or unset
