"""Through every conversion texts come out character for character and values of JSON as they are, or the row is left out."""

import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.chats.chat import BadRowError, parsed
from novaforge.tools.datasets.tool import transform_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

TEXTS = {
    "line ends": "a\r\nb\rc\n\nd\r\n",
    "NUL and controls": "a\x00b\x01\x1f\x7f\x85c",
    "separators": "a\u2028b\u2029c\u000bd\u000ce",
    "combining marks": "e\u0301 \u1e9b\u0323 \u0041\u030a \u00c5",
    "beyond the first plane": "\U0001f600\U0001d4b3\U0010ffff",
    "joined": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \ufeff\u200b\u202e x",
    "escapes": '\\ud800 \\u0022 \\n \\" "" \\\\ {"a": "b"} &amp; %41',
    "blanks": "  a\t\u00a0\u3000 ",
    "other scripts": "\u4f60\u597d \u0645\u0631\u062d\u0628\u0627 \u0939\u093f\u0928\u094d\u0926\u0940",
    "no characters": "\ufffe\uffff\ufdd0 a",
}
ARGUMENTS: dict[str, str] = {
    "twenty levels": '{"a":' * 20 + "1" + "}" * 20,
    "minus zero": '{"a":-0.0}',
    "64 bits": '{"a":18446744073709551615,"b":-9223372036854775808}',
    "fractions": '{"a":1.7976931348623157e308,"b":5e-324,"c":0.1,"d":1e2,"e":2.50}',
    "texts": json.dumps({"a": TEXTS["NUL and controls"], TEXTS["joined"]: [TEXTS["escapes"], None, True, {}]}),
}
LOST: dict[str, str] = {
    "beyond doubles": '{"a":1e400}',
    "minus beyond doubles": '{"a":[-1e999]}',
    "beyond 64 bits": '{"a":18446744073709551616}',
    "thirty digits": '{"a":{"b":123456789012345678901234567890}}',
    "a key twice": '{"a":1,"a":2}',
    "a key twice, alike": '{"a":"x","a":"x"}',
    "a key twice further in": '{"a":[{"b":{"c":1,"d":2,"c":3}}]}',
    "a key twice in hexadecimal": '{"a\\u0022":1,"a\\"":2,"b":"\\u0022"}',
    "half a character": '{"a":"\\ud800"}',
    "no number": '{"a":NaN}',
}
TOOLS = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}}]  # fmt: skip


def openai(query: str, answer: str, other: str) -> Any:
    turns = [("system", other), ("user", query), ("assistant", answer)]
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def converse(query: str, answer: str, other: str) -> Any:
    turns = [{"role": "user", "content": [{"text": query}]}, {"role": "assistant", "content": [{"text": answer}]}]
    return {"schemaVersion": "bedrock-conversation-2024", "system": [{"text": other}], "messages": turns}


class Source(NamedTuple):
    """How a record says a question, an answer and another text."""

    make: Any
    methods: tuple[str, ...]


