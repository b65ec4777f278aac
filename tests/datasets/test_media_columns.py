"""Tables with images, videos or documents beside the question become rows that hold them, and nothing is dropped unsaid."""

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.chats.chat import BadRowError
from novaforge.tools.datasets.chats.table import media_column, references
from novaforge.tools.datasets.tool import inspect_dataset
from tests.datasets.converting import convert, make, one

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PNG = b"\x89PNG\r\n\x1a\n"
SAID = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(lambda text: bool(text.strip()))


def asked(row: Any) -> list[Any]:
    return list(row["messages"][0]["content"])


@pytest.mark.parametrize(
    ("name", "value", "kind", "format"),
    [
        ("image", "s3://data-bucket/in/a.png", "image", "png"),
        ("Image Path", "pictures/a.JPG", "image", "jpeg"),
        ("images", ["s3://data-bucket/in/a.webp"], "image", "webp"),
        ("images", '["s3://data-bucket/in/a.gif"]', "image", "gif"),
        ("image", {"url": "https://example.org/a.png"}, "image", "png"),
        ("image_url", {"image_url": {"url": "https://example.org/a.png"}}, "image", "png"),
        ("images", [{"data": PIXEL}], "image", "png"),
        ("s3_uri", "s3://other/b.mp4", "video", "mp4"),
        ("video", "clips/a.mov", "video", "mov"),
        ("document", "s3://data-bucket/in/a.pdf", "document", "pdf"),
    ],
)
def test_a_column_of_media_is_found_and_used(name: str, value: Any, kind: str, format: str) -> None:
    row = one({"question": "q", "answer": "a", name: value})
    text, item = asked(row)
    assert text == {"text": "q"} and item[kind]["format"] == format
    assert item[kind]["source"]["s3Location"]["uri"].startswith("s3://data-bucket/")
    assert item[kind]["source"]["s3Location"]["bucketOwner"] == "111122223333"


@pytest.mark.parametrize("value", ["not media", "", None, 7, {"more": 1}, "https://example.org/page"])
def test_a_column_without_media_is_left_alone(value: Any) -> None:
    assert media_column([{"image": value}]) == ""
    assert asked(one({"question": "q", "answer": "a", "image": value})) == [{"text": "q"}]


def test_of_two_columns_of_media_none_is_chosen_and_one_can_be_named() -> None:
    row = {"question": "q", "answer": "a", "image": "a.png", "video": "b.mp4"}
    assert asked(one(row)) == [{"text": "q"}]
    columns = {"query": "question", "response": "answer", "images": "video"}
    assert asked(one(row, columns=columns))[1]["video"]["format"] == "mp4"


def test_a_row_without_media_in_such_a_table_is_a_row_of_text() -> None:
    rows = [
        {"question": "q", "answer": 3, "image": "s3://other/a.png"},
        {"question": "r", "answer": "a", "image": None},
    ]
    finished, rejects = convert(rows)
    assert [len(asked(row.row)) for row in finished] == [2, 1] and not rejects
    assert finished[0].answer == "3" and len(finished[0].media) == 1


def test_every_column_of_the_row_goes_where_it_belongs() -> None:
    row = {"q": "q", "a": "a", "s": "S", "r": "because", "pictures": [PIXEL, "x.png"]}
    columns = {"query": "q", "response": "a", "system": "s", "reasoning": "r", "images": "pictures"}
    made = one(row, columns=columns)
    assert made["system"] == [{"text": "S"}] and len(asked(made)) == 3
    assert made["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "because"}}},
        {"text": "a"},
    ]
    kept = one({"q": "q", "a": "a", "n": "row 7", "pictures": PIXEL}, "EVALUATION", columns={"query": "q", "response": "a", "metadata": "n", "images": "pictures"})  # fmt: skip
    assert kept == {"query": "q", "response": "a", "images": [{"data": PIXEL}], "metadata": "row 7"}


