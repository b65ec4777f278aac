"""Build rows from columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.rows import ROW_BYTES, TOO_LARGE, Finished, Line, Reject
from novaforge.tools.datasets.shapes.base import CONTENT_RULES, Converter, TextOf, broken, keyed
from novaforge.tools.datasets.shapes.columns import Mapping, shown
from novaforge.tools.datasets.shapes.mapper import Mapper
from novaforge.tools.datasets.shapes.templates import Fast, fast_rows

if TYPE_CHECKING:
    from novaforge.tools.datasets.reading.source import Source


class MappedRows(Converter):
    """Builds rows from columns of a table or keys of JSON rows."""

    def __init__(
        self, source: Source, mapping: Mapping, row_format: RowFormat, system_prompt: str | None, present: list[str]
    ) -> None:
        super().__init__()
        self.mapping = mapping
        self._present = present
        self._format = row_format
        self._header = source.columns
        self._mapper = Mapper(mapping, row_format, source.columns, system_prompt, source.stem)
        self.never_seen = self._mapper.never_seen

    def begin(self, file: int) -> None:
        """Take note that the rows to come are of this file of the source, counted from 0."""
        self._mapper.file = file

    def finish(self, line: Line) -> Finished | Reject:
        """Return the row, or why there is none."""
        fields = self._mapper.fields(line)
        if isinstance(fields, Reject):
            return fields
        hits = self._format.check_fields(fields)
        if hits and any(hit.rule not in CONTENT_RULES for hit in hits) and (reject := broken(line, hits)):
            return reject
        row = self._format.build(fields)
        data = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        if len(data) > ROW_BYTES:
            return Reject(line.number, TOO_LARGE, "as JSON")
        query, response = fields.get("query"), fields.get("response")
        prompt = query if isinstance(query, str) else self._format.prompt(row)
        answer = response if isinstance(response, str) else self._format.answer(row)
        return Finished(data, row, prompt, answer, hits)

    def fast(self) -> Fast | None:
        """Return how to build the rows of a table without building their objects; None where that is not possible."""
        places = self._mapper.places()
        return fast_rows(self._format, places, *self._mapper.constants()) if places else None

    def check_seen(self) -> None:
        """Raise InputError when a mapped JSON key was in no row at all."""
        if self.never_seen:
            never = sorted(self.never_seen)
            raise InputError(
                f"No row has the key {shown(never)}.",
                field="columns",
                value=never,
                fix=f"available: {shown(self._present)}",
            )

    def _text_of(self, column: str, argument: str) -> TextOf:
        return keyed(column, self._header, self.mapping, self._present, argument)
