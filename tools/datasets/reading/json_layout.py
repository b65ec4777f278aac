"""JSON files: an array, one object, objects one after the other, or a list of objects inside an object."""

from collections.abc import Iterator
from itertools import chain

import orjson

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.reading.json_lists import find_lists
from novaforge.tools.datasets.reading.json_split import TOO_LONG, Elements
from novaforge.tools.datasets.reading.jsonl_rows import MADE_REJECT, JsonlDecoder, made_reject
from novaforge.tools.datasets.reading.made import made_batches
from novaforge.tools.datasets.reading.opened import OpenedFile
from novaforge.tools.datasets.rows import BAD_JSON, MEDIA_ROW_BYTES, ROW_BYTES, TOO_LARGE

LOOK_FOR_LIST = MEDIA_ROW_BYTES + ROW_BYTES
"""How much of a file that is one object is looked through for its list of rows; a smaller one, such as one row, is looked
at whole."""


class JsonLayout:
    """The rows of JSON files, numbered by their place in the list."""

    format = "json"
    is_text = True
    columns: list[str] | None = None
    delimiter = ""

    def __init__(self) -> None:
        self.decoder = JsonlDecoder(made=True)
        self._notes: dict[str, Finding] = {}

    def batches(self, index: int, opened: OpenedFile) -> Iterator[Batch]:
        """Yield the objects as JSON Lines."""
        return made_batches(index, self._rows(opened), opened.block_bytes)

    def notes(self) -> list[Finding]:
        """Return where the rows were found and what was wrong around them."""
        return list(self._notes.values())

    def _rows(self, opened: OpenedFile) -> Iterator[bytes]:
        blocks = _without_blanks(opened.blocks)
        head = next(blocks, b"")
        if not head:
            message = f"{opened.uri} has no rows."
            raise InputError(message, field="source", value=opened.uri, fix="give a file with rows")
        if head.startswith(b"["):
            yield from self._list(opened, chain([head[1:]], blocks))
        else:
            yield from self._object(opened, head, blocks)

    def _list(self, opened: OpenedFile, blocks: Iterator[bytes], *, inside: bool = False) -> Iterator[bytes]:
        elements = Elements(blocks, opened.uri)
        for element in elements:
            yield _line(element)
        if not elements.closed:
            self._note("source-json-end", "warn", f"the list of {opened.uri} does not end; the file may be cut off")
        if not elements.tidy:
            self._note("source-json-commas", "warn", f"commas are missing or too many in {opened.uri}")
        behind = _drain(chain([elements.rest], blocks))
        if behind and not inside:
            yield made_reject(BAD_JSON, "content behind the end of the list")

    def _object(self, opened: OpenedFile, head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
        data = head + b"".join(_take(blocks, LOOK_FOR_LIST - len(head)))
        found = find_lists(data)
        whole = len(data) < LOOK_FOR_LIST
        if found.end and data[found.end :].strip():
            yield from self._one_after_the_other(opened, chain([data], blocks))
        elif len(found.lists) > 1:
            names = ", ".join(repr(one_line(name, 60)) for name, _ in found.lists[:10])
            message = f"{opened.uri} is one object with several lists of objects: {names}."
            raise InputError(message, field="source", value=opened.uri, fix="write the list you want to its own file")
        elif found.lists:
            name, start = found.lists[0]
            self._note("source-json-list", "info", f"the rows are the list {one_line(name, 60)!r} of the one object")
            yield from self._list(opened, chain([data[start:]], blocks), inside=True)
        elif whole:
            yield data.strip()
        else:
            message = f"{opened.uri} is one object without a list of objects in its first {LOOK_FOR_LIST // 10**6} MB."
            raise InputError(message, field="source", value=opened.uri, fix="write one object per row")

    def _one_after_the_other(self, opened: OpenedFile, blocks: Iterator[bytes]) -> Iterator[bytes]:
        self._note("source-json-list", "info", "the rows are JSON values one after the other")
        for element in Elements(blocks, opened.uri, bare=True):
            yield _line(element)

    def _note(self, rule: str, severity: str, message: str) -> None:
        self._notes[rule] = Finding(rule=rule, severity="warn" if severity == "warn" else "info", message=message)


def _line(element: bytes) -> bytes:
    if element == TOO_LONG:
        return made_reject(TOO_LARGE)
    # Nothing in a file may pass for a reject of ours, whose words are shown.
    return made_reject(BAD_JSON) if element.startswith(MADE_REJECT) else element


def is_json_lines(head: bytes) -> bool:
    """Tell JSON Lines from other JSON that begins with a brace, by the first lines."""
    lines = [line for line in head[: 1024 * 1024].split(b"\n") if line.strip()]
    if len(lines) < 2:
        return False
    # The last line may be cut off here; of the others one that is an object is enough, unless it is part of a larger one.
    return lines[0].rstrip()[-1:] not in b"{[,:" and any(_is_object(line) for line in lines[:20])


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _without_blanks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the blanks in front."""
    for block in blocks:
        if rest := block.lstrip():
            yield rest
            break
    yield from blocks


def _take(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := next(blocks, b"")):
        size -= len(block)
        yield block


def _drain(blocks: Iterator[bytes]) -> bool:
    """Read to the end; True when there was more than blanks."""
    more = False
    for block in blocks:
        more = more or bool(block.strip())
    return more
