"""The chats with pictures of the sample data: every picture is copied beside the rows that show it."""

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode
from novaforge.tools.datasets.tool import transform_dataset, validate_dataset
from tests.datasets.shared_rows import ABSENT, DATA, REASON, chat, converse_says, rows_of

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

pytestmark = pytest.mark.skipif(ABSENT, reason=REASON)


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    size = width.to_bytes(4) + height.to_bytes(4) + bytes((8, 2, 0, 0, 0))
    pixels = zlib.compress((b"\0" + b"\x80" * 3 * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _jpeg(width: int, height: int) -> bytes:
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = (
        b"\xff\xc0\x00\x11\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    )
    return start + frame + b"\xff\xd9"


def test_pictures_are_copied_beside_the_rows_that_show_them(
    desk: "Desk", aws: Aws, storage: Storage, tmp_path: Path
) -> None:
    path = DATA / "nova_format" / "openai_sft_multimodal_test_data.jsonl"
    given = path.read_bytes().replace(b"s3://my-bucket/images", b"s3://shared-images/set")
    source, photos = desk.write("chats.jsonl", given), {"photo.png": _png(64, 48), "photo.jpeg": _jpeg(80, 60)}
    aws.call("s3", "create_bucket", Bucket="shared-images")
    for name, data in photos.items():
        storage.put(f"s3://shared-images/set/{name}", data)
    ctx = replace(desk.context(mode=Mode(writes_allowed=True), storage=storage), aws=aws)
    with pytest.raises(NovaForgeError) as refused:
        transform_dataset(ctx, source=source, target=str(tmp_path / "out"), method="SFT_LORA", model="nova_lite_2")
    assert "S3" in refused.value.as_text() or "s3://" in refused.value.as_text()
    assert not (tmp_path / "out").exists()
    target = f"s3://novaforge-sandbox/shared-data/{uuid4().hex}"
    result = transform_dataset(ctx, source=source, target=target, method="SFT_LORA", model="nova_lite_2")
    assert (result.rows_read, result.rows_written) == (5, 5), storage.read(str(result.rejected["uri"]))
    rows = [json.loads(line) for line in storage.read(result.files[0].uri).splitlines()]
    assert [list(converse_says(row)) for row in rows] == [
        chat(row["messages"]) for row in rows_of(f"nova_format/{path.name}")
    ]
    images = [[item["image"] for item in row["messages"][0]["content"] if "image" in item] for row in rows]
    held = [[storage.read(image["source"]["s3Location"]["uri"]) for image in of_row] for of_row in images]
    pixel = base64.b64decode(re.search(rb"base64,([^\"]+)", given)[1])  # type: ignore[index]  # it is there
    assert held == [[], [], [pixel], [photos["photo.png"]], [pixel, photos["photo.jpeg"]]]
    assert [image["format"] for of_row in images for image in of_row] == ["png", "png", "png", "jpeg"]
    uris = re.findall(r"s3://[^\"]+", json.dumps(rows))
    assert len(uris) == 4 and all(uri.startswith(target) for uri in uris)
    checked = validate_dataset(ctx, source=result.files[0].uri, method="SFT_LORA", model="nova_lite_2")
    blocking = {item.rule: item for item in checked.findings if item.severity == "block"}
    assert blocking.keys() == {"BS2", "DA8-dimensions"} and blocking["DA8-dimensions"].line == 3
