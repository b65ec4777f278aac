"""Of chats that are nearly usable each is taken or left out for what it says, and the reason names the place in the row."""

from typing import Any

import pytest

from novaforge.tools.datasets.rows import Reject
from tests.datasets.converting import convert, lines_of, make, one, reject_of

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
CHAT: dict[str, Any] = {"messages": [USER, ANSWER]}


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (True, ""), (1, ""), ("True", ""), (1.0, ""), (False, "not desirable"), (0, "not desirable"),
        ("FALSE", "not desirable"), (2, "neither true nor false"), (-1, "neither true nor false"),
        ("yes", "neither true nor false"), (None, "neither true nor false"),
    ],
)  # fmt: skip
def test_a_verdict_is_true_false_one_or_nought(label: Any, reason: str) -> None:
    finished, rejects = convert([{"prompt": "q", "completion": "a", "label": value} for value in (True, label)])
    assert len(finished) == 1 + (not reason)
    assert [reason in reject.reason and reject.line == 2 for reject in rejects] == ([True] if reason else [])


@pytest.mark.parametrize("first", [True, False])
def test_of_two_candidates_the_one_with_the_higher_score_is_preferred_and_of_equal_ones_none(first: bool) -> None:
    good, bad = {"text": "good", "score": 2}, {"text": "bad", "score": 1}
    row = {"prompt": "q", "candidates": [good, bad] if first else [bad, good]}
    assert one(row)["messages"][1]["content"] == [{"text": "good"}]
    assert "no candidate is better" in reject_of({"prompt": "q", "candidates": [good, {**bad, "score": 2}]}, row).reason


@pytest.mark.parametrize(
    ("content", "text"),
    [("be brief", "be brief"), ([{"type": "text", "text": "be "}, "brief"], "be brief"), (["be brief"], "be brief")],
)
def test_a_system_message_may_be_text_or_parts_of_text(content: Any, text: str) -> None:
    row = one({"messages": [{"role": "system", "content": content}, USER, ANSWER]})
    assert row["system"] == [{"text": text}]


@pytest.mark.parametrize("content", [7, [{"type": "image"}], [7], {"text": "s"}])
def test_a_system_message_that_is_no_text_is_left_out_with_its_place(content: Any) -> None:
    reject = reject_of({"messages": [{"role": "system", "content": content}, USER, ANSWER]}, CHAT)
    assert reject.reason == "a system message is not text" and reject.detail == "$.messages[0].content"


def test_a_system_prompt_beside_the_messages_is_read_where_it_is_named_and_moves_no_place() -> None:
    columns = {"messages": "messages", "system": "rules"}
    row = {**CHAT, "rules": "be brief"}
    assert one(row, columns=columns)["system"] == [{"text": "be brief"}]
    assert one({**row, "rules": ""}, columns=columns) == one(CHAT)
    reject = reject_of({**row, "messages": [USER, {**ANSWER, "role": "narrator"}]}, row, columns=columns)
    assert reject.detail == "$.messages[1].role"


def test_parts_of_a_message_that_are_left_out_are_counted() -> None:
    odd = {"messages": [{**USER, "weight": 1}, {**ANSWER, "logprobs": []}]}
    made = make([odd])
    for line in lines_of([odd, CHAT]):
        made.finish(line)
    told = " ".join(finding.message for finding in made.findings())
    assert "weight (rows: 1)" in told and "an unknown name (rows: 1)" in told and one(odd) == one(CHAT)


def test_a_reference_of_several_keys_has_those_the_row_has() -> None:
    rows = [{"messages": [USER], "target": 7, "nums": [1]}, {"messages": [USER], "target": 8}]
    finished, rejects = convert(rows, "RFT_LORA")
    assert not rejects
    assert [row.row["reference_answer"] for row in finished] == [{"target": 7, "nums": [1]}, {"target": 8}]


