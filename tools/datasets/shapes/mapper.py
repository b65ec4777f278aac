"""Turn one record of a table into the fields of a row."""

from typing import Any, NamedTuple

import orjson

from novaforge.tools.datasets.chats.chat import BadRowError, parsed
from novaforge.tools.datasets.formats.base import Fields, RowFormat
from novaforge.tools.datasets.rows import Line, Reject
from novaforge.tools.datasets.shapes.columns import EXTRA, Mapping


class _Slot(NamedTuple):
    name: str
    key: Any
    required: bool
    structured: bool


class BadFieldError(Exception):
    """A required field is not there or cannot be used; the text is the reason, without the value."""


class Mapper:
    """Picks the mapped columns; texts are passed on character for character."""

    def __init__(
        self, mapping: Mapping, row_format: RowFormat, header: list[str] | None, system_prompt: str | None, stem: str
    ) -> None:
        self._slots = [
            _Slot(
                name,
                header.index(column) if header is not None else column,
                name in row_format.required,
                name in row_format.structured,
            )
            for name, column in mapping.columns.items()
            if not name.startswith(EXTRA)
        ]
        self._extras = [
            (name.removeprefix(EXTRA), header.index(column) if header is not None else column)
            for name, column in mapping.columns.items()
            if name.startswith(EXTRA)
        ]
        self._system_prompt = system_prompt
        self._stem = stem
        self.file = 0
        """The file the rows are of; line numbers begin again in each."""
        self.never_seen = set(mapping.columns.values()) if header is None else set[str]()
        """Mapped JSON keys that no row has had so far."""

    def places(self) -> dict[str, int]:
        """Return the places of the mapped cells by field; nothing for rows that are no cells or keep further columns."""
        if self._extras:
            return {}
        return {slot.name: slot.key for slot in self._slots if isinstance(slot.key, int)}

    def constants(self) -> tuple[dict[str, str], str]:
        """Return the fields that are the same in all rows, and how ids made from line numbers begin."""
        own = self._system_prompt is not None and not any(slot.name == "system" for slot in self._slots)
        part = f"{self.file + 1}-" if self.file else ""
        return {"system": self._system_prompt or ""} if own else {}, f"{self._stem}-{part}"

    def fields(self, line: Line) -> Fields | Reject:
        """Return the row's fields, or why there are none."""
        record: Any = line.record
        if self.never_seen:
            self.never_seen.difference_update(record)
        found: dict[str, Any] = {}
        table = isinstance(record, list)
        try:
            for slot in self._slots:
                value = record[slot.key] if table else record.get(slot.key)
                if type(value) is not str or slot.structured:
                    value = _usable(value, slot)
                if value and not (type(value) is str and value.isspace()):
                    found[slot.name] = value
                elif slot.required:
                    missing = not table and slot.key not in record
                    return Reject(line.number, f"{slot.name} is {'missing' if missing else 'empty'}")
        except BadFieldError as problem:
            return Reject(line.number, str(problem))
        if self._extras:
            # The values stay what they are; the reward function gets them.
            found["extra"] = {key: record[place] for key, place in self._extras if table or place in record}
        if self._system_prompt is not None and "system" not in found:
            found["system"] = self._system_prompt
        if "id" not in found:
            part = f"{self.file + 1}-" if self.file else ""
            found["id"] = f"{self._stem}-{part}{line.number}"
        return found


def _usable(value: Any, slot: _Slot) -> Any:
    """Return text, or an object or list where the field takes one; raises BadFieldError."""
    if slot.name == "tools" and isinstance(value, str) and value.strip():
        return _parsed(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        if slot.structured:
            return value
        raise BadFieldError(f"{slot.name} is not text but {'an object' if isinstance(value, dict) else 'a list'}")
    if isinstance(value, float):
        # 1.10 would come out as 1.1, so a fraction is not turned into text behind the caller's back.
        raise BadFieldError(f"{slot.name} is a number with a fraction, not text")
    return orjson.dumps(value).decode()


def _parsed(text: str) -> Any:
    try:
        return parsed(text, "$.tools")
    except BadRowError as problem:
        raise BadFieldError(f"tools cannot be used: {problem.reason}") from problem
