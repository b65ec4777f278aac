"""Chats of every shape become the rows of a method: nothing is added, reordered or lost without being counted."""

from typing import Any

import pytest

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.datasets.rows import Line
from tests.datasets.converting import convert, lines_of, make, one, reject_of

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
CHAT = {"messages": [USER, ANSWER]}
SPEC = {"name": "f", "description": "does f", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": SPEC}]


def call(arguments: Any = '{"x": 1}', key: Any = "c1", name: str = "f") -> dict[str, Any]:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


def asking(*calls: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def result(content: Any = "r", key: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": key, "content": content}


def test_a_tool_call_and_its_results_become_tool_use_and_one_turn_of_results() -> None:
    messages = [
        {"role": "developer", "content": "be brief"}, USER,
        asking(call(), call("", "c2"), reasoning_content="think"), result("one"), result("two", "c2"), ANSWER,
    ]  # fmt: skip
    row = one({"messages": messages, "tools": TOOLS})
    assert row["system"] == [{"text": "be brief"}]
    assert row["toolConfig"] == {
        "tools": [{"toolSpec": {"name": "f", "description": "does f", "inputSchema": {"json": SPEC["parameters"]}}}]
    }
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "user", "assistant"]
    assert row["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "think"}}},
        {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"x": 1}}},
        {"toolUse": {"toolUseId": "c2", "name": "f", "input": {}}},
    ]
    assert row["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "c1", "content": [{"text": "one"}]}},
        {"toolResult": {"toolUseId": "c2", "content": [{"text": "two"}]}},
    ]


def test_sharegpt_calls_are_answered_in_their_order() -> None:
    turns = [
        ("human", "q"),
        ("function_call", '{"name": "f", "arguments": {"x": 1}}'),
        ("observation", "r"),
        ("gpt", "a"),
    ]
    row = one(
        {
            "conversations": [{"from": who, "value": text} for who, text in turns],
            "tools": '[{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}]',
        }
    )
    use, answer = row["messages"][1]["content"][0]["toolUse"], row["messages"][2]["content"][0]["toolResult"]
    assert use["toolUseId"] == answer["toolUseId"] and use["input"] == {"x": 1}
    assert row["toolConfig"]["tools"][0]["toolSpec"]["name"] == "f"


def test_an_id_used_again_later_gets_a_number_and_keeps_its_result() -> None:
    messages = [USER, asking(call()), result("one"), asking(call()), result("two"), ANSWER]
    made = make([{"messages": messages, "tools": TOOLS}])
    (finished,), _ = convert([{"messages": messages, "tools": TOOLS}])
    uses = [
        item["toolUse"]["toolUseId"]
        for turn in finished.row["messages"]
        for item in turn["content"]
        if "toolUse" in item
    ]
    results = [
        (item["toolResult"]["toolUseId"], item["toolResult"]["content"][0]["text"])
        for turn in finished.row["messages"] for item in turn["content"] if "toolResult" in item
    ]  # fmt: skip
    assert uses == ["c1", "c1-2"] and results == [("c1", "one"), ("c1-2", "two")]
    assert not made.findings()


@pytest.mark.parametrize(
    ("messages", "reason", "path"),
    [
        ([ANSWER, USER, ANSWER], "does not begin with a user", "$.messages[0]"),
        ([USER, ANSWER, USER], "does not end with an assistant", "$.messages[2]"),
        (
            [USER, asking(call("{oops")), result(), ANSWER],
            "are not JSON",
            "$.messages[1].tool_calls.function.arguments",
        ),
        ([USER, asking(call("[1]")), result(), ANSWER], "not an object", "$.messages[1].tool_calls.function.arguments"),
        (
            [USER, asking(call('{"n": 123456789012345678901234567890}')), result(), ANSWER],
            "too large for 64 bits",
            None,
        ),
        ([USER, result(), ANSWER], "answers no open function call", "$.messages[1]"),
        ([USER, asking(call()), result(), result(), ANSWER], "answers no open function call", "$.messages[3]"),
        ([{**USER, "role": "narrator"}, ANSWER], "the role is none of", "$.messages[0].role"),
        ([{**USER, "content": ""}, ANSWER], "the user message is empty", "$.messages[0].content"),
        ([USER, {**ANSWER, "content": None}], "the assistant message is empty", "$.messages[1].content"),
        ([USER, ANSWER, {"role": "system", "content": "late"}, USER, ANSWER], "a system message stands after", None),
        ([{**USER, "content": [{"type": "audio"}]}, ANSWER], "neither text nor an image", "$.messages[0].content[0]"),
        ([{**USER, "content": 7}, ANSWER], "neither text nor a list", "$.messages[0].content"),
        ("text", "not JSON", "$.messages"),
        ([USER, "words"], "not an object", "$.messages[1]"),
    ],
)
def test_what_a_row_cannot_hold_is_rejected_with_reason_and_path(messages: Any, reason: str, path: str | None) -> None:
    reject = reject_of({"messages": messages}, CHAT)
    assert reject.line == 2 and reason in reject.reason
    assert path is None or reject.detail == path


