"""Small media files made of nothing, a bucket to put them into, and a web server on this machine."""

import socket
import struct
import threading
import time
import timeit
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext

BUCKET = "novaforge-sandbox"


def png(width: int = 30, height: int = 40) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes(width)) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg(width: int = 30, height: int = 40, before: int = 0) -> bytes:
    """Return a JPEG header; `before` bytes of metadata stand before the frame."""
    metadata = b""
    while before > 0:
        size = min(before, 65000)
        metadata += b"\xff\xe1" + struct.pack(">H", size + 2) + bytes(size)
        before -= size
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xe0\x00\x04ab" + metadata + b"\xff" + frame + b"\xff\xda\x00\x02\xff\xd9"


def gif(width: int = 30, height: int = 40) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;"


def webp(width: int = 30, height: int = 40, form: str = "VP8X") -> bytes:
    if form == "VP8X":
        body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little")
        body += (height - 1).to_bytes(3, "little")
    elif form == "VP8L":
        body = b"VP8L" + struct.pack("<IB", 5, 0x2F) + struct.pack("<I", (width - 1) | (height - 1) << 14)
    else:
        body = b"VP8 " + struct.pack("<I", 10) + b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def atom(name: bytes, data: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I", 1) + name + struct.pack(">Q", len(data) + 16) + data
    return struct.pack(">I", len(data) + 8) + name + data


def mp4(
    seconds: float = 2, *, brand: bytes = b"isom", media: int = 100, last: bool = False, long: bool = False
) -> bytes:
    """Return a video without pictures; with `last` its header stands at the end, with `long` in 64 bits."""
    length = int(seconds * 600)
    header = bytes([long, 0, 0, 0]) + (
        bytes(16) + struct.pack(">IQ", 600, length) if long else bytes(8) + struct.pack(">II", 600, length)
    )
    movie = atom(b"moov", atom(b"free", b"x") + atom(b"mvhd", header + bytes(80)))
    content = atom(b"mdat", bytes(media), wide=long)
    return atom(b"ftyp", brand + bytes(4)) + (content + movie if last else movie + content)


def fragmented(seconds: float | None) -> bytes:
    header = atom(b"mvhd", bytes(12) + struct.pack(">II", 600, 0) + bytes(80))
    extends = b"" if seconds is None else atom(b"mvex", atom(b"mehd", bytes(4) + struct.pack(">I", int(seconds * 600))))
    return atom(b"ftyp", b"iso5" + bytes(4)) + atom(b"moov", header + extends) + atom(b"mdat", bytes(50))


def element(name: str, data: bytes, *, unknown: bool = False) -> bytes:
    size = b"\x01" + b"\xff" * 7 if unknown else b"\x08" + len(data).to_bytes(4, "big")
    return bytes.fromhex(name) + size + data


def mkv(
    seconds: float | None = 2, doctype: bytes = b"matroska", *, live: bool = False, scale: int | None = None
) -> bytes:
    info = b"" if scale is None else element("2ad7b1", scale.to_bytes(4, "big"))
    if seconds is not None:
        info += element("4489", struct.pack(">d", seconds * 1e9 / (scale or 1_000_000)))
    void, cluster = element("ec", bytes(20)), element("1f43b675", bytes(30), unknown=live)
    segment = element("18538067", void + element("1549a966", info) + cluster, unknown=live)
    return (
        bytes.fromhex("1a45dfa3")
        + bytes([0x80 | (3 + len(doctype))])
        + b"\x42\x82"
        + bytes([0x80 | len(doctype)])
        + doctype
        + segment
    )


def pdf() -> bytes:
    return b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Return the makers of small files."""
    return SimpleNamespace(
        png=png,
        jpeg=jpeg,
        gif=gif,
        webp=webp,
        mp4=mp4,
        fragmented=fragmented,
        mkv=mkv,
        pdf=pdf,
        atom=atom,
        element=element,
    )


@pytest.fixture
def ctx(aws: Aws, storage: Storage) -> ToolContext:
    """Return a context with the sandbox's S3 that may write."""
    nothing = cast(Any, None)
    return ToolContext(
        mode=Mode(sandbox=True, writes_allowed=True), policy=Policy(), ledger=nothing, aws=aws, audit=nothing,
        storage=storage, clock=lambda: datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture
def prefix() -> str:
    """Return a prefix of the test's own."""
    return f"s3://{BUCKET}/media-tests/{uuid4().hex}"


@pytest.fixture
def put(ctx: ToolContext, prefix: str) -> Callable[[str, bytes], str]:
    """Return how to put a file into S3; gives its URI."""

    def do(name: str, data: bytes) -> str:
        ctx.storage.put(f"{prefix}/{name}", data)
        return f"{prefix}/{name}"

    return do


class Web:
    """A server of answers by path; an answer is status, headers and body, or a function that gets the handler."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append((self.path, dict(self.headers)))
                answer = web.answers[self.path]
                if callable(answer):
                    answer(self)
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.release = threading.Event()

    def give(self, path: str, body: bytes, content_type: str = "image/png", status: int = 200, **headers: str) -> str:
        self.answers[path] = (status, {"Content-Type": content_type, **headers}, body)
        return self.url + path


@pytest.fixture
def web() -> Iterator[Web]:
    """Return a running web server."""
    made = Web()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.release.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a folder for what a call keeps on disk."""
    return tmp_path / "work"


@pytest.fixture(scope="session")
def time_of() -> Callable[[Callable[[], object]], float]:
    """Return how to measure a call: its best mean over several runs, in seconds of processor time."""

    def measure(call: Callable[[], object]) -> float:
        return min(timeit.repeat(call, timer=time.process_time, number=10_000, repeat=5)) / 10_000

    return measure
