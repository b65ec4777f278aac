"""Pass rows on that have the wanted format already."""

import orjson

from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.rows import Finished, Line, Reject
from novaforge.tools.datasets.shapes.base import Converter, TextOf, answer_text, broken, no_column, query_text
from novaforge.tools.datasets.shapes.columns import ALIASES

_TEXTS = {"response": answer_text, "query": query_text}


class ReadyRows(Converter):
    """Passes rows of the right format on, byte for byte."""

    def __init__(self, row_format: RowFormat) -> None:
        super().__init__()
        self._format = row_format

    def finish(self, line: Line) -> Finished | Reject:
        """Return the row as it is, or why it is not of the format."""
        row = line.record
        assert isinstance(row, dict)
        hits = self._format.check(row)
        if hits and (reject := broken(line, hits)):
            return reject
        # What was no line of JSON has no bytes of its own to be passed on.
        data = line.raw.strip() + b"\n" if line.raw else orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        return Finished(data, row, self._format.prompt(row), self._format.answer(row), hits)

    def _text_of(self, column: str, argument: str) -> TextOf:
        logical = ALIASES.get(column, column)
        if logical not in _TEXTS:
            raise no_column(column, list(_TEXTS), argument)
        return _TEXTS[logical]
