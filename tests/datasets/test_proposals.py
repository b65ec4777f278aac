"""What inspect_dataset proposes for a shape goes into transform_dataset as it stands, for every method it says the shape can serve."""

import csv
import io
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.guards.errors import InputError, NovaForgeError
from novaforge.tools.datasets.shapes.recognise import TARGETS
from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset, validate_dataset
from tests.datasets.test_chat_properties import GOOD
from tests.datasets.test_every_path import WAYS

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ROWS = 4
TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "a labelled table": ("table", {"Body": "q", "Y": "a"}),
    "a table of names with blanks": ("table", {"Question ": "q", " Reference Answer": "a"}),
    "a table with more columns": ("table", {"question": "q", "answer": "a", "system": "S", "id": "7", "level": "3"}),
    "a table of texts": ("text", {"text": "words"}),
    "alpaca": ("alpaca", {"instruction": "q", "input": "more", "output": "a"}),
    "pairs": ("preference", {"prompt": "q", "chosen": "a", "rejected": "b"}),
    "kto": ("kto", {"prompt": "q", "completion": "a", "label": "true"}),
    "judge pairs": ("llm_judge", {"prompt": "q", "response_A": "a", "response_B": "b"}),
    "flat prompts": ("rft_flat", {"id": "1", "prompt": "q", "answer": "a", "task": "t"}),
    "turns as JSON text": ("openai_chat", {"messages": json.dumps(GOOD["openai_chat"]["messages"])}),
    "turns of ShareGPT as JSON text": ("sharegpt", {"conversations": json.dumps(GOOD["sharegpt"]["conversations"])}),
}
RECORDS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"record of {name}": (WAYS[name].shape, WAYS[name].record) for name in WAYS},
    **{f"{name} of chats": ("preference" if name == "candidates" or "preference" in name else name, row) for name, row in GOOD.items()},
    "prompts alone": ("prompts", {"messages": [{"role": "user", "content": "q"}]}),
    "judge pairs": ("llm_judge", {"prompt": "q", "response_A": "a", "response_B": "b"}),
    "a table": ("table", {"question": "q", "answer": "a"}),
    "a table with objects": ("table", {"question": "q", "answer": {"n": 1}}),
}  # fmt: skip


def as_csv(row: dict[str, Any]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, row)
    writer.writeheader()
    writer.writerows([row] * ROWS)
    return buffer.getvalue()


SOURCES: dict[str, tuple[str, str, str]] = {
    **{f"{name}, csv": (shape, "rows.csv", as_csv(row)) for name, (shape, row) in TABLES.items()},
    **{f"{name}, jsonl": (shape, "rows.jsonl", f"{json.dumps(row)}\n" * ROWS) for name, (shape, row) in RECORDS.items()},
    **{f"{name}, json": (shape, "rows.json", json.dumps([row] * ROWS)) for name, (shape, row) in RECORDS.items()},
}  # fmt: skip
WITH_TOOLS = ("SFT_LORA", "RFT_LORA")
"""Methods whose rows have a place for tools, of those that chats can serve."""
CASES = [(name, method) for name, (shape, *_) in SOURCES.items() for method in TARGETS[shape]]


def test_every_shape_is_tried() -> None:
    assert {shape for shape, *_ in SOURCES.values()} == TARGETS.keys() - {"unknown"}


def arguments(desk: "Desk", method: str, seen: Any) -> dict[str, Any]:
    """Return the proposal as it stands; for another method what does not depend on the method."""
    if method == seen.suggested["method"]:
        given = dict(seen.suggested)
    else:
        given = {"method": method, "model": "nova_lite" if method == "DPO_LORA" else "nova_lite_2", "columns": {}}
        given |= {"platform": "hyperpod"} if method in ("CPT", "RFT_MULTITURN_LORA") else {}
    if seen.shape == "evaluation_output":
        row = dict(GOOD["evaluation_output"], inference="b")
        given["pair_with"] = desk.jsonl([row], "other/inference_output.jsonl")
    return given


@pytest.mark.parametrize("name", SOURCES)
def test_a_shape_is_told_with_what_speaks_for_it_and_with_a_proposal(desk: "Desk", name: str) -> None:
    shape, file, text = SOURCES[name]
    seen = inspect_dataset(desk.ctx, source=desk.write(file, text))
    assert (seen.shape, seen.rows) == (shape, ROWS)
    assert seen.source["shape_because"] == f"of the first {ROWS} rows: {shape} in {ROWS}"
    tools = "tools" in text or "function_call" in text
    # An object as the wanted answer is for RFT alone.
    left = ["RFT_LORA"] if "objects" in name else WITH_TOOLS if tools else TARGETS[shape]
    assert seen.supported_targets == [method for method in TARGETS[shape] if method in left]
    assert seen.suggested["method"] in seen.supported_targets
    assert not [item for item in seen.findings if item.severity == "block"]


@pytest.mark.parametrize(("name", "method"), CASES)
def test_a_proposal_is_taken_as_it_stands(desk: "Desk", name: str, method: str) -> None:
    _, file, text = SOURCES[name]
    source = desk.write(file, text)
    seen = inspect_dataset(desk.ctx, source=source)
    given = arguments(desk, method, seen)
    if method not in seen.supported_targets:
        with pytest.raises(NovaForgeError, match="object|not text" if "objects" in name else "tools"):
            transform_dataset(desk.ctx, source=source, target=str(desk.folder / "out"), **cast(Any, given))
        return
    result = transform_dataset(desk.ctx, source=source, target=str(desk.folder / "out"), **cast(Any, given))
    assert (result.rows_read, result.rows_written, result.rejected["rows"]) == (ROWS, ROWS, 0)
    known = {key: given[key] for key in ("method", "model", "platform", "task") if key in given}
    checked = validate_dataset(desk.ctx, source=result.files[0].uri, **cast(Any, known))
    assert checked.rows == ROWS
    assert {item.rule for item in checked.findings if item.severity == "block"} <= {"BS2"}


def test_a_table_whose_columns_say_nothing_gets_a_proposal_to_name_them(desk: "Desk") -> None:
    source = desk.csv([("q", "a")] * ROWS, ("left", "right"))
    seen = inspect_dataset(desk.ctx, source=source)
    assert (seen.shape, seen.suggested["method"]) == ("table", None) and "Say which columns" in seen.next_step
    with pytest.raises(InputError, match="not clear from the names"):
        desk.transform(source, columns=seen.suggested["columns"])
    named = inspect_dataset(desk.ctx, source=source, columns={"query": "left", "response": "right"}).suggested
    result = transform_dataset(desk.ctx, source=source, target=str(desk.folder / "out"), **cast(Any, named))
    assert result.rows_written == ROWS
