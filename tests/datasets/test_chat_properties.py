"""For any texts: what goes into a chat comes out of the row character for character, and no record makes a converter fail."""

from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.chats.chat import Chat
from novaforge.tools.datasets.chats.items import Media
from novaforge.tools.datasets.chats.plain import Straight
from novaforge.tools.datasets.chats.to_converse import converse_row
from novaforge.tools.datasets.formats.converse import CONVERSE
from novaforge.tools.datasets.formats.rules import RESERVED_WORDS
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.media.target import MediaTarget
from novaforge.tools.datasets.rows import Finished, Line, Reject
from novaforge.tools.datasets.shapes.evidence import shape_of_row
from tests.datasets.converting import convert, make, one

MANY = settings(max_examples=150, deadline=None)
ODD = ["\r\n", '"', "\\", "\x00", "\u2028", "\ufeff", "e\u0301", "\U0001d4b3", "</s>", "{}", " ", *RESERVED_WORDS]
CHARS = st.characters(codec="utf-8")
TEXT = st.lists(st.one_of(st.text(CHARS, max_size=20), st.sampled_from(ODD)), min_size=1, max_size=4).map("".join)
SAID = TEXT.filter(lambda text: bool(text.strip()))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), TEXT
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
TOOLS = [
    {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
    }
]
FORMATS = [
    row_format("SFT_LORA", "nova_lite_2"), row_format("SFT_LORA", "nova_lite"), row_format("DPO_LORA", "nova_lite"),
    row_format("RFT_LORA", "nova_lite_2"), row_format("RFT_MULTITURN_LORA", "nova_lite_2", "hyperpod"),
    row_format("RFT_MULTITURN_LORA", "nova_lite_2", "serverless"), row_format("CPT", "nova_lite_2"),
    row_format("EVALUATION", "nova_lite_2"),
]  # fmt: skip


def plain(texts: list[str], system: str | None) -> list[dict[str, Any]]:
    """Return messages that alternate between user and assistant."""
    messages = [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(texts)]
    return [*([{"role": "system", "content": system}] if system is not None else []), *messages]


@MANY
@given(st.lists(TEXT, min_size=1, max_size=6), st.none() | TEXT, st.none() | SAID)
def test_the_straight_way_and_the_long_way_give_the_same_row(
    texts: list[str], system: str | None, system_prompt: str | None
) -> None:
    made = Straight(system_prompt, tools=True).row(plain(texts, system))
    if made is None:
        return
    row = converse_row(Chat(plain(texts, system)), system_prompt, Media(MediaTarget()), Counter())
    assert made.row == row and CONVERSE.check(row) == []
    assert (made.prompt, made.answer) == (CONVERSE.prompt(row), CONVERSE.answer(row))


@MANY
@given(st.lists(SAID, min_size=2, max_size=6).filter(lambda texts: len(texts) % 2 == 0), st.none() | SAID)
def test_texts_of_a_chat_come_out_as_they_went_in(texts: list[str], system: str | None) -> None:
    messages = plain(texts, system)
    row = one({"messages": messages})
    assert [message["content"][0]["text"] for message in row["messages"]] == texts
    assert row.get("system") == (None if system is None else [{"text": system}])
    turns = [{"from": ("human", "gpt")[index % 2], "value": text} for index, text in enumerate(texts)]
    assert one({"conversations": turns, "system": system})["messages"] == row["messages"]
    prompt = one({"messages": messages}, "RFT_LORA")
    assert prompt["messages"] == messages[:-1] and prompt["reference_answer"] == texts[-1]
    # Through Converse and back it is the same prompt.
    assert one(row, "RFT_LORA") == prompt


@MANY
@given(SAID, SAID, OBJECT, TEXT, SAID)
def test_calls_and_results_come_out_as_they_went_in(
    query: str, thought: str, arguments: dict[str, Any], result: str, answer: str
) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": orjson.dumps(arguments).decode()}}
    messages = [
        {"role": "user", "content": query},
        {"role": "assistant", "content": None, "reasoning": thought, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
        {"role": "assistant", "content": answer},
    ]
    row = one({"messages": messages, "tools": TOOLS})
    asked = row["messages"][1]["content"]
    assert asked[0]["reasoningContent"]["reasoningText"]["text"] == thought
    assert asked[1]["toolUse"]["input"] == arguments
    assert row["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": result}]
    assert row["messages"][3]["content"] == [{"text": answer}]