@pytest.mark.parametrize(
    ("messages", "reason", "path"),
    [
        ([{**USER, "content": [{"type": "text", "text": "q"}, {"type": "image_url", "image_url": {"url": "s3://b/x"}}]}, ANSWER], "more than text", "$.messages[0].content[1]"),
        ([{**USER, "content": [{"type": "text", "text": "q"}]}, ANSWER], "", ""),
        ([USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}], "a tool call is not a function call", "$.messages[1].tool_calls"),
        ([USER, {"role": "assistant", "content": None, "tool_calls": ["x"]}], "a tool call is not a function call", "$.messages[1].tool_calls"),
        ([USER, {**ANSWER, "content": " "}], "the last answer is empty", "$.messages[1].content"),
    ],
)  # fmt: skip
def test_prompts_for_rft_are_text_and_answers_say_something(messages: Any, reason: str, path: str) -> None:
    finished, rejects = convert([CHAT, {"messages": messages}], "RFT_LORA")
    assert len(finished) == 1 + (not reason)
    assert [(reason in reject.reason, reject.detail) for reject in rejects] == ([(True, path)] if reason else [])


@pytest.mark.parametrize(
    ("gold", "text"), [("g", "g"), (["g"], "g"), (None, None), ({"a": 1}, None)], ids=["text", "list", "none", "object"]
)
def test_the_gold_answer_of_an_evaluation_is_its_text(gold: Any, text: str | None) -> None:
    def row(value: Any) -> dict[str, Any]:
        prompt = "[{'role': 'user', 'content': 'q'}]"
        return {"prompt": prompt, "inference": "['said']", "gold": value, "metadata": '{"id": "7"}'}

    finished, rejects = convert([row("g"), row(gold)], "EVALUATION")
    assert [(each.row["query"], each.row["response"]) for each in finished[:1]] == [("q", "g")]
    said = [each.row["response"] for each in finished[1:]]
    assert said == [text] if text is not None else (said != ["g"] and len(said) + len(rejects) == 1)


def test_images_of_an_evaluation_row_come_along_and_others_leave_it_out() -> None:
    uri = "data:image/png;base64,iVBORw0KGgo="
    row = {"query": "q", "response": "a", "images": [{"data": uri}]}
    finished, rejects = convert([row, {**row, "images": [uri]}, {**row, "images": [7]}, {**row, "images": [{}]}])
    assert len(finished) == 2 and all("image" in each.row["messages"][0]["content"][-1] for each in finished)
    assert [(reject.line, reject.reason, reject.detail) for reject in rejects] == [
        (3, "an image has no data", "$.images"), (4, "an image has no data", "$.images"),
    ]  # fmt: skip


def log(turns: list[Any], answer: Any, **more: Any) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "operation": "Converse", "modelId": "m",
        "requestId": "r-1", "input": {"inputBodyJson": {"messages": turns, **more}}, "output": {"outputBodyJson": answer},
    }  # fmt: skip


ASKED = {"role": "user", "content": [{"text": "q"}]}
SAID = {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}}


def delta(**what: Any) -> dict[str, Any]:
    return {"contentBlockDelta": {"delta": what}}


def test_a_streamed_answer_is_put_together_from_its_texts_and_left_out_when_it_holds_more() -> None:
    good = log([ASKED], [{"messageStart": {}}, "noise", delta(text="a"), delta(text="b"), {"messageStop": {}}])
    assert one(good)["messages"][1]["content"] == [{"text": "ab"}]
    for name in ("toolUse", "partial_json", "thinking", "reasoningContent"):
        assert "more than text" in reject_of(log([ASKED], [delta(text="a"), delta(**{name: {}})]), good).reason
    assert one(log([ASKED], [delta(text="a"), delta(other=1)]))["messages"][1]["content"] == [{"text": "a"}]


@pytest.mark.parametrize("system", [None, "be brief"])
def test_the_place_in_a_log_is_that_of_the_turn_whether_there_is_a_system_prompt_or_not(system: str | None) -> None:
    more: dict[str, Any] = {"system": [{"text": system}]} if system else {}
    answered = {"role": "assistant", "content": [{"text": "x"}]}
    reject: Reject = reject_of(log([answered, ASKED], SAID, **more), log([ASKED], SAID))
    assert "does not begin with a user" in reject.reason
    assert str(reject.detail).endswith("messages[0]")


@pytest.mark.parametrize("system", [None, "be brief"])
def test_the_place_of_a_later_turn_in_a_log_is_told_too(system: str | None) -> None:
    more: dict[str, Any] = {"system": [{"text": system}]} if system else {}
    answered = {"role": "assistant", "content": [{"text": "x"}]}
    turns = [ASKED, answered, {"role": "user", "content": [{"text": ""}]}]
    reject = reject_of(log(turns, SAID, **more), log([ASKED], SAID))
    assert "user message is empty" in reject.reason and "messages[2]" in str(reject.detail)
