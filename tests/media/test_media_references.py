"""References in rows become content items whose name and place are known before the file is read."""

import base64
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.formats.converse_items import check_item
from novaforge.tools.datasets.media.items import MediaItem, media_items
from novaforge.tools.datasets.media.references import (
    MediaError,
    data_uri_of,
    decode_data_uri,
    gen_qa_image,
    image_item,
    placeheld,
)
from novaforge.tools.datasets.media.target import MediaTarget, media_target, refuse_unusable

HERE = MediaTarget("s3://bucket/out/media", "111122223333", "/data/set")


def uri_of(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("reference", "kind", "name"),
    [
        ("https://example.com/a/b.JPG?size=3#x", "image", "jpeg"), ("pictures/x.png", "image", "png"),
        ("s3://other/clip.m4v", "video", "mp4"), ("/data/scan.pdf", "document", "pdf"), ("file:///data/a%20b.webp", "image", "webp"),
        ("https://example.com/movie.qt", "video", "mov"),
    ],
)  # fmt: skip
def test_the_extension_tells_kind_and_format_of_a_reference(reference: str, kind: str, name: str) -> None:
    item, ref = image_item(reference, HERE)
    assert ref is not None and ref.kind == kind and ref.name.endswith(f".{name}") and not ref.data
    location = item[kind]["source"]["s3Location"]
    assert item[kind]["format"] == name
    assert location == {"uri": f"s3://bucket/out/media/{ref.name}", "bucketOwner": "111122223333"}
    assert check_item(item, "user", "$") == []
    assert image_item(reference, HERE) == (item, ref), "the name is the same each time"


def test_a_path_counts_from_the_sources_folder_and_an_absolute_one_for_itself() -> None:
    sources = [
        image_item(text, HERE)[1] for text in ("./a.png", "../b.png", "/c.png", "file:///data/d%20e.png", "~/f.png")
    ]
    assert [ref.source for ref in sources if ref] == [
        "/data/set/a.png", "/data/set/../b.png", "/c.png", "/data/d e.png", "~/f.png",
    ]  # fmt: skip
    remote = MediaTarget("s3://bucket/out/media", "1", "s3://bucket/set")
    item, ref = image_item("a.png", remote)
    assert ref is None and item["image"]["source"]["s3Location"]["uri"] == "s3://bucket/set/a.png"
    for text in ("/etc/passwd.png", "~/x.png", "file:///x.png", "a/../../b.png"):
        with pytest.raises(MediaError):
            image_item(text, remote)


def test_an_object_of_the_targets_bucket_stays_where_it_is() -> None:
    item, ref = image_item("s3://bucket/raw/x.gif", HERE)
    assert ref is None
    assert item["image"]["source"]["s3Location"]["uri"] == "s3://bucket/raw/x.gif"
    for uri in ("s3://bucket/raw/a b.gif", "s3://bucket/raw/picture", "s3://bucket-2/x.gif"):
        assert image_item(uri, HERE)[1] is not None, (
            "AWS takes no such name, or its format is not known, or it lies elsewhere"
        )


def test_a_data_uri_is_named_by_its_content(make: Any) -> None:
    first, ref = image_item(uri_of("image/png", make.png()), HERE)
    again, same = image_item(uri_of("IMAGE/PNG", make.png()).replace("data:", "DATA:"), HERE)
    assert ref and same and ref == same and first == again and ref.data == make.png()
    other = image_item(uri_of("image/png", make.png(31)), HERE)[1]
    assert other and other.name != ref.name
    item, jpeg = image_item(uri_of("image/jpg", make.jpeg()), HERE)
    assert jpeg and jpeg.name.endswith(".jpeg") and item["image"]["format"] == "jpeg"


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64,%%%", "data:image/png,plain", "data:;base64,AAAA", "data:image/png;base64,", "data:text/plain;base64,AAAA",
        "data:image/svg+xml;base64,AAAA", "data:image/png;base64,AAA", "data:image/png;base64, AAAA", "data:", "ftp://x/y.png",
        "javascript:alert(1)", "", "  ", "a\0b.png", "x" * 9000,
    ],
)  # fmt: skip
def test_a_reference_that_cannot_be_used_is_an_error_that_does_not_quote_it(text: str) -> None:
    for call in (image_item, gen_qa_image):
        with pytest.raises(MediaError) as caught:
            call(text, HERE)
        assert len(text.strip()) < 6 or text not in str(caught.value)


def test_a_data_uri_whose_bytes_are_something_else_is_refused(make: Any) -> None:
    for mime, data in (("image/png", make.jpeg()), ("image/gif", b"plain text"), ("application/pdf", make.png())):
        with pytest.raises(MediaError, match="not"):
            decode_data_uri(uri_of(mime, data))
    with pytest.raises(MediaError, match="more than 10485760 bytes"):
        image_item(uri_of("image/png", make.png() + bytes(10_485_760)), HERE)