@MANY
@given(SAID, SAID, SAID)
def test_single_questions_pairs_and_prompts_keep_their_texts(query: str, good: str, bad: str) -> None:
    assume(good != bad)
    assert one({"instruction": query, "input": "", "output": good}, "EVALUATION")["query"] == query
    pair = one({"prompt": query, "chosen": good, "rejected": bad}, "DPO_LORA", model="nova_lite")
    said = [item["content"][0]["text"] for item in pair["messages"][1]["candidates"]]
    assert said == [good, bad] and pair["messages"][0]["content"][0]["text"] == query
    flat = {"id": "1", "prompt": query, "answer": good, "task": "t"}
    nested = one(flat, "RFT_MULTITURN_LORA", platform="hyperpod")
    assert one(nested, "RFT_MULTITURN_LORA", platform="serverless") == flat


def test_a_huge_text_comes_through_and_one_over_the_limit_is_rejected() -> None:
    for size, written in ((400_000, 1), (1_100_000, 0)):
        text = "x\r\n€" * (size // 6)
        finished, rejects = convert([{"messages": plain(["q", "a"], None)}, {"messages": plain([text, "a"], None)}])
        assert (len(finished), len(rejects)) == (1 + written, 1 - written)
        if written:
            assert orjson.loads(finished[1].data)["messages"][0]["content"][0]["text"] == text


def test_a_lone_surrogate_in_the_text_of_a_call_is_a_reject() -> None:
    turns = [("human", "q"), ("function_call", '{"name": "f", "arguments": {"x": "\\ud800"}}'), ("gpt", "a")]
    bad = {"conversations": [{"from": who, "value": text} for who, text in turns]}
    good = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
    _, (reject,) = convert([good, bad])
    assert "not JSON" in reject.reason and reject.detail == "$.conversations[1].value"


KEYS = st.sampled_from([
    "messages", "conversations", "role", "content", "from", "value", "tools", "instruction", "input", "output", "instances",
    "history", "prompt", "completion", "chosen", "rejected", "preferred_output", "non_preferred_output", "candidates", "label",
    "metadata", "answer", "info", "task", "reference_answer", "query", "response", "images", "system", "text", "inference",
    "gold", "schemaType", "modelId", "output", "inputBodyJson", "outputBodyJson", "toolConfig", "toolUse", "toolResult",
    "tool_calls", "function", "arguments", "name", "id", "type", "image_url", "reasoning", "function_call", "tool_call_id",
])  # fmt: skip
VALUES = st.one_of(
    TEXT, st.none(), st.booleans(), st.integers(-5, 5),
    st.sampled_from(["user", "assistant", "system", "tool", "human", "gpt", "function_call", "observation", "[]", "{}", "null"]),
)  # fmt: skip
MESS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
RECORD = st.dictionaries(KEYS, MESS, min_size=1, max_size=5)
GOOD: dict[str, Any] = {
    "openai_chat": {"messages": plain(["q", "a"], None)},
    "sharegpt": {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    "alpaca": {"instruction": "q", "output": "a"},
    "self_instruct": {"instruction": "q", "instances": [{"input": "", "output": "a"}]},
    "prompt_completion": {"prompt": "q", "completion": "a"},
    "preference": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "preference by OpenAI": {
        "input": {"messages": plain(["q"], None)}, "preferred_output": [{"role": "assistant", "content": "a"}],
        "non_preferred_output": [{"role": "assistant", "content": "b"}],
    },
    "candidates": {"prompt": "q", "candidates": [{"text": "a", "score": 1}, {"text": "b", "score": 0}]},
    "kto": {"prompt": "q", "completion": "a", "label": True},
    "rft": {"messages": plain(["q"], None), "reference_answer": "a"},
    "prompts_with_answers": {"messages": plain(["q"], None), "target": "a"},
    "gen_qa": {"query": "q", "response": "a"},
    "rft_flat": {"id": "1", "prompt": "q", "answer": "a", "task": "t"},
    "rft_multiturn": {"id": "1", "metadata": {"prompt": "q", "answer": "a"}},
    "converse": {"messages": [{"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]},
    "dpo": {
        "messages": [
            {"role": "user", "content": [{"text": "q"}]},
            {"role": "assistant", "candidates": [
                {"content": [{"text": "a"}], "preferenceLabel": "preferred"},
                {"content": [{"text": "b"}], "preferenceLabel": "non-preferred"},
            ]},
        ]
    },
    "evaluation_output": {"prompt": "q", "inference": "a", "gold": "a"},
    "text": {"text": "words"},
    "bedrock_log": {
        "schemaType": "ModelInvocationLog",
        "input": {"inputBodyJson": {"messages": [{"role": "user", "content": [{"text": "q"}]}]}},
        "output": {"outputBodyJson": {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}}},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", list(GOOD))
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_record_makes_a_converter_fail(name: str, data: Any) -> None:
    good = GOOD[name]
    junk = data.draw(RECORD)
    record = data.draw(st.sampled_from([junk, {**good, **junk}, {**junk, **good}]))
    assert isinstance(shape_of_row(record), str)
    for wanted in FORMATS:
        try:
            made = make([good], wanted=wanted)
        except NovaForgeError:
            continue
        line = Line(2, record, orjson.dumps(record))
        for item in made.expand(line) if made.expand else (line,):
            result = made.finish(item)
            assert isinstance(result, Finished | Reject)
            if isinstance(result, Finished):
                row = orjson.loads(result.data)
                blocking = {hit.rule for hit in wanted.check(row)} - {"DA2"}
                assert {hit.rule for hit in result.hits} >= blocking
                assert (result.prompt, result.answer) == (wanted.prompt(row), wanted.answer(row))


CALLS = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "system", "call", "tool"]), TEXT, st.sampled_from("ab"), OBJECT),
    max_size=7,
)  # fmt: skip


@MANY
@given(CALLS, st.none() | SAID)
def test_the_straight_way_writes_chats_with_calls_as_the_long_way_does(turns: Any, system_prompt: str | None) -> None:
    messages: list[dict[str, Any]] = []
    for kind, text, key, arguments in turns:
        if kind == "call":
            call = {
                "id": key,
                "type": "function",
                "function": {"name": "f", "arguments": orjson.dumps(arguments).decode()},
            }
            messages.append({"role": "assistant", "content": text if key == "a" else None, "tool_calls": [call]})
        elif kind == "tool":
            messages.append({"role": "tool", "tool_call_id": key, "content": text})
        else:
            messages.append({"role": kind, "content": text})
    made = Straight(system_prompt, tools=True).row(messages, TOOLS)
    if made is None:
        return
    row = converse_row(Chat(messages, TOOLS), system_prompt, Media(MediaTarget()), Counter())
    assert made.row == row and CONVERSE.check(row) == []
    assert (made.prompt, made.answer) == (CONVERSE.prompt(row), CONVERSE.answer(row))


def test_a_chat_with_parallel_calls_takes_the_straight_way() -> None:
    calls = [{"id": key, "type": "function", "function": {"name": "f", "arguments": "{}"}} for key in "ab"]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "s"}, {"role": "user", "content": "q"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "b", "content": "1"}, {"role": "tool", "tool_call_id": "a", "content": "2"},
        {"role": "assistant", "content": "done"},
    ]  # fmt: skip
    made = Straight(None, tools=True).row(messages, TOOLS)
    assert made is not None and made.row["messages"][2]["content"][0]["toolResult"]["toolUseId"] == "b"
    assert made.row == converse_row(Chat(messages, TOOLS), None, Media(MediaTarget()), Counter())
    assert Straight(None, tools=False).row(messages, TOOLS) is None
