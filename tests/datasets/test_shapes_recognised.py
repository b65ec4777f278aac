"""Shapes are told by the keys of the first rows, and what a shape cannot become is refused with the reason."""

from typing import Any

import pytest

from novaforge.guards.errors import RefusedError
from novaforge.tools.datasets.rows import Line
from novaforge.tools.datasets.shapes.recognise import TARGETS, look
from tests.datasets.converting import convert, lines_of, make

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
LOG = {
    "schemaType": "ModelInvocationLog",
    "modelId": "m",
    "input": {"inputBodyJson": {"messages": [{"role": "user", "content": [{"text": "q"}]}]}},
    "output": {"outputBodyJson": {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}}},
}
SHAPES: list[tuple[str, Any]] = [
    ("table", {"question": "q", "answer": "a"}),
    ("alpaca", {"instruction": "q", "input": "", "output": "a"}),
    ("self_instruct", {"instruction": "q", "instances": [{"input": "", "output": "a"}]}),
    ("sharegpt", {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}),
    ("openai_chat", {"messages": [USER, ANSWER]}),
    ("openai_chat", {"conversations": [USER, ANSWER]}),
    ("prompts", {"messages": [USER]}),
    ("prompts_with_answers", {"messages": [USER], "target": 1, "numbers": [1]}),
    ("rft", {"messages": [USER], "reference_answer": "a"}),
    ("prompt_completion", {"prompt": "q", "completion": "a"}),
    ("prompt_completion", {"prompt": [USER], "completion": [ANSWER]}),
    ("preference", {"prompt": "q", "chosen": "a", "rejected": "b"}),
    ("preference", {"chosen": [USER, ANSWER], "rejected": [USER, {**ANSWER, "content": "b"}]}),
    ("preference", {"input": {"messages": [USER]}, "preferred_output": [ANSWER], "non_preferred_output": [ANSWER]}),
    ("preference", {"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"},
                    "rejected": {"from": "gpt", "value": "b"}}),
    ("preference", {"prompt": "q", "candidates": [{"text": "a", "score": 2}, {"text": "b", "score": 1}]}),
    ("kto", {"prompt": "q", "completion": "a", "label": True}),
    ("kto", {"messages": [USER, ANSWER], "kto_tag": False}),
    ("converse", {"messages": [{"role": "user", "content": [{"text": "q"}]}]}),
    ("dpo", {"messages": [{"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "candidates": []}]}),
    ("gen_qa", {"query": "q", "response": "a"}),
    ("llm_judge", {"prompt": "q", "response_A": "a", "response_B": "b"}),
    ("rft_multiturn", {"id": "1", "metadata": {"prompt": "q"}}),
    ("rft_flat", {"id": "1", "prompt": "q", "task": "t"}),
    ("rft_flat", {"prompt": "q"}),
    ("bedrock_log", LOG),
    ("evaluation_output", {"prompt": "q", "inference": "a", "gold": "a", "metadata": "1"}),
    ("text", {"text": "words"}),
    ("unknown", {"messages": "text"}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "row"), SHAPES)
def test_a_shape_is_told_by_its_keys_and_says_what_spoke_for_it(shape: str, row: Any) -> None:
    found = look(lines_of([row] * 3))
    assert (found.shape, found.others, found.rows) == (shape, 0, 3)
    assert found.why() == f"of the first 3 rows: {shape} in 3"
    assert found.shape in TARGETS


@pytest.mark.parametrize(
    ("header", "shape"),
    [
        (["Body", "Y"], "table"),
        (["text"], "text"),
        (["instruction", "input", "output"], "alpaca"),
        (["prompt", "chosen", "rejected"], "preference"),
        (["prompt", "response_A", "response_B"], "llm_judge"),
        (["id", "prompt", "answer", "task", "info"], "rft_flat"),
        (["prompt", "completion", "label"], "kto"),
    ],
)
def test_a_table_of_texts_is_told_by_its_header(header: list[str], shape: str) -> None:
    assert look([Line(2, ["x"] * len(header), b"")], header).shape == shape


def test_cells_that_hold_turns_make_a_table_a_chat() -> None:
    cells: Any = [[USER, ANSWER], "x"]
    found = look([Line(1, cells, b"")], ["messages", "source"])
    assert found.shape == "openai_chat"


def test_mixed_shapes_are_reported_with_their_numbers() -> None:
    found = look(lines_of([{"messages": [USER, ANSWER]}] * 3 + [{"text": "t"}] * 2))
    assert (found.shape, found.others, found.shapes) == ("openai_chat", 2, {"openai_chat": 3, "text": 2})
    assert found.keys == {"messages": 3, "text": 2}


@pytest.mark.parametrize(
    ("row", "method", "model", "reason"),
    [
        ({"messages": [USER]}, "RFT_LORA", "nova_lite_2", "neither an answer nor a reference answer"),
        ({"messages": [USER]}, "SFT_LORA", "nova_lite_2", "neither an answer nor a reference answer"),
        ({"prompt": "q", "completion": "a", "label": True}, "DPO_LORA", "nova_lite", "each row judges one answer"),
        ({"messages": [USER, ANSWER]}, "DPO_LORA", "nova_lite", "needs two answers"),
        ({"text": "words"}, "SFT_LORA", "nova_lite_2", "no question and no answer"),
        ({"prompt": "q", "response_A": "a", "response_B": "b"}, "SFT_LORA", "nova_lite_2", "do not hold"),
        ({"messages": [USER, {**ANSWER, "role": "model"}, ANSWER]}, "SFT_LORA", "nova_lite_2", "the role is none of"),
    ],
)
def test_what_a_shape_cannot_become_is_refused_with_the_reason_and_what_works(
    row: Any, method: str, model: str, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason) as caught:
        make([row] * 2, method, model=model)
    assert caught.value.fix and caught.value.data["rule"] == "data-conversion"


def test_prompts_stay_valid_for_rft_when_an_answer_stands_beside_them() -> None:
    assert make([{"messages": [USER], "answer": "a"}], "RFT_LORA").notes


def test_turns_as_json_text_in_a_cell_are_a_chat_and_are_converted() -> None:
    text = '[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]'
    line = Line(2, [text, "x"], b"")
    assert look([line], ["messages", "source"]).shape == "openai_chat"
    assert look(lines_of([{"messages": text}])).shape == "openai_chat"
    rows, _ = convert([{"messages": text}])
    assert rows[0].row["messages"][1]["content"] == [{"text": "a"}]
    assert look(lines_of([{"messages": "[oops"}])).shape == "unknown"
