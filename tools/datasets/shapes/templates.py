"""Build rows of a table from constant pieces of JSON: only what changes from row to row is encoded."""

from collections.abc import Callable, Mapping, Sequence

import orjson

from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.rows import ROW_BYTES, Finished, Line

PLAIN_FORMATS = ("converse", "rft", "gen_qa")
"""Formats whose build puts each text where it belongs and changes nothing else; a test compares both ways."""

Fast = Callable[[Line], Finished | None]
"""Returns a finished row, its content left out, or None for a row that has to go the long way."""


class Template:
    """A row of a format as bytes with gaps for the JSON texts of some fields."""

    def __init__(self, build: Callable[[Mapping[str, str]], object], names: Sequence[str]) -> None:
        marks = {name: f"@@{name}@@" for name in names}
        whole = orjson.dumps(build(marks), option=orjson.OPT_APPEND_NEWLINE)
        encoded = {name: orjson.dumps(mark) for name, mark in marks.items()}
        places = sorted((whole.index(mark), name) for name, mark in encoded.items() if whole.count(mark) == 1)
        self.pieces: list[bytes] = []
        end = 0
        for place, name in places:
            self.pieces.append(whole[end:place])
            end = place + len(encoded[name])
        self.pieces.append(whole[end:])
        self.order = [name for _, name in places]

    def render(self, fields: Mapping[str, str]) -> bytes:
        """Return the row with these texts."""
        parts = [self.pieces[0]]
        for name, piece in zip(self.order, self.pieces[1:], strict=True):
            parts += (orjson.dumps(fields[name]), piece)
        return b"".join(parts)


def fast_rows(
    row_format: RowFormat, places: Mapping[str, int], constants: Mapping[str, str], id_prefix: str
) -> Fast | None:
    """Return how to build rows from the cells at `places`; None where a format has to be built the long way.

    A row without an id column gets the prefix and its line number.
    """
    if row_format.name not in PLAIN_FORMATS or "tools" in places:
        return None
    numbered = "id" not in places
    template = Template(row_format.build, [*places, *constants, *(["id"] if numbered else [])])
    slots = list(places.items())
    fields = dict(constants)
    check, render = row_format.check_fields, template.render

    def finish(line: Line) -> Finished | None:
        cells = line.record
        for name, place in slots:
            text = cells[place]  # type: ignore[index]  # a table's record is a list of cells
            if not text or text.isspace():
                return None
            fields[name] = text
        if numbered:
            fields["id"] = f"{id_prefix}{line.number}"
        if check(fields):
            return None
        data = render(fields)
        if len(data) > ROW_BYTES:
            return None
        return Finished(data, {}, fields["query"], fields["response"], [])

    return finish
