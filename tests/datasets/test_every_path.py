"""Every shape goes from a small file of our own to every target it can serve, with no sample data at hand."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset, validate_dataset
from tests.datasets.shared_rows import READ, Row, Said, comparable

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
TOOL = {
    "name": "look",
    "description": "Look at a thing.",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}
ASKED: Said = [("user", "What colour?")]
ANSWERED: Said = [*ASKED, ("assistant", "Blue.")]
WITH_SYSTEM: Said = [("system", "Be brief."), *ANSWERED]
USED: Said = [*ASKED, ("use", "look", {"at": "sky"}), ("result", "blue"), ("assistant", "Blue.")]
TURNS = [{"role": "user", "content": "What colour?"}, {"role": "assistant", "content": "Blue."}]
CHATS = ("SFT_LORA", "RFT_LORA", "EVALUATION", "CPT")
MULTITURN = "RFT_MULTITURN_LORA"


class Way(NamedTuple):
    """One shape: its record, what inspection calls it, what it says, and the targets it has to reach."""

    shape: str
    record: Row
    says: Said
    methods: tuple[str, ...]


WAYS: dict[str, Way] = {
    "openai": Way("openai_chat", {"messages": TURNS}, ANSWERED, (*CHATS, MULTITURN)),
    "openai, developer": Way(
        "openai_chat", {"messages": [{"role": "developer", "content": "Be brief."}, *TURNS]}, WITH_SYSTEM, CHATS
    ),
    "openai, tools": Way(
        "openai_chat",
        {
            "messages": [
                TURNS[0],
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "blue"},
                TURNS[1],
            ],
            "tools": [{"type": "function", "function": TOOL}],
        },
        USED,
        ("SFT_LORA", "RFT_LORA"),
    ),
    "sharegpt": Way(
        "sharegpt",
        {"conversations": [{"from": "human", "value": "What colour?"}, {"from": "gpt", "value": "Blue."}]},
        ANSWERED,
        (*CHATS, MULTITURN),
    ),
    "sharegpt, functions": Way(
        "sharegpt",
        {
            "conversations": [
                {"from": "human", "value": "What colour?"},
                {"from": "function_call", "value": '{"name": "look", "arguments": {"at": "sky"}}'},
                {"from": "observation", "value": "blue"},
                {"from": "gpt", "value": "Blue."},
            ],
            "tools": json.dumps([TOOL]),
        },
        USED,
        ("SFT_LORA", "RFT_LORA"),
    ),
    "alpaca": Way(
        "alpaca", {"instruction": "What colour?", "input": "", "output": "Blue."}, ANSWERED, (*CHATS, MULTITURN)
    ),
    "alpaca, system": Way(
        "alpaca",
        {"instruction": "What", "input": "colour?", "output": "Blue.", "system": "Be brief."},
        [("system", "Be brief."), ("user", "What\ncolour?"), ("assistant", "Blue.")],
        CHATS,
    ),
    "self-instruct": Way(
        "self_instruct",
        {"instruction": "What", "instances": [{"input": "colour?", "output": "Blue."}]},
        [("user", "What\ncolour?"), ("assistant", "Blue.")],
        CHATS,
    ),
    "prompt and completion": Way(
        "prompt_completion", {"prompt": "What colour?", "completion": "Blue."}, ANSWERED, (*CHATS, MULTITURN)
    ),
    "preference": Way(
        "preference", {"prompt": "What colour?", "chosen": "Blue.", "rejected": "Red."}, ANSWERED, CHATS[:3]
    ),
    "preference, openai": Way(
        "preference",
        {
            "input": {"messages": TURNS[:1]},
            "preferred_output": TURNS[1:],
            "non_preferred_output": [{"role": "assistant", "content": "Red."}],
        },
        ANSWERED,
        CHATS[:3],
    ),
    "kto": Way("kto", {"prompt": "What colour?", "completion": "Blue.", "label": True}, ANSWERED, CHATS[:3]),
    "reference answers": Way(
        "prompts_with_answers",
        {"messages": TURNS[:1], "target": "Blue.", "close": ["azure"]},
        [*ASKED, ("answer", {"target": "Blue.", "close": ["azure"]})],
        ("RFT_LORA", "SFT_LORA", "EVALUATION"),
    ),
    "rft": Way(
        "rft", {"id": "a", "messages": TURNS[:1], "reference_answer": "Blue."}, ANSWERED, ("RFT_LORA", "SFT_LORA", "EVALUATION")
    ),
    "multi-turn": Way(
        "rft_multiturn", {"id": "a", "metadata": {"prompt": "What colour?", "answer": "Blue."}}, ANSWERED, (MULTITURN, "RFT_LORA")
    ),
    "multi-turn, flat": Way(
        "rft_flat", {"id": "a", "prompt": "What colour?", "answer": "Blue.", "task": "sky"}, ANSWERED, (MULTITURN, "RFT_LORA")
    ),
    "gen_qa": Way(
        "gen_qa", {"query": "What colour?", "response": "Blue.", "system": "Be brief."}, WITH_SYSTEM, ("EVALUATION", "SFT_LORA", "RFT_LORA")
    ),
    "converse": Way(
        "converse",
        {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": "Be brief."}],
            "messages": [{"role": turn["role"], "content": [{"text": turn["content"]}]} for turn in TURNS],
        },
        WITH_SYSTEM,
        CHATS,
    ),
}  # fmt: skip
CASES = [(name, method, suffix) for name, way in WAYS.items() for method in way.methods for suffix in ("jsonl", "json")]


def _given(method: str) -> dict[str, Any]:
    return {"model": "nova_lite_2"} | ({"platform": "hyperpod"} if method in ("CPT", MULTITURN) else {})


@pytest.mark.parametrize("name", WAYS)
def test_a_shape_is_recognised_with_its_method(desk: "Desk", name: str) -> None:
    seen = inspect_dataset(desk.ctx, source=desk.jsonl([WAYS[name].record] * 3))
    assert (seen.shape, seen.rows) == (WAYS[name].shape, 3)
    assert set(WAYS[name].methods) <= set(seen.supported_targets)


@pytest.mark.parametrize(("name", "method", "suffix"), CASES)
def test_a_shape_reaches_its_target_saying_the_same(desk: "Desk", name: str, method: str, suffix: str) -> None:
    way = WAYS[name]
    records = [way.record, way.record]
    source = desk.jsonl(records) if suffix == "jsonl" else desk.write("data.json", json.dumps(records, indent=2))
    given = _given(method)
    result = transform_dataset(
        desk.ctx, source=source, target=str(desk.folder / "out"), method=cast(Any, method), **given
    )
    assert (result.rows_read, result.rows_written, result.rejected["rows"]) == (2, 2, 0)
    with open(result.files[0].uri, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    if method == "CPT":
        assert [row["text"].split() for row in rows] == [" ".join(part[1] for part in way.says).split()] * 2
    else:
        shown = [comparable(READ[method.removesuffix("_LORA")](row)) for row in rows]
        assert shown == [comparable(way.says)] * 2
    checked = validate_dataset(desk.ctx, source=result.files[0].uri, method=cast(Any, method), **given)
    assert {item.rule for item in checked.findings if item.severity == "block"} <= {"BS2"}


@pytest.mark.parametrize("name", ["preference", "preference, openai"])
def test_a_pair_becomes_two_candidates(desk: "Desk", name: str) -> None:
    source, target = desk.jsonl([WAYS[name].record]), str(desk.folder / "out")
    result = transform_dataset(desk.ctx, source=source, target=target, method="DPO_LORA", model="nova_lite")
    with open(result.files[0].uri, encoding="utf-8") as file:
        (row,) = [json.loads(line) for line in file]
    assert row["messages"] == [
        {"role": "user", "content": [{"text": "What colour?"}]},
        {
            "role": "assistant",
            "candidates": [
                {"content": [{"text": "Blue."}], "preferenceLabel": "preferred"},
                {"content": [{"text": "Red."}], "preferenceLabel": "non-preferred"},
            ],
        },
    ]


def test_undesirable_answers_are_rejected_and_counted(desk: "Desk") -> None:
    bad = WAYS["kto"].record | {"label": False}
    result = desk.transform(desk.jsonl([WAYS["kto"].record, bad, bad]))
    assert (result.rows_written, result.rejected["rows"]) == (1, 2)


def test_two_evaluation_outputs_become_judge_pairs_by_id(desk: "Desk") -> None:
    def output(name: str, texts: dict[str, str]) -> str:
        rows = [
            {
                "prompt": [{"role": "user", "content": f"question {key}"}],
                "inference": [text],
                "gold": "gold",
                "metadata": key,
            }
            for key, text in texts.items()
        ]
        return desk.jsonl(rows, name)

    base = output("base.jsonl", {"1": "old one", "2": "old two", "3": "old three"})
    tuned = output("tuned.jsonl", {"2": "new two", "1": "new one"})
    result = desk.transform(base, method="EVALUATION", task="llm_judge", pair_with=tuned)
    with open(result.files[0].uri, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert [(row["response_A"], row["response_B"]) for row in rows] == [("old one", "new one"), ("old two", "new two")]
    assert (result.rows_read, result.rejected["rows"]) == (3, 1)
    assert result.files[0].uri.endswith("llm_judge.jsonl")


def test_a_folder_of_texts_becomes_cpt_rows(desk: "Desk") -> None:
    desk.write("texts/a.txt", "First text.\n\nSecond part.\n")
    desk.write("texts/b.md", "# Title\n\nThird text.\n")
    result = transform_dataset(
        desk.ctx, source=str(desk.folder / "texts"), target=str(desk.folder / "out"), method="CPT",
        model="nova_lite_2", platform="hyperpod",
    )  # fmt: skip
    with open(result.files[0].uri, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    words = [word for row in rows for word in row["text"].split()]
    assert words == ["First", "text.", "Second", "part.", "#", "Title", "Third", "text."]


def test_a_nested_list_in_an_object_is_found(desk: "Desk") -> None:
    document = {"version": 1, "source": {"name": "ours"}, "data": [WAYS["alpaca"].record] * 3}
    source = desk.write("data.json", json.dumps(document))
    assert (inspect_dataset(desk.ctx, source=source).shape, desk.transform(source).rows_written) == ("alpaca", 3)


def test_prompts_without_answers_are_refused_for_what_needs_them(desk: "Desk") -> None:
    source = desk.jsonl([{"messages": TURNS[:1]}] * 3)
    for method in ("SFT_LORA", "RFT_LORA", "EVALUATION"):
        with pytest.raises(NovaForgeError):
            desk.transform(source, method=method)
    assert not (desk.folder / "out").exists()
