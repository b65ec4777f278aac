"""AWS's event-stream encoding (application/vnd.amazon.eventstream): length-prefixed messages with typed headers and two CRCs."""

import struct
from zlib import crc32

TEXT_HEADER = 7
"""Header value type of a text."""


def event(kind: str, payload: bytes) -> bytes:
    """Encode one event."""
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/octet-stream"}
    return _message(headers, payload)


def exception(kind: str, payload: bytes) -> bytes:
    """Encode the exception that ends a stream."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return _message(headers, payload)


def _message(headers: dict[str, str], payload: bytes) -> bytes:
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack("!I", crc32(prelude)) + head + payload
    return message + struct.pack("!I", crc32(message))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", TEXT_HEADER, len(text)) + text
