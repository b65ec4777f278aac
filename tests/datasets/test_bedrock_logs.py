"""Logs of Bedrock invocations are chats: what was sent, and what the model answered."""

from typing import Any

import pytest

from tests.datasets.converting import one, reject_of

TURNS = [{"role": "user", "content": [{"text": "q"}]}]


def log(given: Any, answer: Any, **more: Any) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "operation": "Converse", "modelId": "m",
        "requestId": "r-1", "input": {"inputBodyJson": given}, "output": {"outputBodyJson": answer}, **more,
    }  # fmt: skip


def said(*items: Any) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": list(items)}}, "stopReason": "end_turn"}


GOOD = log({"messages": TURNS}, said({"text": "a"}))


def test_a_converse_call_becomes_a_row_with_system_tools_and_reasoning() -> None:
    tool = {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}}
    use = {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"x": 1}}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"json": {"y": 2}}]}}
    given = {
        "system": [{"text": "s"}, {"cachePoint": {"type": "default"}}],
        "messages": [*TURNS, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}],
        "toolConfig": {"tools": [tool]},
    }
    thought = {"reasoningContent": {"reasoningText": {"text": "think", "signature": "x"}}}
    row = one(log(given, said(thought, {"text": "a"})))
    assert row["system"] == [{"text": "s"}] and row["toolConfig"] == {"tools": [tool]}
    assert row["messages"][1]["content"] == [use]
    assert row["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": '{"y":2}'}]
    assert row["messages"][3]["content"] == [{"reasoningContent": {"reasoningText": {"text": "think"}}}, {"text": "a"}]


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"messages": TURNS}, said({"text": "a"})),
        ({"schemaVersion": "messages-v1", "messages": TURNS, "inferenceConfig": {}}, said({"text": "a"})),
        (
            {
                "anthropic_version": "bedrock-2023-05-31",
                "messages": [{"role": "user", "content": "q"}],
                "max_tokens": 9,
            },
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]},
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}]},
            [
                {"type": "message_start", "message": {}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
                {"type": "message_stop"},
            ],
        ),
        ({"messages": TURNS}, [{"contentBlockDelta": {"delta": {"text": "a"}, "contentBlockIndex": 0}}]),
    ],
)
def test_bodies_of_converse_nova_and_anthropic_say_the_same(given: Any, answer: Any) -> None:
    row = one(log(given, answer))
    assert [message["content"] for message in row["messages"]] == [[{"text": "q"}], [{"text": "a"}]]
    assert one(log(given, answer), "RFT_LORA")["id"] == "r-1"
    assert one(log(given, answer), "EVALUATION") == {"query": "q", "response": "a", "metadata": "r-1"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (log({"messages": TURNS}, said(), errorCode="ThrottlingException"), "the call failed"),
        (log(None, said({"text": "a"})), "the body is not logged"),
        ({**GOOD, "input": {"inputBodyS3Path": "s3://b/k"}}, "S3 object of its own"),
        (log({"inputText": "q"}, {"embedding": [0.1]}), "was no chat"),
        (log({"messages": TURNS}, {"results": []}), "neither Converse, Nova nor Anthropic"),
        (log({"messages": TURNS}, said()), "the assistant's turn is empty"),
        (log({"messages": TURNS}, [{"delta": {"partial_json": "{"}}]), "holds more than text"),
    ],
)
def test_calls_that_are_no_complete_chat_are_left_out_with_the_reason(row: Any, reason: str) -> None:
    assert reason in reject_of(row, GOOD).reason