def test_messages_of_one_role_in_a_row_become_items_of_one_turn_and_are_counted() -> None:
    made = make([CHAT])
    (finished,), _ = convert([{"messages": [USER, {**USER, "content": "more"}, ANSWER]}])
    assert finished.row["messages"][0]["content"] == [{"text": "q"}, {"text": "more"}]
    for line in lines_of([{"messages": [USER, USER, ANSWER]}, CHAT]):
        made.finish(line)
    (finding,) = made.findings()
    assert "items of one turn" in finding.message and finding.count == 1


def test_counts_of_processes_are_put_together() -> None:
    parent, worker = make([CHAT]), make([CHAT])
    worker.finish(lines_of([{"messages": [USER, USER, ANSWER]}])[0])
    parent.merge(worker.seen())
    parent.merge(worker.seen())
    assert [finding.count for finding in parent.findings()] == [2]


def test_keys_nobody_reads_are_named_and_stay_out() -> None:
    rows = [{**CHAT, "source": "web", "score": 3}]
    assert set(one(rows[0])) == {"schemaVersion", "messages"}
    (finding,) = make(rows).findings()
    assert "'source', 'score'" in finding.message


@pytest.mark.parametrize("model", ["nova_micro", "nova_lite", "nova_pro"])
def test_models_without_tools_refuse_chats_with_tools(model: str) -> None:
    with_tools = {"messages": [USER, asking(call()), result(), ANSWER], "tools": TOOLS}
    with pytest.raises(RefusedError, match="not trained on tools"):
        make([with_tools], model=model)
    assert "not trained on tools" in reject_of(with_tools, CHAT, model=model).reason


def test_images_become_references_in_the_data_bucket() -> None:
    pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": pixel}},
        {"type": "image_url", "image_url": {"url": "s3://elsewhere/a.png"}},
    ]
    (finished,), _ = convert([{"messages": [{"role": "user", "content": parts}, ANSWER]}])
    items = finished.row["messages"][0]["content"]
    assert [next(iter(item)) for item in items] == ["text", "image", "image"]
    assert all(item["image"]["source"]["s3Location"]["uri"].startswith("s3://data-bucket/") for item in items[1:])
    assert [media.source for media in finished.media] == ["", "s3://elsewhere/a.png"] and finished.media[0].data
    bad = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}, ANSWER]}
    assert "unusable media" in reject_of(bad, CHAT).reason


def test_the_last_answer_is_the_reference_and_the_turns_before_it_the_prompt() -> None:
    earlier = [{"role": "system", "content": "s"}, USER, ANSWER, {**USER, "content": "q2"}]
    row = one({"id": "7", "messages": [*earlier, {**ANSWER, "content": "a2"}]}, "RFT_LORA")
    assert row == {"id": "7", "messages": earlier, "reference_answer": "a2"}
    assert one(CHAT, "RFT_LORA")["id"] == "rows-1"


def test_a_reference_answer_that_is_a_call_keeps_name_and_arguments() -> None:
    row = one({"messages": [USER, asking(call())], "tools": TOOLS}, "RFT_LORA")
    assert row["reference_answer"] == {"tool_calls": [{"name": "f", "arguments": '{"x": 1}'}]}
    assert row["tools"] == TOOLS


def test_answers_beside_the_messages_are_the_reference() -> None:
    assert one({"messages": [USER], "target": 7}, "RFT_LORA")["reference_answer"] == "7"
    several = one({"messages": [USER], "target": 7, "nums": [1, 2]}, "RFT_LORA")
    assert several["reference_answer"] == {"target": 7, "nums": [1, 2]}
    asked = one(
        {"messages": [USER], "target": "x", "nums": [1]},
        "RFT_LORA",
        columns={"messages": "messages", "response": "target"},
    )
    assert asked["reference_answer"] == "x" and "nums" not in asked


