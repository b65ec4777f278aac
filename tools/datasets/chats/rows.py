"""Turn chats of any shape into finished rows of a format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from novaforge.tools.datasets.chats.chat import BadRowError, Chat
from novaforge.tools.datasets.chats.items import Media
from novaforge.tools.datasets.chats.openai import OpenAiReader, Reader
from novaforge.tools.datasets.chats.plain import Straight
from novaforge.tools.datasets.chats.to_converse import converse_row
from novaforge.tools.datasets.chats.to_openai import multiturn_row, rft_row
from novaforge.tools.datasets.chats.to_text import cpt_row, dpo_row, gen_qa_row
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.media.target import MediaTarget
from novaforge.tools.datasets.rows import ROW_BYTES, TOO_LARGE, Finished, JsonRow, Line, Reject, media_inside
from novaforge.tools.datasets.shapes.base import Converter, TextOf, answer_text, broken, keyed, query_text
from novaforge.tools.datasets.shapes.columns import ALIASES, Mapping, shown

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

TOO_DEEP = "the row is nested too deep to be written as JSON"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,29}", re.ASCII)
"""Keys that are named in findings; others could be sentences."""
_TEXTS = {"response": answer_text, "query": query_text}


class ChatRows(Converter):
    """Reads chats with a reader and writes them as rows of a format."""

    def __init__(
        self,
        reader: Reader,
        row_format: RowFormat,
        header: list[str] | None,
        stem: str,
        system_prompt: str | None = None,
        media: MediaTarget | None = None,
        notes: Sequence[str] = (),
        present: Sequence[str] = (),
        unused: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.notes = tuple(notes)
        self._reader = reader
        self._format = row_format
        self._header = header
        self._stem = stem
        self._system_prompt = system_prompt
        self._media = Media(media or MediaTarget())
        self._present = list(present)
        self._unused = list(unused)
        self._last = (0, 0)
        self._straight = Straight(system_prompt, tools=row_format.tools)
        plain = row_format.name == "converse" and isinstance(reader, OpenAiReader) and reader.is_plain
        self._plain = reader.messages if plain and isinstance(reader, OpenAiReader) else ""

    def begin(self, file: int) -> None:
        """Take note that the rows to come are of this file of the source, counted from 0."""
        self.file = file
        self._last = (0, 0)

    def findings(self) -> list[Finding]:
        """Return what was done to rows, and which keys of the source are not used."""
        from novaforge.guards.findings import Finding

        found = super().findings()
        if self._unused:
            named = [key for key in self._unused if _NAME.fullmatch(key)]
            others = len(self._unused) - len(named)
            told = [shown(named)] if named else []
            told += [f"{others} of unusual names"] if others else []
            message = f"keys of the source that are not used: {' and '.join(told)}"
            found.append(Finding(rule="source-mapping", severity="info", message=message))
        return found

    def finish(self, line: Line) -> Finished | Reject:
        """Return the row, or why there is none."""
        record: Any = line.record
        done: Counter[str] = Counter()
        try:
            if self._plain and type(record) is dict and "functions" not in record:
                row = self._straightly(record.get(self._plain), record.get("tools"))
                if row is not None:
                    return row
            chat = self._reader(record if type(record) is dict else dict(zip(self._header or (), record, strict=True)))
            finished = self._written(chat, line, done)
        except BadRowError as problem:
            finished = Reject(line.number, problem.reason, problem.path)
        except orjson.JSONEncodeError:
            finished = Reject(line.number, TOO_DEEP)
        if type(finished) is Reject:
            self._media.take()
        elif done:
            self.counts.update(dict.fromkeys(done, 1))
        return finished

    def _straightly(self, messages: Any, tools: Any, group: str = "") -> Finished | None:
        """Return the row of a chat that needs no more than the straight way; None for another one."""
        made = self._straight.row(messages, tools)
        if made is None:
            return None
        data = orjson.dumps(made.row, option=orjson.OPT_APPEND_NEWLINE)
        return Finished(data, made.row, made.prompt, made.answer, [], (), group) if len(data) <= ROW_BYTES else None

    def _written(self, chat: Chat, line: Line, done: Counter[str]) -> Finished | Reject:
        name = self._format.name
        if name == "converse":
            if chat.reference is None and (finished := self._straightly(chat.messages, chat.tools, chat.group)):
                return finished
            row = converse_row(chat, self._system_prompt, self._media, done)
        else:
            row = self._other(chat, name, line, done)
        data = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        if len(data) > ROW_BYTES and not (self._format.name == "gen_qa" and media_inside(data)):
            return Reject(line.number, TOO_LARGE, "as JSON")
        hits = self._format.check(row)
        if hits and (reject := broken(line, hits)):
            return reject
        media = self._media.take() if self._media.found else ()
        return Finished(data, row, self._format.prompt(row), self._format.answer(row), hits, media, chat.group)

    def _other(self, chat: Chat, name: str, line: Line, done: Counter[str]) -> JsonRow:
        if name == "dpo":
            return dpo_row(chat, self._system_prompt, self._media, done)
        if name == "cpt":
            return cpt_row(chat, done)
        row_id = chat.id or self._id(line)
        if name == "gen_qa":
            return gen_qa_row(chat, self._system_prompt, row_id, self._media, done)
        if name == "rft":
            return rft_row(chat, self._system_prompt, row_id, done)
        return multiturn_row(chat, self._system_prompt, row_id, done, nested=name == "rft_multiturn")

    def _id(self, line: Line) -> str:
        """Return an id of file and line, with a number when one line holds several rows."""
        number, count = self._last
        count = count + 1 if number == line.number else 1
        self._last = (line.number, count)
        part = f"{self.file + 1}-" if self.file else ""
        return f"{self._stem}-{part}{line.number}" + (f".{count}" if count > 1 else "")

    def _text_of(self, column: str, argument: str) -> TextOf:
        logical = ALIASES.get(column, column)
        if column not in self._present and logical in _TEXTS:
            return _TEXTS[logical]
        return keyed(column, self._header, Mapping({}, given=True), self._present, argument)
