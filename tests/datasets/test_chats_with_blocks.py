"""Chats with the system prompt beside the messages, and with calls as parts of the content, lose neither."""

from typing import TYPE_CHECKING, Any

import pytest

from novaforge.tools.datasets.tool import inspect_dataset
from tests.datasets.converting import convert, one

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
CALLED: dict[str, Any] = {
    "system": "Be brief.",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "wait"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"at": [1, {"é": None}]}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "seen"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
    ],
    "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}],
}


@pytest.mark.parametrize("content", ["a", [{"type": "text", "text": "a"}]])
def test_a_system_prompt_beside_the_messages_is_the_system(content: Any) -> None:
    row = one({"system": "Be brief.", "messages": [TURNS[0], {"role": "assistant", "content": content}]})
    assert row["system"] == [{"text": "Be brief."}]
    prompt = one({"system": "Be brief.", "messages": TURNS}, "RFT_LORA")
    assert prompt["messages"] == [{"role": "system", "content": "Be brief."}, TURNS[0]]


def test_a_system_message_among_the_messages_goes_first_and_the_other_is_said_to_be_unused(desk: "Desk") -> None:
    rows = [{"system": "beside", "messages": [{"role": "system", "content": "inside"}, *TURNS]}] * 2
    result = desk.transform(desk.jsonl(rows))
    assert any("not used: 'system'" in item.message for item in result.findings)
    finished, _ = convert(rows)
    assert finished[0].row["system"] == [{"text": "inside"}]
    used = desk.transform(desk.jsonl([{"system": "S", "messages": TURNS}] * 2, "more.jsonl"), "more")
    assert not any("not used" in item.message for item in used.findings)


def test_calls_as_parts_of_the_content_become_tool_uses_and_results() -> None:
    row = one(CALLED)
    assert row["system"] == [{"text": "Be brief."}]
    thought, said, used = row["messages"][1]["content"]
    assert thought["reasoningContent"]["reasoningText"]["text"] == "hm" and said == {"text": "wait"}
    assert used["toolUse"] == {"toolUseId": "t1", "name": "f", "input": {"at": [1, {"é": None}]}}
    assert row["messages"][2]["content"] == [{"toolResult": {"toolUseId": "t1", "content": [{"text": "seen"}]}}]
    assert row["toolConfig"]["tools"][0]["toolSpec"]["name"] == "f"
    prompt = one(CALLED, "RFT_LORA")
    assert [message["role"] for message in prompt["messages"]] == ["system", "user", "assistant", "tool"]
    assert prompt["reference_answer"] == "a"


def test_such_chats_are_told_as_chats_with_a_proposal_that_works(desk: "Desk") -> None:
    source = desk.jsonl([CALLED] * 3)
    seen = inspect_dataset(desk.ctx, source=source)
    assert seen.shape == "openai_chat" and seen.supported_targets == ["SFT_LORA", "RFT_LORA"]
    result = desk.transform(source, columns=seen.suggested["columns"])
    assert result.rows_written == 3 and not any("not used" in item.message for item in result.findings)