def test_converse_rows_become_prompts_with_references(converse: Any) -> None:
    source = converse("q", "a", "q2", "a2", system=[{"text": "s"}])
    row = one(source, "RFT_LORA")
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant", "user"]
    assert row["reference_answer"] == "a2"
    assert one(converse("q", "a"), "EVALUATION") == {"query": "q", "response": "a", "metadata": "rows-1"}
    assert "earlier turns" in reject_of(source, converse("q", "a"), "EVALUATION").reason
    assert one(source, "CPT", platform="hyperpod") == {"text": "s\n\nq\n\na\n\nq2\n\na2"}


def test_tools_of_converse_come_back_from_openai_and_the_other_way() -> None:
    chat = {"messages": [USER, asking(call()), result(), ANSWER], "tools": TOOLS}
    there = one(chat)
    back = one(there, "RFT_LORA")
    assert back["tools"] == TOOLS and back["reference_answer"] == "a"
    assert back["messages"][1]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x":1}'}
    assert back["messages"][2] == {"role": "tool", "content": "r", "tool_call_id": "c1"}


def test_alpaca_joins_instruction_and_input_and_keeps_the_history() -> None:
    row = one({"instruction": "do", "input": "this", "output": "a", "system": "s", "history": [["q0", "a0"]]})
    texts = [message["content"][0]["text"] for message in row["messages"]]
    assert texts == ["q0", "a0", "do\nthis", "a"] and row["system"] == [{"text": "s"}]
    assert (
        "output is missing"
        in reject_of({"instruction": "do", "output": ""}, {"instruction": "x", "output": "y"}).reason
    )


def test_each_instance_is_a_row_and_those_of_one_instruction_stay_together() -> None:
    rows = [{"instruction": "do", "instances": [{"input": "1", "output": "a"}, {"input": "2", "output": "b"}]}]
    finished, rejects = convert([*rows, {"instruction": "x", "instances": []}], "RFT_LORA")
    assert [row.row["reference_answer"] for row in finished] == ["a", "b"]
    assert [row.row["id"] for row in finished] == ["rows-1", "rows-1.2"] and {row.group for row in finished} == {"do"}
    assert [reject.line for reject in rejects] in ([], [2])


PAIR = {"prompt": "q", "chosen": "good", "rejected": "bad"}


@pytest.mark.parametrize(
    "row",
    [
        PAIR,
        {"prompt": [USER], "chosen": [{**ANSWER, "content": "good"}], "rejected": [{**ANSWER, "content": "bad"}]},
        {"chosen": [USER, {**ANSWER, "content": "good"}], "rejected": [USER, {**ANSWER, "content": "bad"}]},
        {"prompt": "q", "chosen": [USER, {**ANSWER, "content": "good"}], "rejected": [USER, {**ANSWER, "content": "bad"}]},
        {
            "input": {"messages": [USER]}, "preferred_output": [{**ANSWER, "content": "good"}],
            "non_preferred_output": [{**ANSWER, "content": "bad"}],
        },
        {
            "conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "good"},
            "rejected": {"from": "gpt", "value": "bad"},
        },
        {"instruction": "q", "input": "", "chosen": "good", "rejected": "bad"},
        {"prompt": "q", "candidates": [{"text": "bad", "score": 0.1}, {"text": "good", "score": 0.9}]},
        {"chosen": "\n\nHuman: q\n\nAssistant: good", "rejected": "\n\nHuman: q\n\nAssistant: bad"},
    ],
)  # fmt: skip
def test_every_kind_of_preference_becomes_candidates_and_its_preferred_answer_a_row(row: Any) -> None:
    written = one(row, "DPO_LORA", model="nova_lite")
    assert written["messages"][0] == {"role": "user", "content": [{"text": "q"}]}
    assert written["messages"][1]["candidates"] == [
        {"content": [{"text": "good"}], "preferenceLabel": "preferred"},
        {"content": [{"text": "bad"}], "preferenceLabel": "non-preferred"},
    ]
    assert one(row)["messages"][1]["content"] == [{"text": "good"}]
    assert one(written)["messages"][1]["content"] == [{"text": "good"}]


def test_of_judged_answers_only_desirable_ones_are_taken() -> None:
    rows = [{"prompt": "q", "completion": "a", "label": label} for label in (True, False)]
    finished, (reject,) = convert(rows)
    assert len(finished) == 1 and "not desirable" in reject.reason and reject.line == 2


