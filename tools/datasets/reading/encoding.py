"""Tell what encoding a file has, and turn its bytes into UTF-8 without losing or changing a character."""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding

BOM = b"\xef\xbb\xbf"
# Longest first: the UTF-32 marks begin with those of UTF-16.
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32LE",
    b"\x00\x00\xfe\xff": "UTF-32BE",
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
}
_SAMPLE = 4096
_LOOK_AHEAD = 4 * 1024 * 1024
_SEVERAL_LINES = 2
"""Bytes that are not UTF-8 on one line only are damage of that line; on several they may be another encoding."""
_LONG_RUN = 4
"""Western text hardly ever has as many accented letters in a row; other single-byte and East Asian encodings do."""

_BAD = re.compile("[\udc80-\udcff]+")
_GOOD = re.compile("[^\x00-\x7f\udc80-\udcff]")
_MARKING = "novaforge-mark"


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Put a byte that is no UTF-8 in the place of what cannot be decoded, so that its row is rejected as such."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(_MARKING, _mark)


class Utf8:
    """The blocks of a file as UTF-8, whatever its encoding is.

    What cannot be decoded stays invalid in UTF-8, so that the reader of the rows finds and rejects it. As long as all
    bytes are ASCII nothing has to be decided; the first others, and up to 4 MB after them, decide between UTF-8 and
    Windows-1252. `encoding` is final when all blocks were read.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self.encoding = "UTF-8"

    def __iter__(self) -> Iterator[bytes]:
        held = self._hold(_SAMPLE)
        head = b"".join(held)
        name = other_encoding(head)
        if name:
            self.encoding = name
            return self._transcoded(name, chain(held, self._blocks))
        if head.startswith(BOM):
            self.encoding = "UTF-8 with BOM"
            return chain([head[len(BOM) :]], self._blocks)
        return self._decide(chain(held, self._blocks))

    def _transcoded(self, name: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(name)(_MARKING)
        first = True
        for block in chain(blocks, [None]):
            text = decoder.decode(block or b"", final=block is None)
            if text and first:
                text, first = text.removeprefix("\ufeff"), False
            yield text.encode("utf-8", "surrogateescape")

    def _decide(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            if block.isascii():
                yield block
                continue
            self._blocks = blocks
            held = [block, *self._hold(_LOOK_AHEAD - len(block))]
            if is_windows_1252(b"".join(held)):
                self.encoding = "Windows-1252"
                yield from self._transcoded("cp1252", chain(held, blocks))
            else:
                yield from chain(held, blocks)

    def _hold(self, size: int) -> list[bytes]:
        """Take blocks of together at least `size` bytes, as far as there are any."""
        held: list[bytes] = []
        while size > 0 and (block := next(self._blocks, b"")):
            held.append(block)
            size -= len(block)
        return held


_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def other_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 with its byte order when the first bytes of a file say so, else None."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    sample = head[:_SAMPLE]
    # Latin text in UTF-16 has a zero in every second byte; UTF-8 text has next to none.
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < max(4, len(sample) // 5) or min(even, odd) > len(sample) // 20:
        return None
    return "UTF-16BE" if even > odd else "UTF-16LE"


def is_windows_1252(sample: bytes) -> bool:
    """Tell text in Windows-1252 from UTF-8 in which some lines are damaged, and from other encodings."""
    end = sample.rfind(b"\n") + 1
    try:
        sample[:end].decode("utf-8")
    except UnicodeDecodeError:
        text = sample[:end].decode("utf-8", "surrogateescape")
    else:
        return False
    runs = _BAD.findall(text)
    lines = sum(1 for line in text.split("\n") if _BAD.search(line))
    if lines < _SEVERAL_LINES or len(_GOOD.findall(text)) * 10 > len(runs):
        return False
    bad = "".join(runs).encode("utf-8", "surrogateescape")
    undefined = len(bad) - len(bad.decode("cp1252", "ignore"))
    long = sum(len(run) >= _LONG_RUN for run in runs)
    return undefined * 100 <= len(bad) and long * 10 <= len(runs)


def guess_single_byte(line: bytes) -> str:
    """Return CP1252 for a line that is not UTF-8 but text in Windows-1252, else an empty string."""
    if _NO_TEXT.search(line):
        return ""
    try:
        line.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return "CP1252"


def encoding_notes(names: Iterable[str]) -> "list[Finding]":
    """Return what is to be said about encodings other than UTF-8."""
    # Workers decode and never report, and do without the models.
    from novaforge.guards.findings import Finding

    others = [name for name in names if name and not name.startswith("UTF-8")]
    message = f"the text is {', '.join(others)} and is written as UTF-8"
    fix = "look at some accented letters" if "Windows-1252" in others else ""
    return [Finding(rule="source-encoding", severity="info", message=message, fix=fix)] if others else []


def conversion(encoding: str) -> str:
    """Return the command that converts a file to UTF-8."""
    return f"convert the file first: iconv -f {encoding or 'ITS-ENCODING'} -t UTF-8 FILE > NEW-FILE"