def test_a_declared_kind_or_format_has_to_agree(make: Any) -> None:
    assert image_item("https://example.com/x", HERE, "video", "mov")[0]["video"]["format"] == "mov"
    assert image_item("https://example.com/x", HERE, format="image/webp")[0]["image"]["format"] == "webp"
    for reference, kind, name in (
        ("a.mp4", "image", None),
        ("a.png", "sound", None),
        ("a.png", None, "bmp"),
        ("x", "image", "pdf"),
    ):
        with pytest.raises(MediaError):
            image_item(reference, HERE, kind, name)
    with pytest.raises(MediaError, match="holds png"):
        image_item(uri_of("image/png", make.png()), HERE, format="jpeg")


def test_the_same_reference_under_two_formats_gets_two_names() -> None:
    names = {image_item("https://h/x", HERE, format=name)[1] for name in ("png", "jpeg", None)}
    assert len({ref.name.split(".")[0] for ref in names if ref}) == 2
    assert len({ref.name for ref in names if ref}) == 3


def test_a_gen_qa_image_is_a_data_uri_at_once_or_a_placeholder_for_one(make: Any) -> None:
    item, ref = gen_qa_image(uri_of("image/jpg", make.jpeg()), MediaTarget())
    assert (item, ref) == ({"data": uri_of("image/jpeg", make.jpeg())}, None)
    item, ref = gen_qa_image("https://example.com/x.png", MediaTarget())
    assert ref is not None and placeheld(item["data"]) == ref.name
    assert placeheld(uri_of("image/jpeg", make.jpeg())) == ""
    with pytest.raises(MediaError):
        gen_qa_image("clip.mp4", MediaTarget())


@given(data=st.binary(max_size=200), maker=st.sampled_from(["png", "jpeg", "gif", "webp", "mp4", "mkv", "pdf"]))
def test_bytes_come_out_of_a_data_uri_as_they_went_in(make: Any, data: bytes, maker: str) -> None:
    content = getattr(make, maker)() + data
    decoded = decode_data_uri(data_uri_of(maker, content))
    assert (decoded.format, decoded.data) == (maker, content)


@given(
    reference=st.text(max_size=60)
    | st.sampled_from(["data:", "s3://", "http://"]).flatmap(lambda head: st.text().map(head.__add__))
)
def test_any_text_is_a_valid_item_or_a_stated_error(reference: str) -> None:
    for call in (image_item, gen_qa_image):
        try:
            item, ref = call(reference, HERE)
        except MediaError:
            continue
        assert ref is None or ref.source or ref.data
        assert call is gen_qa_image or check_item(item, "user", "$") == []


def test_settings_are_picklable_and_made_from_target_and_source(ctx: ToolContext) -> None:
    made = media_target(ctx, "s3://bucket/out/", "s3://raw/set/*.jsonl")
    assert made == MediaTarget("s3://bucket/out/media", "111122223333", "s3://raw/set")
    assert pickle.loads(pickle.dumps(made)) == made and made.bucket == "bucket"
    assert media_target(ctx, "/out", "/set/a.jsonl") == MediaTarget(base="/set")
    with pytest.raises(InputError, match="have to lie in S3") as caught:
        refuse_unusable(MediaTarget())
    assert "s3:// target" in caught.value.fix
    with pytest.raises(InputError, match="characters"):
        refuse_unusable(MediaTarget("s3://bucket/with blank/media"))


def test_every_reference_of_a_row_is_found_with_its_path() -> None:
    def media(kind: str, name: str, key: str) -> dict[str, Any]:
        return {kind: {"format": name, "source": {"s3Location": {"uri": f"s3://b/{key}", "bucketOwner": "1"}}}}

    row = {
        "messages": [
            {"role": "user", "content": [{"text": "t"}, media("image", "png", "a"), media("document", "pdf", "b")]},
            {"role": "assistant", "content": [{"text": "t"}]},
            {"role": "user", "content": [media("video", "mp4", "c")]},
        ]
    }
    assert list(media_items(row)) == [
        MediaItem("image", "png", "s3://b/a", "1", "$.messages[0].content[1].image"),
        MediaItem("document", "pdf", "s3://b/b", "1", "$.messages[0].content[2].document"),
        MediaItem("video", "mp4", "s3://b/c", "1", "$.messages[2].content[0].video"),
    ]
    assert [item.path for item in media_items({"images": [{"data": "x"}, 3, {"data": "y"}]})] == [
        "$.images[0].data",
        "$.images[2].data",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["messages", "content", "image", "source", "s3Location", "uri", "images", "data", "format"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(row=st.dictionaries(st.sampled_from(["messages", "images", "content"]), JSON, max_size=3))
def test_rows_of_any_shape_have_media_or_none(row: dict[str, Any]) -> None:
    assert all(isinstance(field, str) for item in media_items(row) for field in item)


def test_looking_for_media_costs_rows_without_them_next_to_nothing(
    time_of: Callable[[Callable[[], object]], float],
) -> None:
    row = {"messages": [{"role": role, "content": [{"text": "x"}]} for role in ("user", "assistant")]}
    assert time_of(lambda: list(media_items(row))) < 1e-5, "about half a microsecond on an idle machine"
