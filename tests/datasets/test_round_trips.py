"""What goes in comes out, character for character: every kind of source, every target, any text."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.results import TransformResult
from novaforge.tools.datasets.tool import transform_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

Row = dict[str, Any]
Table = list[dict[str, str]]
NewDesk = Callable[[], AbstractContextManager["Desk"]]

ODD = [
    '"', '""', "a,b", "a;b\tc|d", "line\nbreak", "dos\r\nbreak", "mac\rbreak", "'", "\\", "\\n", "\\u0041", "\u2028", "\x85", "x\ufeffy",
    "null", "None", "NaN", "true", "001", "1e5", "-0", "=1+1", "@x", "2026-01-02", "12:30", " lead", "trail ", "\t", "{}", '{"a": [1]}',
    "[1]", "日本語", "👩‍👩‍👧", "e\u0301", "\u202eabc", "a\0b", "_x0041_", "#N/A", "<p>&amp;</p>", "%00", "\x1f",
]  # fmt: skip
"""Texts that readers like to take for something else."""

TEXT = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.sampled_from(ODD))
PLAIN = TEXT.filter(lambda text: all(ch in "\t\n" or (ch >= " " and ch not in "\x7f\ufffe\uffff") for ch in text))
"""What a workbook can hold: XML has no control characters, and turns lone carriage returns into line feeds."""


def _tables(text: st.SearchStrategy[str], *names: str) -> st.SearchStrategy[Table]:
    return st.lists(st.fixed_dictionaries(dict.fromkeys(names, text)), min_size=1, max_size=6)


def _csv(rows: Table, delimiter: str = ",") -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(sorted(rows[0]))  # hypothesis changes the order of keys
    writer.writerows([row[name] for name in sorted(rows[0])] for row in rows)
    return buffer.getvalue().encode()


def _jsonl(rows: Table) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _arrow(rows: Table, kind: str) -> bytes:
    import pyarrow
    import pyarrow.feather
    import pyarrow.parquet

    table, buffer = pyarrow.Table.from_pylist(rows), io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(table, buffer, row_group_size=2)
    elif kind == "feather":
        pyarrow.feather.write_feather(table, buffer)
    else:
        with pyarrow.ipc.new_stream(buffer, table.schema) as writer:
            writer.write_table(table)
    return buffer.getvalue()


def _excel(rows: Table) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([dict(zip(rows[0], rows[0], strict=True)), *rows]):
            for column, name in enumerate(rows[0]):
                sheet.write_string(place, column, row[name])
    return buffer.getvalue()


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.compress(data)


SOURCES: dict[str, Callable[[Table], bytes]] = {
    "data.csv": _csv,
    "data.tsv": lambda rows: _csv(rows, "\t"),
    "semicolon.csv": lambda rows: _csv(rows, ";"),
    "data.jsonl": _jsonl,
    "escaped.jsonl": lambda rows: "".join(json.dumps(row) + "\r\n" for row in rows).encode(),
    "data.json": lambda rows: json.dumps(rows, ensure_ascii=False, indent=1).encode(),
    "data.parquet": lambda rows: _arrow(rows, "parquet"),
    "data.feather": lambda rows: _arrow(rows, "feather"),
    "data.arrow": lambda rows: _arrow(rows, "stream"),
    "data.csv.gz": lambda rows: gzip.compress(_csv(rows)),
    "data.jsonl.gz": lambda rows: gzip.compress(_jsonl(rows)[:20]) + gzip.compress(_jsonl(rows)[20:]),
    "data.jsonl.zst": lambda rows: _zstd(_jsonl(rows)),
    "bom.csv": lambda rows: b"\xef\xbb\xbf" + _csv(rows),
    "utf16.csv": lambda rows: _csv(rows).decode().encode("utf-16"),
    "utf16be.jsonl": lambda rows: b"\xfe\xff" + _jsonl(rows).decode().encode("utf-16-be"),
}


def _fits(*texts: str) -> bool:
    return all(text and not text.isspace() for text in texts)


def _run(desk: "Desk", source: str, wanted: int, rows: int, **more: Any) -> list[Row]:
    """Transform and return the written rows; every row is written or rejected, and nothing fitting means nothing written."""
    given = {"method": "SFT_LORA", "model": "nova_lite_2"} | more
    target = desk.folder / "out"
    try:
        result: TransformResult = transform_dataset(desk.ctx, source=source, target=str(target), **cast(Any, given))
    except NovaForgeError:
        assert wanted == 0 and not target.exists()
        return []
    assert (result.rows_read, result.rows_written, result.rejected["rows"]) == (rows, wanted, rows - wanted)
    return [json.loads(line) for line in Path(result.files[0].uri).read_bytes().split(b"\n") if line]


def _turns(row: Row) -> list[str]:
    return [item["text"] for message in row["messages"] for item in message["content"]]


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=20, deadline=None)
@given(rows=_tables(TEXT, "query", "response"))
def test_texts_of_any_source_are_the_same_in_converse_rows(new_desk: NewDesk, name: str, rows: Table) -> None:
    wanted = [[row["query"], row["response"]] for row in rows if _fits(*row.values())]
    with new_desk() as desk:
        source = desk.write(name, SOURCES[name](rows))
        found = _run(desk, source, len(wanted), len(rows), columns={"query": "query", "response": "response"})
    assert [_turns(row) for row in found] == wanted


@settings(max_examples=20, deadline=None)
@given(rows=_tables(PLAIN, "query", "response"))
def test_texts_of_a_workbook_are_the_same_in_converse_rows(new_desk: NewDesk, rows: Table) -> None:
    kept = [row for row in rows if any(row.values())]  # a row without a single cell is not in the workbook at all
    wanted = [[row["query"], row["response"]] for row in kept if _fits(*row.values())]
    with new_desk() as desk:
        source = desk.write("data.xlsx", _excel(rows))
        found = _run(desk, source, len(wanted), len(kept), columns={"query": "query", "response": "response"})
    assert [_turns(row) for row in found] == wanted


@settings(max_examples=15, deadline=None)
@given(parts=st.lists(_tables(TEXT, "query", "response"), min_size=1, max_size=3))
def test_texts_of_a_folder_of_parts_come_in_order(new_desk: NewDesk, parts: list[Table]) -> None:
    rows = [row for part in parts for row in part]
    wanted = [[row["query"], row["response"]] for row in rows if _fits(*row.values())]
    with new_desk() as desk:
        for number, part in enumerate(parts):
            desk.write(f"in/part-{number}.csv.gz", gzip.compress(_csv(part)))
        given_ = {"query": "query", "response": "response"}
        found = _run(desk, str(desk.folder / "in"), len(wanted), len(rows), columns=given_)
    assert [_turns(row) for row in found] == wanted


@settings(max_examples=25, deadline=None)
@given(rows=_tables(TEXT, "q", "a", "s"))
def test_texts_are_the_same_in_rft_rows(new_desk: NewDesk, rows: Table) -> None:
    wanted = [row for row in rows if _fits(row["q"], row["a"])]
    with new_desk() as desk:
        given_ = {"query": "q", "response": "a", "system": "s"}
        found = _run(desk, desk.write("d.csv", _csv(rows)), len(wanted), len(rows), method="RFT_LORA", columns=given_)
    for row, source in zip(found, wanted, strict=True):
        system = [source["s"]] if _fits(source["s"]) else []
        assert [message["content"] for message in row["messages"]] == [*system, source["q"]]
        assert row["reference_answer"] == source["a"]


@settings(max_examples=25, deadline=None)
@given(rows=_tables(TEXT, "q", "a"))
def test_texts_are_the_same_in_gen_qa_rows(new_desk: NewDesk, rows: Table) -> None:
    wanted = [(row["q"], row["a"]) for row in rows if _fits(*row.values())]
    with new_desk() as desk:
        given_ = {"query": "q", "response": "a"}
        found = _run(
            desk, desk.write("d.jsonl", _jsonl(rows)), len(wanted), len(rows), method="EVALUATION", columns=given_
        )
    assert [(row["query"], row["response"]) for row in found] == wanted


@settings(max_examples=25, deadline=None)
@given(rows=_tables(TEXT, "text"))
def test_texts_are_the_same_in_cpt_rows(new_desk: NewDesk, rows: Table) -> None:
    wanted = [row for row in rows if _fits(row["text"])]
    with new_desk() as desk:
        source = desk.write("d.jsonl", _jsonl(rows))
        assert _run(desk, source, len(wanted), len(rows), method="CPT", platform="hyperpod") == wanted


@settings(max_examples=25, deadline=None)
@given(rows=_tables(TEXT, "prompt", "chosen", "rejected"))
def test_texts_are_the_same_in_preference_rows(new_desk: NewDesk, rows: Table) -> None:
    wanted = [row for row in rows if _fits(*row.values()) and row["chosen"] != row["rejected"]]
    with new_desk() as desk:
        source = desk.write("d.jsonl", _jsonl(rows))
        found = _run(desk, source, len(wanted), len(rows), method="DPO_LORA", model="nova_lite")
    for row, pair in zip(found, wanted, strict=True):
        asked, answered = row["messages"]
        assert asked["content"] == [{"text": pair["prompt"]}]
        texts = {item["preferenceLabel"]: item["content"][0]["text"] for item in answered["candidates"]}
        assert texts == {"preferred": pair["chosen"], "non-preferred": pair["rejected"]}


@settings(max_examples=25, deadline=None)
@given(rows=_tables(TEXT, "prompt", "answer", "task"), nested=st.booleans())
def test_texts_are_the_same_in_multi_turn_rows(new_desk: NewDesk, rows: Table, nested: bool) -> None:
    wanted = [row for row in rows if _fits(row["prompt"])]
    with new_desk() as desk:
        source = desk.write("d.jsonl", _jsonl([{"id": f"r{place}"} | row for place, row in enumerate(rows)]))
        platform = "hyperpod" if nested else "serverless"
        found = _run(desk, source, len(wanted), len(rows), method="RFT_MULTITURN_LORA", platform=platform)
    for row, source_row in zip(found, wanted, strict=True):
        inner = row["metadata"] if nested else row
        assert inner["prompt"] == source_row["prompt"]
        for key in ("answer", "task"):
            assert inner.get(key, "") == source_row[key] or not source_row[key].strip()


@settings(max_examples=25, deadline=None)
@given(rows=_tables(TEXT, "prompt", "response_A", "response_B"))
def test_texts_are_the_same_in_judge_rows(new_desk: NewDesk, rows: Table) -> None:
    wanted = [row for row in rows if _fits(row["prompt"])]
    with new_desk() as desk:
        source = desk.write("d.jsonl", _jsonl(rows))
        found = _run(desk, source, len(wanted), len(rows), method="EVALUATION", task="llm_judge")
    assert found == wanted


VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text("abc", min_size=1, max_size=3), VALUE, max_size=3)
WORDS = TEXT.filter(lambda text: bool(text) and not text.isspace())
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}},
}


@st.composite
def _chats(draw: st.DrawFn) -> Row:
    messages: list[Row] = [{"role": "system", "content": draw(WORDS)}] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(WORDS)})
        if draw(st.booleans()):
            call = {
                "id": f"c{turn}",
                "type": "function",
                "function": {"name": "look", "arguments": json.dumps(draw(ARGUMENTS))},
            }
            messages.append({"role": "assistant", "content": draw(st.none() | WORDS), "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": f"c{turn}", "content": draw(WORDS)})
        messages.append({"role": "assistant", "content": draw(WORDS)})
    return {"messages": messages, "tools": [TOOL]}


def _of_openai(row: Row) -> list[Any]:
    said: list[Any] = []
    for message in row["messages"]:
        said += [message["content"]] if message["content"] else []
        said += [json.loads(call["function"]["arguments"]) for call in message.get("tool_calls", ())]
    return said


def _of_converse(row: Row) -> list[Any]:
    items = [*row.get("system", ()), *(item for message in row["messages"] for item in message["content"])]
    said: list[Any] = []
    for item in items:
        said.append(item.get("text") or item.get("toolUse", {}).get("input"))
        if "toolResult" in item:
            (part,) = item["toolResult"]["content"]
            said[-1] = part.get("text", part)
    return said


@settings(max_examples=40, deadline=None)
@given(st.lists(_chats(), min_size=1, max_size=4))
def test_chats_with_tools_say_the_same_in_converse_rows(new_desk: NewDesk, rows: list[Row]) -> None:
    with new_desk() as desk:
        found = _run(desk, desk.jsonl(rows), len(rows), len(rows))
    assert [_of_converse(row) for row in found] == [_of_openai(row) for row in rows]


@settings(max_examples=30, deadline=None)
@given(st.lists(_chats(), min_size=1, max_size=3))
def test_converse_rows_pass_through_byte_for_byte(new_desk: NewDesk, rows: list[Row]) -> None:
    with new_desk() as desk:
        first = _run(desk, desk.jsonl(rows), len(rows), len(rows))
        written = (desk.folder / "out" / "train.jsonl").read_bytes()
        result = desk.transform(str(desk.folder / "out" / "train.jsonl"), "again")
        assert Path(result.files[0].uri).read_bytes() == written and len(first) == len(rows)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["query", "response", "more", "é"]), VALUE, max_size=4), min_size=1, max_size=5
    )
)
def test_any_json_object_is_written_rejected_or_refused_and_never_lost(new_desk: NewDesk, rows: list[Row]) -> None:
    with new_desk() as desk:
        source = desk.jsonl(rows)
        before = desk.tree()
        try:
            result = desk.transform(source, columns={"query": "query", "response": "response"})
        except NovaForgeError:
            assert desk.tree() == before
            return
        assert result.rows_read == len(rows) == result.rows_written + int(cast(int, result.rejected["rows"]))
        found = [json.loads(line) for line in Path(result.files[0].uri).read_bytes().split(b"\n") if line]
    wanted = [[_as_text(row.get(name)) for name in ("query", "response")] for row in rows]
    assert [_turns(row) for row in found] == [turns for turns in wanted if _fits(*turns)]


def _as_text(value: Any) -> str:
    """Texts stay, whole numbers and truth values become what JSON writes for them, anything else has no text."""
    if isinstance(value, bool | int):
        return json.dumps(value)
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize("name", SOURCES)
def test_a_huge_cell_goes_through_and_one_over_the_limit_is_a_counted_reject(desk: "Desk", name: str) -> None:
    huge = 'é"\n' * 60_000
    rows = [{"query": text, "response": "ok"} for text in ("small", huge, "x" * 1_200_000, "last")]
    source = desk.write(name, SOURCES[name](rows))
    found = _run(desk, source, 3, 4, columns={"query": "query", "response": "response"})
    assert [_turns(row)[0] for row in found] == ["small", huge, "last"]
