"""What the rows of the sample data say, and what the rows written from them say, read with csv, json and pyarrow alone."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

DATA = Path(__file__).parents[2].parent / "shared" / "data"
REASON = f"the sample data are not at {DATA}"
ABSENT = not (DATA / "README.md").is_file()

Row = dict[str, Any]
Said = list[tuple[Any, ...]]
"""What a row says: (who, text) in order; (use, name, arguments) for a function call."""


def rows_of(path: str) -> list[Row]:
    file = DATA / path
    if file.suffix == ".csv":
        encoding = "cp1252" if file.name == "ram_data.csv" else "utf-8"
        with file.open(encoding=encoding, newline="") as opened:
            return list(csv.DictReader(opened))
    if file.suffix == ".parquet":
        import pyarrow.parquet

        return cast(list[Row], pyarrow.parquet.read_table(file).to_pylist())
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return cast(list[Row], json.loads(text))
    return [json.loads(line) for line in text.split("\n") if line]


def chat(messages: list[Row]) -> Said:
    """Return what OpenAI messages say."""
    said: Said = []
    for message in messages:
        content = message.get("content") or ""
        parts = [{"text": content}] if isinstance(content, str) else content
        role = {"tool": "result", "developer": "system"}.get(message["role"], message["role"])
        if message.get("reasoning"):
            said.append(("reasoning", message["reasoning"]))
        said += [(role, part["text"]) for part in parts if part.get("text")]
        for call in message.get("tool_calls", ()):
            said.append(("use", call["function"]["name"], json.loads(call["function"]["arguments"])))
    return said


def _sharegpt(row: Row) -> Said:
    roles = {"human": "user", "gpt": "assistant", "observation": "result"}
    said: Said = []
    for turn in row["conversations"]:
        if turn["from"] == "function_call":
            calls = json.loads(turn["value"])
            said += [
                ("use", call["name"], call["arguments"]) for call in (calls if isinstance(calls, list) else [calls])
            ]
        else:
            said.append((roles[turn["from"]], turn["value"]))
    return said


def said_by(row: Row) -> Said:
    """Return what a row of any of the sample files says, its answer last."""
    if "conversations" in row:
        return _sharegpt(row)
    if "instruction" in row:
        query = "\n".join(part for part in (row["instruction"], row["input"]) if part)
        return [("user", query), ("assistant", row["output"])]
    if "preferred_output" in row:
        return chat([*row["input"]["messages"], *row["preferred_output"]])
    if "schemaVersion" in row:
        return list(converse_says(row))
    if "nums" in row:
        return [*chat(row["messages"]), ("answer", {"target": row["target"], "nums": row["nums"]})]
    if "messages" in row:
        answer = row.get("reference_answer")
        return chat(row["messages"]) + ([] if answer is None else [("answer", answer)])
    if "prompt" in row or "metadata" in row:
        inner = row.get("metadata", row)
        prompt = [("user", inner["prompt"])] if isinstance(inner["prompt"], str) else chat(inner["prompt"])
        return prompt + ([("assistant", inner["answer"])] if inner.get("answer") else [])
    names = (("user", ("question", "Body", "text")), ("assistant", ("answer", "Y", "rating")))
    system = [("system", row["system"])] if "system" in row else []
    answer = [("answer", row["reference_answer"])] if "reference_answer" in row else []
    return system + [(who, row[key]) for who, keys in names for key in keys if key in row] + answer


def converse_says(row: Row) -> Iterator[tuple[Any, ...]]:
    yield from (("system", item["text"]) for item in row.get("system", ()))
    for message in row["messages"]:
        for item in message["content"]:
            if "text" in item:
                yield (message["role"], item["text"])
            elif "reasoningContent" in item:
                yield ("reasoning", item["reasoningContent"]["reasoningText"]["text"])
            elif "toolUse" in item:
                yield ("use", item["toolUse"]["name"], item["toolUse"]["input"])
            elif "toolResult" in item:
                for part in item["toolResult"]["content"]:
                    yield ("result", part["text"] if "text" in part else json.dumps(part["json"]))


def rft_says(row: Row) -> Said:
    answer = row["reference_answer"]
    if isinstance(answer, dict) and "tool_calls" in answer:
        calls = [{"function": call} for call in answer["tool_calls"]]
        return chat([*row["messages"], {"role": "assistant", "content": answer.get("content"), "tool_calls": calls}])
    return [*chat(row["messages"]), ("assistant", answer)]


def gen_qa_says(row: Row) -> Said:
    said: Said = [("system", row["system"])] if "system" in row else []
    return [*said, ("user", row["query"]), ("assistant", row["response"])]


def multiturn_says(row: Row) -> Said:
    inner = row.get("metadata", row)
    prompt = [("user", inner["prompt"])] if isinstance(inner["prompt"], str) else chat(inner["prompt"])
    return prompt + ([("assistant", inner["answer"])] if "answer" in inner else [])


READ: dict[str, Callable[[Row], Any]] = {
    "SFT": lambda row: list(converse_says(row)),
    "RFT": rft_says,
    "EVALUATION": gen_qa_says,
    "RFT_MULTITURN": multiturn_says,
    "CPT": lambda row: row["text"].split(),
}


def comparable(said: Said) -> Said:
    """Return the same with every answer as comparable data, whoever gave it."""
    return [("assistant" if part[0] == "answer" else part[0], *map(as_data, part[1:])) for part in said]


def as_data(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def wanted_in(method: str, rows: list[Row]) -> list[Any]:
    """Return what each row of the source that fits must say in the target."""
    found = [(row, said_by(row)) for row in rows]
    if method == "CPT":
        return [" ".join(part[1] for part in said).split() for row, said in found if not has_tools(row, said)]
    if method != "SFT":
        found = [(row, [part for part in said if part[0] != "reasoning"]) for row, said in found]
    if method == "EVALUATION":
        found = [(row, said) for row, said in found if one_question(row, said)]
    if method == "RFT_MULTITURN":
        found = [(row, said) for row, said in found if not row.get("tools")]
    return [comparable(said) for _, said in found]


def has_tools(row: Row, said: Said) -> bool:
    return (bool(row.get("tools")) and row["tools"] != "[]") or any(part[0] in ("use", "result") for part in said)


def one_question(row: Row, said: Said) -> bool:
    return [part[0] for part in said if part[0] != "system"] in (
        ["user", "assistant"],
        ["user", "answer"],
    ) and not has_tools(row, said)
