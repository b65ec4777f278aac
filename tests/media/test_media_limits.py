"""The limits of media at the very byte, pixel and second; images that would unpack to gigabytes; objects that go meanwhile."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.media.check import MediaCheck, MediaSettings
from novaforge.tools.datasets.media.copying import copy_media
from novaforge.tools.datasets.media.references import image_item
from novaforge.tools.datasets.media.target import MediaTarget

Put = Callable[[str, bytes], str]


def rules(ctx: ToolContext, uri: str, kind: str, name: str) -> set[str]:
    """Return the rules that a row with this one file breaks."""
    item = {kind: {"format": name, "source": {"s3Location": {"uri": uri, "bucketOwner": "111122223333"}}}}
    turns = [{"role": "user", "content": [{"text": "q"}, item]}, {"role": "assistant", "content": [{"text": "a"}]}]
    check = MediaCheck(MediaSettings())
    check.merge("", check.scan([(1, {"messages": turns})]))
    found = {each.rule for each in check.inspect(ctx)}
    check.close()
    return found


def filled(data: bytes, size: int) -> bytes:
    return data + bytes(size - len(data))


def bomb(side: int) -> bytes:
    """Return a whole PNG of few bytes that unpacks to `side` times `side` pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    line = bytes(side + 1)
    pixels = b"".join(packer.compress(line) for _ in range(200)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("over", "broken"), [(-1, set()), (0, set()), (1, {"DA8-size"})])
def test_one_byte_decides_about_the_size(ctx: ToolContext, put: Put, make: Any, over: int, broken: set[str]) -> None:
    assert rules(ctx, put("a.png", filled(make.png(), 10 * 1024**2 + over)), "image", "png") == broken
    assert rules(ctx, put("a.mp4", filled(make.mp4(5), 50 * 1024**2 + over)), "video", "mp4") == broken


@pytest.mark.parametrize(
    ("width", "height", "broken"),
    [(25, 25, set()), (24, 25, {"DA8-dimensions"}), (25, 24, {"DA8-dimensions"}), (1, 9000, {"DA8-dimensions"})],
)
def test_one_pixel_decides_about_the_dimensions(
    ctx: ToolContext, put: Put, make: Any, width: int, height: int, broken: set[str]
) -> None:
    assert rules(ctx, put("a.png", make.png(width, height)), "image", "png") == broken


@pytest.mark.parametrize(
    ("seconds", "broken"), [(90, set()), (90.1, {"DA8-duration"}), (900, {"DA8-duration"}), (900.1, {"DA8-long"})]
)
def test_a_tenth_of_a_second_decides_about_the_duration(
    ctx: ToolContext, put: Put, make: Any, seconds: float, broken: set[str]
) -> None:
    assert rules(ctx, put("a.mp4", make.mp4(seconds)), "video", "mp4") == broken


def test_an_image_that_unpacks_to_gigabytes_is_never_unpacked(ctx: ToolContext, put: Put) -> None:
    uri = put("bomb.png", bomb(60_000))
    rules(ctx, uri, "image", "png")
    tracemalloc.start()
    found = rules(ctx, uri, "image", "png")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == set()
    assert most < 50_000_000


def test_an_object_that_goes_before_it_is_copied_is_a_reason_and_leaves_nothing(
    ctx: ToolContext, prefix: str, tmp_path: Path, make: Any
) -> None:
    target = MediaTarget(f"{prefix}/media", "111122223333", str(tmp_path))
    bucket = "media-that-goes"
    ctx.aws.call("s3", "create_bucket", Bucket=bucket)
    uris = [f"s3://{bucket}/{name}.png" for name in ("here", "gone")]
    for uri, data in zip(uris, (make.png(), make.png(31, 41)), strict=True):
        ctx.storage.put(uri, data)
    here, gone = (ref for uri in uris if (ref := image_item(uri, target)[1]) is not None)
    assert [rules(ctx, uri, "image", "png") for uri in uris] == [set(), set()]

    ctx.aws.call("s3", "delete_object", Bucket=bucket, Key="gone.png")

    assert rules(ctx, uris[1], "image", "png") == {"DA8-missing"}
    problems = copy_media(ctx, [here, gone], target)
    assert set(problems) == {gone.name} and "gone.png" not in problems[gone.name]
    assert ctx.storage.list(target.uri) == [f"{target.uri}/{here.name}"]
