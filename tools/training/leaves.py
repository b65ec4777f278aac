"""A recipe as a tree whose leaves have names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")

PROTECTED: dict[str, str] = {
    "name": "use the argument name",
    "model_type": "it follows from model",
    "model_name_or_path": "use the argument base",
    "replicas": "use the argument instance_count",
    "instance_type": "use the argument instance_type",
    "data_s3_path": "use the argument data",
    "validation_s3_path": "use the argument validation_data",
    "validation_data_s3_path": "use the argument validation_data",
    "output_s3_path": "use the argument output",
    "reward_lambda_arn": "use the argument reward",
    "lambda_arn": "use the argument reward; metric Lambdas of evaluations do not work yet",
    "lambda_type": "metric Lambdas of evaluations do not work yet",
    "peft_scheme": "it follows from method",
    "task": "use the argument task",
    "strategy": "it follows from task",
    "metric": "it follows from task",
    "preset_reward_function": "metric functions of evaluations do not work yet",
    "aggregation": "metric functions of evaluations do not work yet",
    "enabled": "metric functions of evaluations do not work yet",
}
"""Recipe keys that are set by an argument or follow from one; overriding them is refused with this reason."""


@dataclass(frozen=True)
class Leaf:
    """One value of the recipe and where it stands."""

    path: tuple[str, ...]
    value: Any

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[-1]

    @property
    def dotted(self) -> str:
        """The whole path, joined by dots."""
        return ".".join(self.path)

    @property
    def key(self) -> str | None:
        """The override key when the value is one placeholder and nothing else."""
        found = PLACEHOLDER.fullmatch(self.value.strip()) if isinstance(self.value, str) else None
        return found.group(1) if found else None


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Yield every leaf of a tree of mappings; lists and empty mappings are leaves."""
    for name, value in tree.items():
        here = (*path, str(name))
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        else:
            yield Leaf(here, value)


def set_leaf(tree: Any, path: tuple[str, ...], value: Any) -> None:
    """Replace the value of one existing leaf."""
    for name in path[:-1]:
        tree = tree[name]
    tree[path[-1]] = value


def open_leaves(tree: Any) -> list[Leaf]:
    """Return the leaves a caller may override."""
    return [leaf for leaf in leaves(tree) if leaf.name not in PROTECTED and leaf.key not in PROTECTED]