def test_prompts_of_multi_turn_rft_change_between_nested_and_flat() -> None:
    flat = {"id": "1", "prompt": "q", "answer": "a", "task": "t", "info": {"k": 1}}
    nested = one(flat, "RFT_MULTITURN_LORA", platform="hyperpod")
    assert nested == {"id": "1", "metadata": {key: flat[key] for key in ("prompt", "answer", "task", "info")}}
    assert one(nested, "RFT_MULTITURN_LORA", platform="serverless") == flat
    assert one(nested, "RFT_LORA")["reference_answer"] == "a"
    chat = {"id": "1", "prompt": [{"role": "system", "content": "s"}, USER], "task": "t"}
    assert one(chat, "RFT_MULTITURN_LORA", platform="hyperpod")["metadata"]["prompt"] == chat["prompt"]


def test_chats_below_other_keys_and_in_cells_are_read_when_they_are_named() -> None:
    columns = {"messages": "talk", "id": "key", "metadata": "more"}
    row = one({"talk": [USER, ANSWER], "key": "k", "more": {"a": 1}}, "RFT_LORA", columns=columns)
    assert row == {"id": "k", "messages": [USER], "reference_answer": "a", "metadata": {"a": 1}}
    as_text = '[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]'
    assert one({"talk": as_text}, columns={"messages": "talk"})["messages"][1]["content"] == [{"text": "a"}]
    with pytest.raises(InputError, match="No row has the key 'no'"):
        make([CHAT], columns={"messages": "no"})
    with pytest.raises(InputError, match="beside messages"):
        make([CHAT], columns={"messages": "messages", "chosen": "x"})


def test_labels_and_groups_can_be_read_from_a_key_beside_the_chat() -> None:
    rows = [{**CHAT, "topic": "t1"}]
    made = make(rows)
    (line,) = lines_of(rows)
    finished: Any = made.finish(line)
    assert made.label_of("topic")(line, finished) == "t1" == made.group_of("topic")(line, finished)
    assert made.label_of("response")(line, finished) == "a"
    with pytest.raises(InputError, match="group by"):
        made.group_of("tpic")


def test_rows_nested_deeper_than_json_is_written_are_rejected() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"d": deep}
    messages = [USER, asking({"id": "c", "function": {"name": "f", "arguments": deep}}), ANSWER]
    made = make([CHAT])
    reject: Any = made.finish(Line(3, {"messages": messages}, b""))
    assert reject.line == 3 and "nested too deep" in reject.reason


def test_question_and_answer_of_a_table_become_one_text_and_the_note_says_so() -> None:
    rows = [{"question": "q", "answer": "a"}]
    assert one(rows[0], "CPT", platform="hyperpod") == {"text": "q\n\na"}
    assert make(rows, "CPT").notes == ("the text is 'question', 'answer' with a blank line between them",)
    assert one({"text": "t", "label": "x"}, "CPT", platform="hyperpod") == {"text": "t"}


def test_arguments_nested_deeper_than_json_is_written_are_rejected_on_the_straight_way_too() -> None:
    deep = '{"d":' * 300 + "1" + "}" * 300
    messages = [USER, asking(call(deep)), result(), ANSWER]
    made = make([{**CHAT, "tools": TOOLS}])
    reject: Any = made.finish(Line(3, {"messages": messages, "tools": TOOLS}, b""))
    assert reject.line == 3 and "nested too deep" in reject.reason


def test_what_is_done_to_a_row_that_is_rejected_is_not_counted() -> None:
    made = make([CHAT])
    for line in lines_of([{"messages": [USER, USER]}, {"messages": [USER, USER, USER, ANSWER]}]):
        made.finish(line)
    assert [finding.count for finding in made.findings()] == [1]


def test_the_id_of_a_row_goes_through_gen_qa_and_back() -> None:
    source = {"id": "row-7", "messages": [{"role": "system", "content": "s"}, USER], "reference_answer": "a"}
    there = one(source, "EVALUATION")
    assert there == {"query": "q", "response": "a", "system": "s", "metadata": "row-7"}
    assert one(there, "RFT_LORA") == source
    assert one(source)["messages"] == one(there)["messages"]


@pytest.mark.parametrize("method", ["SFT_LORA", "RFT_LORA"])
def test_a_tool_without_a_description_has_its_name_for_one(method: str) -> None:
    function = {"name": "look", "parameters": {"type": "object", "properties": {}}}
    row = one(
        {
            "messages": [USER, {"role": "assistant", "content": "a"}],
            "tools": [{"type": "function", "function": function}],
        },
        method,
    )
    spec = row["toolConfig"]["tools"][0]["toolSpec"] if method == "SFT_LORA" else row["tools"][0]["function"]
    assert (spec["name"], spec["description"]) == ("look", "look")
    assert "description" not in function
