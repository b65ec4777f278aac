"""validate_dataset knows every rule of Converse rows for SFT."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.rules.sources import SOURCES
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.converse import CONVERSE, check_fields
from novaforge.tools.datasets.formats.converse_text import holds_reserved_word
from novaforge.tools.datasets.formats.gen_qa import GEN_QA
from novaforge.tools.datasets.formats.rft import RFT
from novaforge.tools.datasets.formats.rules import RESERVED_WORDS, RULES

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

Row = dict[str, Any]
VERSION = {"schemaVersion": "bedrock-conversation-2024"}
IMAGE = {
    "image": {
        "format": "png",
        "source": {"s3Location": {"uri": "s3://bucket/a/b-1.png", "bucketOwner": "111122223333"}},
    }
}
VIDEO = {"video": {**IMAGE["image"], "format": "mp4"}}
DOCUMENT = {"document": {**IMAGE["image"], "format": "pdf"}}
REASONING = {"reasoningContent": {"reasoningText": {"text": "because"}}}
TEXT = {"text": "words"}
USE = {"toolUse": {"toolUseId": "1", "name": "look", "input": {"at": 1}}}
RESULT = {"toolResult": {"toolUseId": "1", "content": [{"text": "seen"}]}}
SPEC = {"toolSpec": {"name": "look", "description": "looks", "inputSchema": {"json": {"type": "object"}}}}
CONFIG = {"toolConfig": {"tools": [SPEC]}}


def row(*contents: list[Row], **more: Any) -> Row:
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": content} for index, content in enumerate(contents)]
    return {**VERSION, "messages": messages, **more}


def with_media(kind: str, **change: Any) -> Row:
    return row([TEXT, {kind: {**IMAGE["image"], "format": "png", **change}}], [TEXT])


def located(uri: Any, owner: Any = "1") -> Row:
    return {"s3Location": {"uri": uri, "bucketOwner": owner}}


GOOD = [
    row([TEXT], [TEXT]),
    row([TEXT], [TEXT], system=[{"text": "S"}]),
    row([TEXT], [TEXT], [TEXT], [REASONING, TEXT]),
    row([TEXT, *[IMAGE] * 10], [TEXT]),
    row([VIDEO], [TEXT]),
    row([TEXT, DOCUMENT], [TEXT]),
    row([TEXT], [TEXT, USE], [RESULT], [TEXT], **CONFIG),
    row([TEXT], [USE], **CONFIG),
    row([TEXT], [USE], [{"toolResult": {"toolUseId": "1", "content": [{"json": {"n": 1}}]}}], [TEXT], **CONFIG),
    row([{"text": ""}, TEXT], [TEXT]),
]

BAD: list[tuple[str, str, Any]] = [
    ("DA1-key", "$", row([TEXT], [TEXT], extra=1)),
    ("DA3-version", "$.schemaVersion", {"messages": row([TEXT], [TEXT])["messages"]}),
    ("DA3-version", "$.schemaVersion", {**row([TEXT], [TEXT]), "schemaVersion": "2023"}),
    ("DA3-system", "$.system", row([TEXT], [TEXT], system="S")),
    ("DA3-system", "$.system", row([TEXT], [TEXT], system=[])),
    ("DA3-system", "$.system", row([TEXT], [TEXT], system=[{"text": " "}])),
    ("DA3-system", "$.system", row([TEXT], [TEXT], system=None)),
    ("DA3-messages", "$.messages", {**VERSION}),
    ("DA3-messages", "$.messages", row([TEXT])),
    ("DA3-messages", "$.messages", {**VERSION, "messages": ["a", "b"]}),
    ("DA3-role", "$.messages[0].role", {**VERSION, "messages": [{"role": "User", "content": [TEXT]}, {"role": "assistant", "content": [TEXT]}]}),
    ("DA3-role", "$.messages[0].role", {**VERSION, "messages": [{"role": ["user"], "content": [TEXT]}, {"role": "assistant", "content": [TEXT]}]}),
    ("DA3-turns", "$.messages[2].role", row([TEXT], [TEXT], [TEXT])),
    ("DA3-turns", "$.messages[0].role", {**VERSION, "messages": row([TEXT], [TEXT])["messages"][::-1]}),
    ("DA1-key", "$.messages[1]", {**VERSION, "messages": [{"role": "user", "content": [TEXT]}, {"role": "assistant", "content": [TEXT], "name": "x"}]}),
    ("DA3-content", "$.messages[0].content", {**VERSION, "messages": [{"role": "user", "content": "text"}, {"role": "assistant", "content": [TEXT]}]}),
    ("DA3-content", "$.messages[0].content", row([], [TEXT])),
    ("DA3-content", "$.messages[0].content[0]", row([{}], [TEXT])),
    ("DA1-key", "$.messages[0].content[0]", row([{"text": "a", "type": "text"}], [TEXT])),
    ("DA3-text", "$.messages[0].content[0].text", row([{"text": 5}], [TEXT])),
    ("DA3-text", "$.messages[1]", row([TEXT], [{"text": ""}])),
    ("DA3-content", "$.messages[1].content[0]", row([TEXT], [{**USE, **RESULT}])),
    ("DA4-place", "$.messages[0].content[0].toolUse", row([USE], [TEXT], **CONFIG)),
    ("DA4-place", "$.messages[1].content[1].toolResult", row([TEXT], [USE, RESULT], **CONFIG)),
    ("DA4-use", "$.messages[1].content[0].toolUse", row([TEXT], [{"toolUse": {"toolUseId": "1", "name": "look", "input": "x"}}], **CONFIG)),
    ("DA4-use", "$.messages[1].content[0].toolUse", row([TEXT], [{"toolUse": None}], **CONFIG)),
    ("DA4-result", "$.messages[2].content[0].toolResult", row([TEXT], [USE], [{"toolResult": {"toolUseId": "1", "content": []}}], [TEXT], **CONFIG)),
    ("DA4-result", "$.messages[2].content[0].toolResult.content[0]", row([TEXT], [USE], [{"toolResult": {"toolUseId": "1", "content": [{"text": "a", "json": {}}]}}], [TEXT], **CONFIG)),
    ("DA4-config", "$.toolConfig.tools", row([TEXT], [TEXT], toolConfig={"tools": []})),
    ("DA4-config", "$.toolConfig.tools[0]", row([TEXT], [TEXT], toolConfig={"tools": [{"toolSpec": {**SPEC["toolSpec"], "description": ""}}]})),
    ("DA4-config", "$.toolConfig.tools[0]", row([TEXT], [TEXT], toolConfig={"tools": [{"toolSpec": {**SPEC["toolSpec"], "inputSchema": {"json": {}}}}]})),
    ("DA4-name", "$.toolConfig.tools[1]", row([TEXT], [TEXT], toolConfig={"tools": [SPEC, SPEC]})),
    ("DA4-name", "$.messages[1].content[0].toolUse.name", row([TEXT], [{"toolUse": {**USE["toolUse"], "name": "jump"}}], **CONFIG)),
    ("DA4-id", "$.messages[1].content[1].toolUse.toolUseId", row([TEXT], [USE, USE], **CONFIG)),
    ("DA4-id", "$.messages[0].content[0].toolResult.toolUseId", row([RESULT], [TEXT], **CONFIG)),
    ("DA4-id", "$.messages[2].content[1].toolResult.toolUseId", row([TEXT], [USE], [RESULT, RESULT], [TEXT], **CONFIG)),
    ("DA4-no-config", "$", row([TEXT], [USE], [RESULT], [TEXT])),
    ("DA5-place", "$.messages[1].content[0].image", row([TEXT], [IMAGE])),
    ("DA8-format", "$.messages[0].content[1].image.format", with_media("image", format="jpg")),
    ("DA8-format", "$.messages[0].content[1].video.format", with_media("video", format="avi")),
    ("DA8-format", "$.messages[0].content[1].document.format", with_media("document", format="docx")),
    ("DA8-source", "$.messages[0].content[1].image.source", with_media("image", source=located("https://x/y.png"))),
    ("DA8-source", "$.messages[0].content[1].image.source", with_media("image", source=located("s3://bucket/a b.png"))),
    ("DA8-source", "$.messages[0].content[1].image.source", with_media("image", source=located("s3://bucket/a.png", None))),
    ("DA8-source", "$.messages[0].content[1].image.source", with_media("image", source={"bytes": "AAAA"})),
    ("DA8-count", "$.messages[0]", row([TEXT, *[IMAGE] * 11], [TEXT])),
    ("DA8-count", "$.messages[0]", row([TEXT, VIDEO, VIDEO], [TEXT])),
    ("DA8-kinds", "$.messages[0]", row([TEXT, IMAGE, VIDEO], [TEXT])),
    ("RE4", "$.messages[0].content[0].reasoningContent", row([REASONING, TEXT], [TEXT])),
    ("RE4", "$.messages[1].content[0].reasoningContent", row([TEXT], [{"reasoningContent": {"text": "x"}}, TEXT])),
    ("RE4", "$.messages[1]", row([TEXT], [REASONING, TEXT, IMAGE])),
    ("DA2", "$.messages[0].content[0].text", row([{"text": "the User: said"}], [TEXT])),
    ("DA2", "$.system[0].text", row([TEXT], [TEXT], system=[{"text": "System: be kind"}])),
    ("DA2", "$.messages[1].content[0].reasoningContent", row([TEXT], [{"reasoningContent": {"reasoningText": {"text": "Thought: hm"}}}, TEXT])),
    ("DA2", "$.messages[2].content[0].toolResult.content[0].text", row([TEXT], [USE], [{"toolResult": {"toolUseId": "1", "content": [{"text": "<unk>"}]}}], [TEXT], **CONFIG)),
    ("DA3-systems", "$.system", row([TEXT], [TEXT], system=[{"text": "a"}, {"text": "b"}])),
]  # fmt: skip


@pytest.mark.parametrize("good", GOOD)
def test_rows_that_keep_the_rules_have_no_hits(good: Row) -> None:
    assert CONVERSE.check(good) == []


@pytest.mark.parametrize(("rule", "path", "bad"), BAD)
def test_a_broken_rule_is_found_at_its_place(rule: str, path: str, bad: Row) -> None:
    assert (rule, path) in [(hit.rule, hit.path) for hit in CONVERSE.check(bad)]


@pytest.mark.parametrize(("rule", "path", "bad"), BAD[:3])
def test_the_finding_tells_line_path_reason_fix_and_count(desk: "Desk", rule: str, path: str, bad: Row) -> None:
    good = row([TEXT], [TEXT])
    result = desk.check_rows([good, bad, good, bad])
    (finding,) = [finding for finding in result.findings if finding.rule == rule]
    assert (finding.severity, finding.line, finding.path, finding.count) == ("block", 2, path, 2)
    assert "2 rows, lines 2, 4" in finding.message and finding.fix and not result.ok


@pytest.mark.parametrize("word", RESERVED_WORDS)
def test_every_reserved_word_is_found_inside_a_text_and_case_matters(word: str) -> None:
    assert holds_reserved_word(f"well{word}then") and not holds_reserved_word(
        word.lower().replace("[eos]", "(eos)").replace("<", "(")
    )


def test_many_bad_rows_give_one_short_finding(desk: "Desk") -> None:
    result = desk.check_rows([row([TEXT]) for _ in range(500)])
    (finding,) = [finding for finding in result.findings if finding.rule == "DA3-messages"]
    assert finding.count == 500 and "lines 1, 2, 3, 4, 5, ..." in finding.message
    assert len(result.model_dump_json()) < 3000


def test_every_rule_names_severity_fix_and_a_known_source() -> None:
    for name, rule in RULES.items():
        assert rule.message and set(rule.source.split(",")) <= set(SOURCES), name
        assert rule.fix or rule.severity in ("info", "not_checked"), name


def test_unreadable_lines_are_blocking_findings_with_their_line(desk: "Desk", converse: Callable[..., Row]) -> None:
    import json

    good = json.dumps(converse("q", "a")).encode()
    result = desk.validate(desk.write("data.jsonl", good + b"\n{oops\n[1]\n" + good + b"\n\xff\n"))
    found = [(finding.rule, finding.line) for finding in result.findings if finding.rule == "DA1-row"]
    assert found == [("DA1-row", 2), ("DA1-row", 3), ("DA1-row", 5)] and not result.ok and result.rows == 2


def test_an_empty_file_of_blank_lines_blocks(desk: "Desk") -> None:
    result = desk.validate(desk.write("data.jsonl", "\n\n"))
    assert [finding.rule for finding in result.findings] == ["DA1-empty"] and not result.ok


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "user", "assistant", "system", "text", "1"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "schemaVersion", "messages", "role", "content", "text", "system", "toolConfig", "tools", "toolSpec", "name", "toolUse",
            "toolResult", "toolUseId", "input", "image", "source", "s3Location", "uri", "format", "reasoningContent",
            "reasoningText", "inputSchema", "json", "description", "id", "reference_answer", "type", "function", "parameters",
            "properties", "tool_calls", "query", "response", "images", "data", "metadata",
        ]),
        inner,
        max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip


@pytest.mark.parametrize("row_format", [CONVERSE, RFT, GEN_QA])
@settings(max_examples=150, deadline=None)
@given(
    messages=JSON,
    more=st.dictionaries(
        st.sampled_from(["system", "toolConfig", "id", "tools", "reference_answer", "query", "images"]),
        JSON,
        max_size=3,
    ),
)
def test_no_json_whatsoever_makes_a_check_fail(row_format: RowFormat, messages: Any, more: Row) -> None:
    value = {**VERSION, "messages": messages, **more}
    assert all(hit.rule in RULES and hit.path.startswith("$") for hit in row_format.check(value))
    assert isinstance(row_format.prompt(value), str) and isinstance(row_format.answer(value), str)
    assert all(isinstance(text, str) for text in row_format.texts(value)) and isinstance(row_format.parts(value), set)


WORDS = st.sampled_from(["fine", "a: b", "User: x", "<image>", "[EOS]", "x < y", "Bot:"])


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({"query": WORDS, "response": WORDS}, optional={"system": WORDS, "reasoning": WORDS}))
def test_the_quick_check_of_built_rows_agrees_with_the_full_one(fields: dict[str, str]) -> None:
    full = {hit.rule for hit in CONVERSE.check(CONVERSE.build(fields))}
    assert {hit.rule for hit in check_fields(fields)} == full
