"""The audit log's hash chain: building and checking lines of JSON, without touching a file.

Each line is the canonical JSON of an entry whose `hash` is SHA-256 over the previous hash followed by the canonical JSON
of everything else in it. A chain shows every change inside it; that its end was cut off it cannot show.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import JsonValue, ValidationError

from novaforge.guards.text import clean
from novaforge.guards.values import Frozen, JsonObject, canonical_json, sha256_text

GENESIS = "0" * 64
OPENED = "audit.opened"
TORN = "audit.torn"
"""Event that binds bytes a crashed writer left: their count and SHA-256."""


class Head(Frozen):
    """The end of a chain: what the next line continues."""

    seq: int = 0
    hash: str = GENESIS


class Entry(Frozen):
    """One line of the log."""

    seq: int
    at: str
    actor: str
    event: str
    plan_digest: str
    detail: JsonObject
    prev: str
    hash: str

    def line(self) -> str:
        """Return the line without its newline."""
        return canonical_json(self.model_dump(mode="json"))

    def sealed(self) -> bool:
        """Tell whether the hash is the one of the content."""
        return self.hash == _hash(self.prev, self.model_dump(mode="json", exclude={"prev", "hash"}))


class Verdict(Frozen):
    """What checking a log showed; first_bad is the number of the first line that does not fit."""

    lines: int
    head: str
    first_bad: int | None = None
    reason: str = ""
    torn: int = 0
    torn_tail: bool = False

    @property
    def ok(self) -> bool:
        """Whether every line fits the chain."""
        return self.first_bad is None

    def text(self) -> str:
        """Return the verdict in a few words."""
        if self.first_bad is not None:
            return f"The audit log is broken at seq {self.first_bad}: {self.reason}. The {self.lines} lines before fit."
        said = [f"The audit log is intact: {self.lines} lines, head {self.head}."]
        if self.torn:
            said.append(f"{self.torn} interrupted writes are recorded in it.")
        if self.torn_tail:
            said.append("The last write was interrupted; the next one will record that.")
        return " ".join(said)


def next_entry(
    head: Head, *, at: datetime, actor: str, event: str, plan_digest: str = "", detail: JsonObject | None = None
) -> Entry:
    """Return the entry that continues a chain; text in the detail is cleaned, floats become strings."""
    rest: JsonObject = {
        "seq": head.seq + 1,
        "at": at.isoformat(timespec="microseconds"),
        "actor": actor,
        "event": event,
        "plan_digest": plan_digest,
        "detail": _plain(detail or {}),
    }
    return Entry.model_validate({**rest, "prev": head.hash, "hash": _hash(head.hash, rest)})


def read_entry(line: bytes) -> Entry | None:
    """Return the entry a line states, whether its hash fits or not; None when the line is not one."""
    try:
        value = json.loads(line)
        return Entry.model_validate(value, strict=True)
    except (ValueError, ValidationError, RecursionError):
        return None


def torn_detail(fragment: bytes) -> JsonObject:
    """Return what binds the bytes an interrupted write left."""
    return {"bytes": len(fragment), "sha256": sha256_text(fragment.decode("latin-1"))}


def verify_lines(lines: Iterable[bytes]) -> Verdict:
    """Check a log, given as lines with their newlines; stops at the first that does not fit."""
    chain = _Chain()
    for line in lines:
        chain.feed(line)
        if chain.reason:
            break
    return chain.verdict()


class _Chain:
    """The state of a check between lines."""

    def __init__(self) -> None:
        self.head = Head()
        self.fragment = b""
        self.torn = 0
        self.reason = ""

    def feed(self, line: bytes) -> None:
        entry = read_entry(line)
        if entry is None:
            self._suspect(line)
        elif problem := self._problem(entry, line):
            self.reason = problem
        else:
            self.torn += bool(self.fragment)
            self.fragment = b""
            self.head = Head(seq=entry.seq, hash=entry.hash)

    def verdict(self) -> Verdict:
        bad = self.head.seq + 1 if self.reason else None
        return Verdict(
            lines=self.head.seq,
            head=self.head.hash,
            first_bad=bad,
            reason=self.reason,
            torn=self.torn,
            torn_tail=bool(self.fragment) and not self.reason,
        )

    def _suspect(self, line: bytes) -> None:
        """Hold a line that is no entry until the next one says that a crash left it; an altered entry is none such."""
        if _is_object(line):
            self.reason = "the line is JSON but not an entry"
        self.fragment += line

    def _problem(self, entry: Entry, line: bytes) -> str:
        if self.fragment and not _binds(entry, self.fragment):
            return "there are bytes that no interrupted write accounts for"
        if entry.seq != self.head.seq + 1:
            return f"seq {entry.seq} follows seq {self.head.seq}"
        if entry.prev != self.head.hash:
            return "it does not continue the line before"
        if not entry.sealed() or line.rstrip(b"\n") != entry.line().encode():
            return "its content was changed"
        return "" if entry.seq > 1 or entry.event in {OPENED, TORN} else "the first line does not open the log"


def _binds(entry: Entry, fragment: bytes) -> bool:
    return entry.event == TORN and entry.detail == torn_detail(fragment)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _hash(prev: str, rest: JsonObject) -> str:
    return sha256_text(prev + canonical_json(rest))


def _plain(value: JsonValue) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
