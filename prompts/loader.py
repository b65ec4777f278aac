"""Read the playbooks: Markdown files with a head of settings, filled in with a person's arguments as data."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

VALUE_CHARS = 500
NOT_GIVEN = "not given"
_FILE = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PART = re.compile(r"^\[\[(_[a-z]+)\]\]$", re.MULTILINE)
_HEAD_KEYS = {"name", "title", "description", "arguments"}
_ARGUMENT_KEYS = {"name", "description", "required", "values", "default"}


class PlaybookError(ValueError):
    """A playbook file is wrong, or an argument for one is."""


@dataclass(frozen=True)
class PromptArgument:
    """One argument: `values` are offered for completion, `default` stands where an optional one is not given."""

    name: str
    description: str
    required: bool = False
    values: tuple[str, ...] = ()
    default: str = NOT_GIVEN


@dataclass(frozen=True)
class Playbook:
    """One playbook; `body` holds {placeholders} of its arguments."""

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...]
    body: str

    def render(self, **arguments: str) -> str:
        """Return the text with each argument as a quoted string, so that a value reads as data.

        Raises PlaybookError for an unknown, missing or too long argument.
        """
        unknown = sorted(arguments.keys() - {argument.name for argument in self.arguments})
        if unknown:
            raise PlaybookError(f"{self.name} has no argument {', '.join(unknown)}.")
        values = {argument.name: _quoted(argument, arguments.get(argument.name)) for argument in self.arguments}
        # One pass: a placeholder inside a value is not filled in again.
        return _PLACEHOLDER.sub(lambda found: values[found.group(1)], self.body)


@cache
def playbooks() -> tuple[Playbook, ...]:
    """Return every playbook of the package, by name; raises PlaybookError for a file that breaks the format."""
    texts = {
        entry.name.removesuffix(".md"): entry.read_text(encoding="utf-8")
        for entry in files("novaforge.prompts").iterdir()
        if entry.name.endswith(".md")
    }
    parts = {name: text.strip() for name, text in texts.items() if name.startswith("_")}
    return tuple(parse(name, texts[name], parts) for name in sorted(texts.keys() - parts.keys()))


def parse(name: str, text: str, parts: dict[str, str]) -> Playbook:
    """Read one playbook; a line [[_part]] stands for a shared part. Raises PlaybookError."""
    match = _FILE.fullmatch(text)
    if not match:
        raise PlaybookError(f"{name} does not start with a head between --- lines.")
    head = _checked(yaml.safe_load(match.group(1)), _HEAD_KEYS, {"name", "title", "description"}, name)
    if head["name"] != name:
        raise PlaybookError(f"{name} calls itself {head['name']!r}.")
    arguments = tuple(_argument(item, name) for item in head.get("arguments", []))
    body = _PART.sub(lambda found: _part(parts, found.group(1), name), match.group(2)).strip() + "\n"
    _match_placeholders(name, body, arguments)
    return Playbook(name, head["title"], head["description"], arguments, body)


def _argument(item: Any, playbook: str) -> PromptArgument:
    fields = _checked(item, _ARGUMENT_KEYS, {"name", "description"}, playbook)
    if fields.get("required") and "default" in fields:
        raise PlaybookError(f"{playbook}: required argument {fields['name']} has a default.")
    return PromptArgument(
        name=str(fields["name"]),
        description=str(fields["description"]),
        required=fields.get("required") is True,
        values=tuple(str(value) for value in fields.get("values", ())),
        default=str(fields.get("default", NOT_GIVEN)),
    )


def _checked(value: Any, allowed: set[str], needed: set[str], playbook: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PlaybookError(f"{playbook}: settings are not a mapping.")
    wrong = sorted(str(key) for key in (value.keys() - allowed) | (needed - value.keys()))
    if wrong:
        raise PlaybookError(f"{playbook}: unknown or missing settings: {', '.join(wrong)}.")
    return value


def _part(parts: dict[str, str], part: str, playbook: str) -> str:
    if part not in parts:
        raise PlaybookError(f"{playbook}: there is no shared part {part}.")
    return parts[part]


def _match_placeholders(name: str, body: str, arguments: tuple[PromptArgument, ...]) -> None:
    used, known = set(_PLACEHOLDER.findall(body)), {argument.name for argument in arguments}
    if used != known:
        raise PlaybookError(f"{name}: placeholders and arguments differ in {', '.join(sorted(used ^ known))}.")


def _quoted(argument: PromptArgument, given: str | None) -> str:
    value = (given or "").strip()
    if not value:
        if argument.required:
            raise PlaybookError(f"The argument {argument.name} is required.")
        return argument.default
    if len(value) > VALUE_CHARS:
        raise PlaybookError(f"The argument {argument.name} is longer than {VALUE_CHARS} characters.")
    return json.dumps("".join(ch if ch.isprintable() else " " for ch in value), ensure_ascii=False)