def test_cells_of_a_table_are_read_alike() -> None:
    cells: Any = ["q", "a", "in/a.png"]
    made = make([cells], header=["question", "answer", "image"])
    assert made.mapping.columns == {"query": "question", "response": "answer", "images": "image"}
    assert not made.mapping.given


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"question": "", "answer": "a", "image": "a.png"}, "query is empty"),
        ({"answer": "a", "image": "a.png"}, "query is missing"),
        ({"question": "q", "answer": 1.5, "image": "a.png"}, "response is not text"),
        ({"question": "q", "answer": "a", "image": [5]}, "something else than references"),
        ({"question": "q", "answer": "a", "image": "[oops"}, "not JSON"),
        ({"question": "q", "answer": "a", "image": "ftp://x/a.png"}, "unusable media"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_its_reason(bad: Any, reason: str) -> None:
    finished, (reject,) = convert([{"question": "q", "answer": "a", "image": "a.png"}, bad])
    assert len(finished) == 1 and reason in reject.reason and reject.line == 2


def test_a_model_that_reads_no_images_has_no_place_for_them() -> None:
    row = {"question": "q", "answer": "a", "image": "a.png"}
    assert asked(one(row, model="nova_micro")) == [{"text": "q"}]
    columns = {"query": "question", "response": "answer", "images": "image"}
    for method, model in (("SFT_LORA", "nova_micro"), ("RFT_LORA", "nova_lite_2"), ("EVALUATION", "nova_micro")):
        with pytest.raises(InputError, match="no place for images"):
            one(row, method, model=model, columns=columns)


def test_what_is_not_used_is_said_for_rows_of_json_too(desk: "Desk") -> None:
    source = desk.jsonl([{"question": "q", "answer": "a", "level": 1, "image": PIXEL}] * 2, "gen.jsonl")
    told = [item.message for item in desk.transform(source, method="EVALUATION").findings]
    assert any("images from 'image'; not used: 'level'" in message for message in told)
    told = [item.message for item in desk.transform(source, "prompts", "RFT_LORA").findings]
    assert any("not used: 'level', 'image'" in message for message in told)


def test_the_proposal_names_the_column_and_goes_to_s3(desk: "Desk") -> None:
    seen = inspect_dataset(desk.ctx, source=desk.jsonl([{"question": "q", "answer": "a", "image": "a.png"}] * 2))
    assert seen.suggested["columns"] == {"query": "question", "response": "answer", "images": "image"}
    assert 'target="s3://' in seen.next_step and seen.lengths["chars_max"] == 2


@settings(max_examples=100, deadline=None)
@given(SAID, SAID, st.lists(st.binary(min_size=1, max_size=40), max_size=3))
def test_texts_and_bytes_come_out_as_they_went_in(query: str, answer: str, blobs: list[bytes]) -> None:
    uris = ["data:image/png;base64," + base64.b64encode(PNG + blob).decode() for blob in blobs]
    row = {"question": query, "answer": answer, "images": uris}
    columns = {"query": "question", "response": "answer", "images": "images"}
    made = one(row, "EVALUATION", columns=columns)
    assert (made["query"], made["response"]) == (query, answer)
    assert [item["data"] for item in made.get("images", [])] == uris
    finished, _ = convert([row], columns=columns)
    assert asked(finished[0].row)[0] == {"text": query} and [ref.data for ref in finished[0].media] == [
        PNG + blob for blob in blobs
    ]


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=5) | st.just("a.png"), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "data", "x"]), inner, max_size=2), max_leaves=6))  # fmt: skip
def test_no_cell_makes_the_reading_of_references_fail(value: Any) -> None:
    try:
        found = references(value)
    except BadRowError:
        return
    assert all(isinstance(text, str) for text in found) and isinstance(json.dumps(found), str)


def test_question_and_media_are_two_columns() -> None:
    with pytest.raises(InputError, match="query and images from the same column"):
        one({"question": "q", "answer": "a"}, columns={"query": "question", "response": "answer", "images": "question"})


def test_a_table_none_of_whose_media_can_be_read_is_refused_and_leaves_nothing(desk: "Desk") -> None:
    source = desk.jsonl([{"question": "q", "answer": "a", "image": "missing.png"}] * 2)
    before = desk.tree()
    with pytest.raises(InputError, match=r"No row of .* can be used") as caught:
        desk.transform(source, method="EVALUATION")
    assert "2 rows" in caught.value.message and desk.tree() == before
