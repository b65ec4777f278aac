"""Read width and height of an image from its header."""

from novaforge.tools.datasets.media.ranged import Ranged

_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that begin a frame, and so hold its size (ITU T.81, table B.1)."""
_BARE = {0x01, *range(0xD0, 0xD9)}
"""JPEG markers without a length."""
_MOST_SEGMENTS = 2000


def dimensions(name: str, file: Ranged) -> tuple[int, int] | None:
    """Return width and height in pixels of a PNG, JPEG, GIF or WebP file; None when its header is cut or broken."""
    reader = {"png": _png, "gif": _gif, "webp": _webp, "jpeg": _jpeg}.get(name)
    size = reader(file) if reader else None
    return size if size and all(size) else None


def _png(file: Ranged) -> tuple[int, int] | None:
    head = file.at(0, 24)
    if len(head) < 24 or head[12:16] != b"IHDR":
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _gif(file: Ranged) -> tuple[int, int] | None:
    head = file.at(0, 10)
    return _little(head, 6, 8, 2) if len(head) == 10 else None


def _webp(file: Ranged) -> tuple[int, int] | None:
    head = file.at(0, 30)
    if len(head) < 25:
        return None
    if head[12:16] == b"VP8X" and len(head) == 30:
        width, height = _little(head, 24, 27, 3)
        return width + 1, height + 1
    if head[12:16] == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8 " and head[23:26] == b"\x9d\x01\x2a" and len(head) == 30:
        width, height = _little(head, 26, 28, 2)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(file: Ranged) -> tuple[int, int] | None:
    """Walk the segments to the frame header; metadata and previews may lie before it."""
    place = 2
    for _ in range(_MOST_SEGMENTS):
        head = file.at(place, 9)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        marker = head[1]
        if marker == 0xFF:
            place += 1
        elif marker in _BARE:
            place += 2
        elif marker in _FRAMES:
            high = int.from_bytes(head[5:7], "big"), int.from_bytes(head[7:9], "big")
            return (high[1], high[0]) if len(head) == 9 else None
        elif marker in {0xD9, 0xDA}:
            return None
        else:
            place += 2 + max(2, int.from_bytes(head[2:4], "big"))
    return None


def _little(data: bytes, first: int, second: int, width: int) -> tuple[int, int]:
    return (
        int.from_bytes(data[first : first + width], "little"),
        int.from_bytes(data[second : second + width], "little"),
    )
