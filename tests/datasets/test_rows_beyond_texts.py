"""Rows whose texts are equal and whose tools or calls are not are different rows."""

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from novaforge.tools.datasets.formats.content import beyond_texts, content_digest

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


def row(name: str, **more: Any) -> dict[str, Any]:
    """Return a row whose texts are the same for every name; the model calls the tool of that name."""
    call = {"toolUseId": "call_1", "name": name, "input": {"length": 12}}
    result = {"toolUseId": "call_1", "content": [{"text": "done"}]}
    spec = {"name": name, "inputSchema": {"json": {"type": "object"}}}
    return {
        "schemaVersion": "bedrock-conversation-2024",
        "messages": [
            {"role": "user", "content": [{"text": "Make me a new password, please."}]},
            {"role": "assistant", "content": [{"toolUse": call}]},
            {"role": "user", "content": [{"toolResult": result}]},
            {"role": "assistant", "content": [{"text": "Here it is."}]},
        ],
        "toolConfig": {"tools": [{"toolSpec": spec}]},
        **more,
    }


@pytest.mark.parametrize(("last", "duplicates"), [("make_secret", 0), ("make_password", 1)])
def test_rows_that_call_other_tools_are_no_duplicates(desk: "Desk", last: str, duplicates: int) -> None:
    source = desk.folder / "calls.jsonl"
    rows = [row("make_password"), row("make_key"), row(last)]
    source.write_bytes(b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in rows))

    result = desk.validate(str(source))

    assert sum(each.count for each in result.findings if each.rule == "DA11-duplicates") == duplicates


@pytest.mark.parametrize(("last", "duplicates"), [("Rome", 0), ("Oslo", 1)])
def test_prompts_whose_calls_differ_are_no_duplicates(desk: "Desk", last: str, duplicates: int) -> None:
    result = desk.validate(desk.jsonl(map(prompt, ["Oslo", "Bern", last])), "RFT_LORA")

    assert sum(each.count for each in result.findings if each.rule == "DA11-duplicates") == duplicates


def prompt(city: str) -> dict[str, Any]:
    """Return an RFT row whose texts are the same for every city; the call before the question names it."""
    function = {"name": "weather", "arguments": orjson.dumps({"city": city}).decode()}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    return {
        "id": city,
        "messages": [
            {"role": "user", "content": "What is the weather?"},
            {"role": "assistant", "content": "I look.", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "call_1", "content": "It is fine."},
            {"role": "user", "content": "Shall I take an umbrella?"},
        ],
        "reference_answer": "no",
    }


def test_a_row_of_texts_alone_needs_no_digest_of_its_own() -> None:
    plain = {"schemaVersion": "bedrock-conversation-2024", "messages": [], "system": []}

    assert beyond_texts(plain, set(), "converse") == b""
    assert beyond_texts({**plain, "toolConfig": {}}, set(), "converse") != b""
    assert beyond_texts(plain, {"toolUse"}, "converse") != b""


def test_ids_do_not_make_another_row() -> None:
    assert content_digest({"text": "a", "id": "1"}, "cpt") == content_digest({"id": "2", "text": "a"}, "cpt")
    assert content_digest({"text": "a", "n": 1}, "cpt") != content_digest({"text": "a", "n": 2}, "cpt")


@pytest.mark.parametrize("value", [2**80, "\ud800"])
def test_values_that_json_can_spell_have_a_digest(value: Any) -> None:
    assert content_digest({"info": value}, "rft") != content_digest({"info": 1}, "rft")
