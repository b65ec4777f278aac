"""Messages between this process and one that reads a file for it: a kind, a length and bytes over a pair of sockets."""

import json
import socket
import struct
from typing import Any

HEADER = struct.Struct("<cI")
PIECE = struct.Struct("<Id")
"""In front of the rows of a BATCH: how many, and which share of the file they and those before them are."""
RANGE = struct.Struct("<QI")
"""A READ: from which byte on, and how many."""

PING, READY = b"P", b"R"
OPEN, READ, DATA = b"O", b"r", b"d"
NOTE, BATCH, FAILED, DONE = b"N", b"B", b"E", b"D"

MOST_READ = 8 * 1024 * 1024
MOST_FRAME = 32 * 1024 * 1024
"""The longest row and the batch it ends fit in it twice; more is no message of ours."""


def as_json(value: Any) -> bytes:
    """Return the content of an OPEN, NOTE, FAILED or DONE."""
    return json.dumps(value).encode()


def send(link: socket.socket, kind: bytes, content: bytes = b"", front: bytes = b"") -> None:
    """Write one message over a socket that blocks; raises OSError when the other side is gone."""
    link.sendall(HEADER.pack(kind, len(front) + len(content)) + front)
    if content:
        link.sendall(content)


def receive(link: socket.socket) -> tuple[bytes, bytes, list[int]]:
    """Wait for one message: its kind, its content and the handles of files that came with it.

    Raises EOFError when the other side is gone.
    """
    head = b""
    handles: list[int] = []
    while len(head) < HEADER.size:
        data, more, _, _ = socket.recv_fds(link, HEADER.size - len(head), 1)
        if not data:
            raise EOFError
        head += data
        handles += more
    kind, size = HEADER.unpack(head)
    content = bytearray(size)
    view = memoryview(content)
    while view:
        got = link.recv_into(view)
        if not got:
            raise EOFError
        view = view[got:]
    return kind, bytes(content), handles
