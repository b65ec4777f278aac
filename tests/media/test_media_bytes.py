"""What a media file is, is read from its bytes; no bytes whatever crash or hold up a reader."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.datasets.media.dimensions import dimensions
from novaforge.tools.datasets.media.duration import Unreadable, duration
from novaforge.tools.datasets.media.look import look_into
from novaforge.tools.datasets.media.ranged import Ranged, ScatteredError, in_memory
from novaforge.tools.datasets.media.sniff import kind_of, sniff


@pytest.mark.parametrize(
    ("maker", "options", "name"),
    [
        ("png", {}, "png"), ("jpeg", {}, "jpeg"), ("gif", {}, "gif"), ("webp", {}, "webp"), ("pdf", {}, "pdf"),
        ("mp4", {}, "mp4"), ("mp4", {"brand": b"qt  "}, "mov"), ("mp4", {"brand": b"avif"}, "avif"),
        ("mp4", {"brand": b"heic"}, "heic"), ("mp4", {"brand": b"M4A "}, "m4a"), ("mkv", {}, "mkv"),
        ("mkv", {"doctype": b"webm"}, "webm"),
    ],
)  # fmt: skip
def test_a_format_is_told_by_its_first_bytes(make: Any, maker: str, options: dict[str, Any], name: str) -> None:
    assert sniff(getattr(make, maker)(**options)) == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\0\0\0\0AVI LIST", "avi"), (b"BM1234", "bmp"), (b"II*\0", "tiff"), (b"<svg xmlns", "svg"),
        (b"\n <!DOCTYPE HTML>", "html"), (b"junk\n%PDF-1.4", "pdf"), (b"", ""), (b"RIFF", ""), (b"plain text", ""),
        (b"\0\0\0\x08moov", "mov"),
    ],
)  # fmt: skip
def test_other_bytes_are_named_where_known_and_are_no_media_nova_takes(head: bytes, name: str) -> None:
    assert sniff(head) == name
    assert bool(kind_of(name)) == (name in {"pdf", "mov"})


@pytest.mark.parametrize("size", [(30, 40), (1, 1), (16000, 9000)])
@pytest.mark.parametrize("form", ["png", "jpeg", "gif", "VP8X", "VP8L", "VP8 "])
def test_dimensions_are_read_from_the_header(make: Any, form: str, size: tuple[int, int]) -> None:
    if form == "png":
        # The header alone: the pixels of a large picture are not needed.
        data = make.png(1, 1)[:16] + size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
    else:
        data = make.webp(*size, form=form) if form.startswith("VP8") else getattr(make, form)(*size)
    assert dimensions(sniff(data), in_memory(data)) == size


def test_a_jpegs_frame_is_found_behind_a_megabyte_of_metadata_with_few_reads(make: Any) -> None:
    data = make.jpeg(31, 41, before=1_000_000)
    reads: list[int] = []

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        return bytes(data[offset : offset + length])

    assert dimensions("jpeg", Ranged(read, len(data), data[:65536])) == (31, 41)
    assert len(reads) <= 17 and sum(reads) < 80_000


@pytest.mark.parametrize(
    "options", [{}, {"last": True}, {"long": True}, {"last": True, "long": True}, {"brand": b"qt  "}]
)
def test_an_mp4s_duration_is_found_wherever_its_header_lies(make: Any, options: dict[str, Any]) -> None:
    data = make.mp4(12.5, media=300_000, **options)
    reads: list[int] = []

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        return bytes(data[offset : offset + length])

    assert duration("mp4", Ranged(read, len(data), data[:65536])) == 12.5
    assert sum(reads) < 20_000


def test_a_fragmented_mp4s_duration_is_read_from_its_extension(make: Any) -> None:
    assert duration("mp4", in_memory(make.fragmented(7))) == 7


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("scale", [None, 100_000])
def test_a_matroskas_duration_counts_in_its_time_scale(make: Any, live: bool, scale: int | None) -> None:
    assert duration("mkv", in_memory(make.mkv(91.5, live=live, scale=scale))) == pytest.approx(91.5)


@pytest.mark.parametrize(
    ("maker", "options", "reason"),
    [
        ("fragmented", {"seconds": None}, "fragmented"), ("mkv", {"seconds": None}, "no Duration"),
        ("mkv", {"seconds": float("nan")}, "no duration"), ("mp4", {"seconds": 0}, "fragmented"),
    ],
)  # fmt: skip
def test_a_video_without_a_duration_says_so(make: Any, maker: str, options: dict[str, Any], reason: str) -> None:
    data = getattr(make, maker)(**options)
    with pytest.raises(Unreadable, match=reason):
        duration(sniff(data), in_memory(data))


def test_a_cut_file_is_never_taken_for_whole(make: Any) -> None:
    whole = make.mp4(5, last=True)
    assert duration("mp4", in_memory(whole)) == 5
    with pytest.raises(Unreadable, match="no moov"):
        duration("mp4", in_memory(whole[:80]))
    for data in (make.png(), make.jpeg(), make.gif(), make.webp()):
        assert dimensions(sniff(data), in_memory(data[:9])) is None


def test_a_file_scattered_over_too_many_places_is_given_up(make: Any) -> None:
    data = b"".join(make.atom(b"skip", bytes(10_000)) for _ in range(100))
    scattered = Ranged(lambda offset, length: data[offset : offset + length], len(data), b"")
    assert all(len(scattered.at(index * 5000, 8)) == 8 for index in range(48))
    with pytest.raises(ScatteredError):
        scattered.at(500_000, 8)
    look = look_into(Ranged(lambda offset, length: data[offset : offset + length], len(data), data[:100]))
    assert look.format == "mov" and "scattered" in look.reason


HEADS = [
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8L", b"\0\0\0\x10ftypisom\0\0\0\0",
    b"\0\0\0\x10ftypqt  \0\0\0\0\0\0\0\xffmoov\0\0\0\x30mvhd", bytes.fromhex("1a45dfa380") + bytes.fromhex("18538067ff"),
    bytes.fromhex("1a45dfa380185380671549a9664489"), b"%PDF-", b"",
]  # fmt: skip


@given(head=st.sampled_from(HEADS), rest=st.binary(max_size=300))
def test_arbitrary_bytes_never_crash_a_reader(head: bytes, rest: bytes) -> None:
    look = look_into(in_memory(head + rest))
    assert look.dimensions is None or min(look.dimensions) > 0
    assert look.seconds is None or look.seconds > 0
    assert bool(look.dimensions) + bool(look.seconds) + bool(look.broken or look.reason) <= 1


@given(
    maker=st.sampled_from(["png", "jpeg", "gif", "webp", "mp4", "mkv", "pdf"]),
    cut=st.integers(0, 400),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
)
def test_damaged_files_never_crash_a_reader(
    make: SimpleNamespace, maker: str, cut: int, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(getattr(make, maker)())
    for place, value in changes:
        data[place % len(data)] = value
    look_into(in_memory(bytes(data[: len(data) - cut])))
