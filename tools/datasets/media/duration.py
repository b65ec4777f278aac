"""Read the duration of a video from its container, without decoding it."""

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from novaforge.tools.datasets.media.ranged import Ranged, ScatteredError

_MOST_ATOMS = 4000
_SEGMENT, _INFO, _CLUSTER = 0x18538067, 0x1549A966, 0x1F43B675
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_DEFAULT_SCALE_NS = 1_000_000
"""Matroska's TimestampScale when it is not written, in nanoseconds (RFC 9559, 5.1.2.9)."""


class Unreadable(Exception):
    """The duration cannot be read; the text says why, without any byte of the file."""


class _Part(NamedTuple):
    """An atom or element: its name, and where its content begins and ends."""

    name: bytes | int
    start: int
    end: int


def duration(name: str, file: Ranged) -> float:
    """Return the seconds an mp4, mov, mkv or webm file lasts. Raises Unreadable, and what reading raises."""
    try:
        seconds = _mp4(file) if name in {"mp4", "mov"} else _matroska(file)
    except ScatteredError as error:
        raise Unreadable(f"its header is scattered: {error}") from error
    if not math.isfinite(seconds) or seconds <= 0:
        raise Unreadable("its header gives no duration")
    return seconds


def _mp4(file: Ranged) -> float:
    """Find moov wherever it lies, and in it mvhd; a fragmented file keeps its duration in mvex/mehd."""
    movie = _find(_atoms(file, 0, file.size), b"moov", "it has no moov atom: cut off, or still being written")
    header = _find(_atoms(file, movie.start, movie.end), b"mvhd", "its moov atom has no mvhd")
    data = file.at(header.start, 32)
    if len(data) < 20 or (data[0] == 1 and len(data) < 32):
        raise Unreadable("its mvhd atom is cut off")
    if data[0] == 1:
        scale, length = struct.unpack(">IQ", data[20:32])
        empty = 2**64 - 1
    else:
        scale, length = struct.unpack(">II", data[12:20])
        empty = 2**32 - 1
    if scale == 0:
        raise Unreadable("its time scale is zero")
    units: int = _fragments(file, movie) if length in {0, empty} else length
    return units / int(scale)


def _fragments(file: Ranged, movie: _Part) -> int:
    reason = "it is fragmented and its header gives no duration"
    extends = _find(_atoms(file, movie.start, movie.end), b"mvex", reason)
    header = _find(_atoms(file, extends.start, extends.end), b"mehd", reason)
    data = file.at(header.start, 12)
    width = 8 if data[:1] == b"\x01" else 4
    return int.from_bytes(data[4 : 4 + width], "big")


def _atoms(file: Ranged, place: int, end: int) -> Iterator[_Part]:
    for _ in range(_MOST_ATOMS):
        head = file.at(place, 16)
        if len(head) < 8 or place + 8 > end:
            return
        size, begins = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, begins = int.from_bytes(head[8:16], "big"), 16
        if size == 0:
            size = end - place
        if size < begins:
            raise Unreadable("its atoms are broken")
        yield _Part(head[4:8], place + begins, min(place + size, end))
        place += size


def _matroska(file: Ranged) -> float:
    """Read Segment/Info; it stands before the clusters unless the file was made for a live stream."""
    segment = _find(_elements(file, 0, file.size), _SEGMENT, "it has no Segment")
    info = _find(_elements(file, segment.start, segment.end), _INFO, "it has no Info before its first cluster")
    scale, length = _DEFAULT_SCALE_NS, None
    for part in _elements(file, info.start, info.end):
        if part.name == _SCALE:
            scale = int.from_bytes(file.at(part.start, min(8, part.end - part.start)), "big")
        if part.name == _DURATION:
            length = _float(file.at(part.start, min(8, part.end - part.start)))
    if length is None:
        raise Unreadable("its Info has no Duration, as in a recorded live stream")
    return length * scale / 1e9


def _elements(file: Ranged, place: int, end: int) -> Iterator[_Part]:
    for _ in range(_MOST_ATOMS):
        if place >= end:
            return
        head = file.at(place, 12)
        name, taken = _number(head, keep_marker=True)
        size, more = _number(head[taken:], keep_marker=False)
        if not taken or not more:
            raise Unreadable("its elements are broken")
        unknown = size == (1 << 7 * more) - 1
        start = place + taken + more
        stop = end if unknown else min(start + size, end)
        yield _Part(name, start, stop)
        if name == _CLUSTER:
            return
        place = stop


def _number(data: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """Return an EBML number and how many bytes it takes, (0, 0) when it is none (RFC 8794, section 4)."""
    length = 9 - data[0].bit_length() if data and data[0] else 0
    if not length or length > len(data):
        return 0, 0
    value = int.from_bytes(data[:length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), length


def _float(data: bytes) -> float | None:
    if len(data) == 4:
        return float(struct.unpack(">f", data)[0])
    return float(struct.unpack(">d", data)[0]) if len(data) == 8 else None


def _find(parts: Iterator[_Part], name: bytes | int, otherwise: str) -> _Part:
    for part in parts:
        if part.name == name:
            return part
    raise Unreadable(otherwise)
