"""Messages between this process and its own workers: a length and a pickle, over pipes nobody else can write to."""

import os
import pickle
import struct
from typing import Any

HEADER = struct.Struct("<Q")


def pack(message: Any) -> list[memoryview]:
    """Return a message as pieces to be written one after the other."""
    data = pickle.dumps(message, protocol=5)
    return [memoryview(HEADER.pack(len(data))), memoryview(data)]


def unpack(data: bytearray) -> Any:
    """Return the message of a complete frame."""
    return pickle.loads(data)


def receive(handle: int) -> Any:
    """Wait for one message; raises EOFError when the other side is gone."""
    (size,) = HEADER.unpack(_exactly(handle, HEADER.size))
    return unpack(_exactly(handle, size))


def send(handle: int, message: Any) -> None:
    """Write one message, waiting as long as it takes; raises OSError when the other side is gone."""
    for piece in pack(message):
        rest = piece
        while rest:
            rest = rest[os.write(handle, rest) :]


def _exactly(handle: int, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = os.readv(handle, [view])
        if not got:
            raise EOFError
        view = view[got:]
    return data
