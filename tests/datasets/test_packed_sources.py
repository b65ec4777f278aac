"""Packed files are unpacked as they are read; a damaged one is an error that names the byte, and nothing is written."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError, NovaForgeError, RefusedError
from novaforge.tools.datasets.reading.unpack import unpack

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ROWS = [{"q": f"question {index} é\n", "a": "x" * (index % 50)} for index in range(3000)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
PACK = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}
SKIPPABLE = b"\x51\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"


@pytest.mark.parametrize("packing", ["gz", "zst"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_rows_of_all_members_come_in_order(desk: "Desk", packing: str, pieces: int) -> None:
    step = len(LINES) // pieces + 1
    data = b"".join(PACK[packing](LINES[start : start + step]) for start in range(0, len(LINES), step))
    seen = desk.read(desk.write(f"data.jsonl.{packing}", data))
    assert seen.rows == ROWS and seen.numbers == list(range(1, 3001)) and not seen.rejects
    assert seen.source.compression == {"gz": "gzip", "zst": "zstd"}[packing] and seen.source.format == "jsonl"
    assert (seen.identity.bytes, seen.source.bytes_read, seen.source.stem) == (len(data), len(data), "data")


def test_padding_empty_members_and_frames_without_content_are_no_damage(desk: "Desk") -> None:
    assert (
        len(desk.read(desk.write("a.jsonl.gz", gzip.compress(b"") + gzip.compress(LINES) + b"\0" * 512)).rows) == 3000
    )
    data = SKIPPABLE + PACK["zst"](LINES) + SKIPPABLE
    assert len(desk.read(desk.write("a.jsonl.zst", data)).rows) == 3000


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_other_formats_are_found_behind_the_packing(desk: "Desk", packing: str) -> None:
    pack = PACK[packing]
    table = 'Body;Y\r\n"a\nb";x\r\n'.encode("utf-16")
    seen = desk.read(desk.write(f"t.csv.{packing}", pack(table)))
    assert seen.rows == [["a\nb", "x"]] and (seen.source.encoding, seen.source.delimiter) == ("UTF-16LE", ";")
    assert desk.read(desk.write(f"l.json.{packing}", pack(json.dumps(ROWS[:5]).encode()))).rows == ROWS[:5]
    assert desk.read(desk.write(f"noname-{packing}", pack(LINES))).rows == ROWS


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_stream_that_ends_too_early_names_the_byte_and_writes_nothing(desk: "Desk", packing: str) -> None:
    data = PACK[packing](LINES)
    for cut in (len(data) - 1, len(data) // 2, 30):
        source = desk.write(f"data.jsonl.{packing}", data[:cut])
        with pytest.raises(InputError, match=f"ends in the middle of its .* at byte {cut}") as caught:
            desk.read(source)
        assert caught.value.fix
        with pytest.raises(InputError):
            desk.transform(source, "out", columns={"query": "q", "response": "a"})
        assert not (desk.folder / "out").exists()


@pytest.mark.parametrize("packing", ["gz", "zst"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_our_error_or_seen_in_no_row(new_desk: Any, packing: str, data: st.DataObject) -> None:
    packed = PACK[packing](LINES[:4000])
    place = data.draw(st.integers(4, len(packed) - 1))
    bad = packed[:place] + bytes([packed[place] ^ data.draw(st.integers(1, 255))]) + packed[place + 1 :]
    with new_desk() as desk:
        try:
            desk.read(desk.write(f"d.jsonl.{packing}", bad))
        except NovaForgeError as error:
            assert error.fix


def test_a_wrong_checksum_is_damage(desk: "Desk") -> None:
    packed = gzip.compress(LINES)
    with pytest.raises(InputError, match="damaged gzip"):
        desk.read(desk.write("d.jsonl.gz", packed[:-8] + b"\1\2\3\4" + packed[-4:]))


class _Stream(io.BytesIO):
    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        return data


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_what_unpacks_to_a_thousand_times_its_size_takes_constant_memory(packing: str) -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress if packing == "zst" else gzip.compress
    stream = _Stream(bomb(bytes(150_000_000)))
    tracemalloc.start()
    total = most = 0
    for block in unpack({"gz": "gzip", "zst": "zstd"}[packing], b"", stream, "x", 900_000):
        total += len(block)
        most = max(most, len(block))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 150_000_000 and most < 3_000_000 and peak < 110_000_000


def _tar(name: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return target.getvalue()


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("data.jsonl", LINES)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("d.jsonl.bz2", bz2.compress(LINES), "bzip2"),
        ("d.jsonl.xz", lzma.compress(LINES), "xz"),
        ("d.zip", _zip(), "zip archive"),
        ("d.csv", _zip(), "zip archive"),
        ("d.tar", _tar("a.jsonl"), "tar archive"),
        ("d.tar.gz", gzip.compress(_tar("a.jsonl")), "tar archive"),
        ("d.jsonl.gz", gzip.compress(gzip.compress(LINES)), "packed twice"),
        ("d.db", b"SQLite format 3\0" + bytes(100), "SQLite"),
        ("d.pdf", b"%PDF-1.7" + bytes(100), "PDF"),
    ],
)
def test_other_packings_are_refused_by_name_with_a_way_out(desk: "Desk", name: str, data: bytes, said: str) -> None:
    with pytest.raises(RefusedError, match=said) as caught:
        desk.read(desk.write(name, data))
    assert caught.value.fix and caught.value.data["rule"] == "source-format"
