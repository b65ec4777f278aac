"""The index at the end of an Arrow file, as far as it tells whether it names all there is.

Layout: https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format and File.fbs, in the encoding of FlatBuffers.
"""

import struct
from typing import BinaryIO

_FIRST = 8
"""Where the first message begins, behind the name of the format."""
_TAIL = struct.Struct("<i6s")
_BLOCK = struct.Struct("<qi4xq")
"""Where a message begins, and how long its metadata and its body are."""
_DICTIONARIES, _RECORD_BATCHES = 2, 3
"""Places of the two lists of blocks among the fields of a Footer."""


def unnamed_bytes(file: BinaryIO, size: int) -> int:
    """Return how many bytes lie between the last message the index names and the index; 0 when that cannot be told.

    An index that was damaged so that it names fewer record batches than there are is well-formed.
    """
    try:
        file.seek(size - _TAIL.size)
        length: int = _TAIL.unpack(file.read(_TAIL.size))[0]
        begin = size - _TAIL.size - length
        file.seek(begin)
        footer = file.read(length)
        ends = [end for field in (_DICTIONARIES, _RECORD_BATCHES) for end in _ends(footer, field)]
        return max(0, begin - max([_schema_end(file), *ends]))
    except (struct.error, ValueError, OSError):
        return 0


def _schema_end(file: BinaryIO) -> int:
    """Return where the first message ends; older files have its length alone in front of it."""
    file.seek(_FIRST)
    words: tuple[int, int] = struct.unpack("<ii", file.read(8))
    return _FIRST + (8 + words[1] if words[0] == -1 else 4 + words[0])


def _ends(footer: bytes, field: int) -> list[int]:
    """Return where the messages of a list of blocks end."""
    (root,) = struct.unpack_from("<I", footer)
    (back,) = struct.unpack_from("<i", footer, root)
    table = root - back
    (table_size,) = struct.unpack_from("<H", footer, table)
    slot = 4 + 2 * field
    (offset,) = struct.unpack_from("<H", footer, table + slot) if slot < table_size else (0,)
    if not offset:
        return []
    place: int = root + offset
    place += struct.unpack_from("<I", footer, place)[0]
    count: int = struct.unpack_from("<I", footer, place)[0]
    blocks = _BLOCK.iter_unpack(footer[place + 4 : place + 4 + count * _BLOCK.size])
    return [int(start + metadata + body) for start, metadata, body in blocks]