SOURCES = {
    "openai": Source(openai, ("SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "MULTI")),
    "sharegpt": Source(
        lambda query, answer, other: {
            "conversations": [{"from": "system", "value": other}, {"from": "human", "value": query}, {"from": "gpt", "value": answer}]
        },
        ("SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "MULTI"),
    ),
    "alpaca": Source(
        lambda query, answer, other: {"instruction": query, "input": "", "output": answer, "system": other},
        ("SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "MULTI"),
    ),
    "table": Source(
        lambda query, answer, other: {"question": query, "answer": answer, "system": other}, ("SFT_LORA", "RFT_LORA", "EVALUATION")
    ),
    "converse": Source(converse, ("SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "MULTI")),
    "preference": Source(
        lambda query, answer, other: {"prompt": query, "chosen": answer, "rejected": f"not {answer}", "system": other},
        ("DPO_LORA", "SFT_LORA", "RFT_LORA", "EVALUATION"),
    ),
    "reference answers": Source(
        lambda query, answer, other: {
            "messages": [{"role": "system", "content": other}, {"role": "user", "content": query}], "reference_answer": answer
        },
        ("RFT_LORA", "SFT_LORA", "EVALUATION"),
    ),
    "gen_qa": Source(
        lambda query, answer, other: {"query": query, "response": answer, "system": other}, ("EVALUATION", "SFT_LORA", "RFT_LORA", "CPT", "MULTI")
    ),
    "judge": Source(lambda query, answer, other: {"prompt": query, "response_A": answer, "response_B": other}, ("JUDGE",)),
    "log": Source(
        lambda query, answer, other: {
            "schemaType": "ModelInvocationLog", "modelId": "m",
            "input": {"inputBodyJson": {key: value for key, value in converse(query, "-", other).items() if key == "system"} | {"messages": converse(query, "-", other)["messages"][:1]}},
            "output": {"outputBodyJson": {"output": {"message": converse("-", answer, "-")["messages"][1]}}},
        },
        ("SFT_LORA", "RFT_LORA", "EVALUATION", "CPT", "MULTI"),
    ),
}  # fmt: skip
WAYS = [(name, method) for name, source in SOURCES.items() for method in source.methods]


def leaves(value: Any) -> list[str]:
    """Return every text in a value."""
    if isinstance(value, str):
        return [value]
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in leaves(item)]


def written(desk: "Desk", source: str, method: str) -> tuple[Any, list[Any]]:
    """Return what the tool answered without a mapping, and the rows it wrote."""
    given: dict[str, Any] = {"method": method, "model": "nova_lite" if method == "DPO_LORA" else "nova_lite_2"}
    given |= {"MULTI": {"method": "RFT_MULTITURN_LORA", "platform": "hyperpod"}, "JUDGE": {"method": "EVALUATION", "task": "llm_judge"}}.get(method, {})  # fmt: skip
    given |= {"platform": "hyperpod"} if method == "CPT" else {}
    result = transform_dataset(desk.ctx, source=source, target=str(desk.folder / "out"), **cast(Any, given))
    lines = Path(result.files[0].uri).read_bytes().split(b"\n")
    return result, [json.loads(line) for line in lines if line]


@pytest.mark.parametrize(("name", "method"), WAYS)
def test_texts_come_through_every_conversion_as_they_are(desk: "Desk", name: str, method: str) -> None:
    made = [SOURCES[name].make(f"q {text}", f"a {text}", f"s {text}") for text in TEXTS.values()]
    result, rows = written(desk, desk.jsonl(made), method)
    assert (result.rows_written, result.rejected["rows"]) == (len(TEXTS), 0)
    for text, row in zip(TEXTS.values(), rows, strict=True):
        found = leaves(row)
        if method == "CPT":
            assert any(all(f"{mark} {text}" in leaf for mark in "qa") for leaf in found)
        else:
            assert {f"q {text}", f"a {text}", f"s {text}"} <= set(found)


def call(arguments: str, tools: str) -> str:
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "@"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "assistant", "content": "a"},
    ]  # fmt: skip
    return f'{{"messages": {json.dumps(turns)}, "tools": {tools}}}'.replace('"@"', arguments)


def same(left: Any, right: Any) -> bool:
    """Tell values that are the same to the sign of zero and the kind of number."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("tools_as_text", [True, False])
def test_arguments_of_calls_keep_their_values(desk: "Desk", name: str, as_text: bool, tools_as_text: bool) -> None:
    given = json.dumps(ARGUMENTS[name]) if as_text else ARGUMENTS[name]
    tools = json.dumps(json.dumps(TOOLS)) if tools_as_text else json.dumps(TOOLS)
    source = desk.write("rows.jsonl", call(given, tools) + "\n")
    _, (row,) = written(desk, source, "SFT_LORA")
    assert same(row["messages"][1]["content"][0]["toolUse"]["input"], json.loads(ARGUMENTS[name]))


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("as_text", [True, False])
def test_arguments_that_would_lose_something_leave_their_row_out(desk: "Desk", name: str, as_text: bool) -> None:
    good = call("{}", json.dumps(TOOLS))
    given = json.dumps(LOST[name]) if as_text else LOST[name]
    source = desk.write("rows.jsonl", f"{good}\n{call(given, json.dumps(TOOLS))}\n{good}\n")
    result, rows = written(desk, source, "SFT_LORA")
    assert (result.rows_read, len(rows), result.rejected["rows"]) == (3, 2, 1)


def test_a_list_of_tools_that_says_one_thing_twice_leaves_its_row_out(desk: "Desk") -> None:
    twice = json.dumps(TOOLS).replace('"description": "d"', '"description": "d", "description": "e"')
    for tools in (twice, json.dumps(twice)):
        desk.write("rows.jsonl", f"{call('{}', json.dumps(TOOLS))}\n{call('{}', tools)}\n")
        shutil.rmtree(desk.folder / "out", ignore_errors=True)
        result, rows = written(desk, str(desk.folder / "rows.jsonl"), "SFT_LORA")
        assert (len(rows), result.rejected["rows"]) == (1, 1)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=10) | st.sampled_from(['"', '\\"', "\\u0022", "12345678901234567890"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4) | st.just('"'), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(JSON, st.booleans())
def test_json_inside_a_text_is_read_without_loss(value: Any, ascii_only: bool) -> None:
    assert same(parsed(json.dumps(value, ensure_ascii=ascii_only), "$"), value)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", '"', "\\u0061"]), st.integers(0, 9)), min_size=1, max_size=4))
def test_a_key_that_comes_twice_is_never_lost_unsaid(pairs: list[tuple[str, int]]) -> None:
    text = "{" + ", ".join(f'"{key.replace(chr(34), chr(92) + chr(34))}": {value}' for key, value in pairs) + "}"
    names = [key.replace("\\u0061", "a") for key, _ in pairs]
    if len(set(names)) == len(names):
        assert parsed(text, "$") == {name: value for name, (_, value) in zip(names, pairs, strict=True)}
    else:
        with pytest.raises(BadRowError, match="twice"):
            parsed(text, "$")


def test_a_fraction_is_the_nearest_double_and_says_so_by_being_written_as_one() -> None:
    assert parsed("0.1234567890123456789", "$") == 0.1234567890123456789
    assert math.copysign(1, parsed("-0.0", "$")) == -1
