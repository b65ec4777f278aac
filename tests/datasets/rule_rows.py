"""For each rule about rows: rows that break it and nothing else, and beside each the nearest row that keeps it.

Every row holds MARK, which no answer of a tool may repeat.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from novaforge.tools.datasets.formats.targets import LEGAL, TASKS

Row = dict[str, Any]
MARK = "canary 7f3a"
NOVA_2 = "nova_lite_2"


class Combination(NamedTuple):
    """A method on a model and a platform; a task for an evaluation."""

    method: str
    model: str
    platform: str
    task: str | None = None


class Example(NamedTuple):
    """A row that breaks one rule at one place, and the nearest one that keeps it."""

    rule: str
    path: str
    broken: Row
    kept: Row
    where: Callable[[Combination], bool] = lambda combination: True


def combinations() -> Iterator[Combination]:
    """Yield every legal combination."""
    for method, (models, platforms) in LEGAL.items():
        for model in models:
            for platform in platforms:
                for task in TASKS if method == "EVALUATION" else (None,):
                    yield Combination(method, model, platform, task)


def reads_images(combination: Combination) -> bool:
    return combination.model != "nova_micro"


def is_micro(combination: Combination) -> bool:
    return combination.model == "nova_micro"


def is_nova_1(combination: Combination) -> bool:
    return combination.model != NOVA_2


def is_nova_2(combination: Combination) -> bool:
    return combination.model == NOVA_2


def is_bedrock(combination: Combination) -> bool:
    return combination.platform == "bedrock"


def is_rft_eval(combination: Combination) -> bool:
    return combination.task == "rft_eval"


def media(kind: str, name: str, **more: Any) -> Row:
    located = {"uri": f"s3://bucket/a.{name}", "bucketOwner": "111122223333"}
    return {kind: {"format": name, "source": {"s3Location": located}, **more}}


TEXT: Row = {"text": MARK}
IMAGE = media("image", "png")
VIDEO = media("video", "mp4")
DOCUMENT = media("document", "pdf")
REASONING: Row = {"reasoningContent": {"reasoningText": {"text": MARK}}}
USE: Row = {"toolUse": {"toolUseId": "1", "name": "look", "input": {"at": MARK}}}
RESULT: Row = {"toolResult": {"toolUseId": "1", "content": [{"text": MARK}]}}
SPEC: Row = {"name": "look", "description": MARK, "inputSchema": {"json": {"type": "object"}}}
TOOL: Row = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}}  # fmt: skip
CALL: Row = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
URI = "data:image/png;base64,AA=="
LONG = "word " * 10_000


def apart(value: Any) -> Any:
    """Return a copy in which no object stands twice."""
    return json.loads(json.dumps(value))


def converse(*contents: Any, **more: Any) -> Row:
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": content} for index, content in enumerate(contents)]
    row: Row = apart({"schemaVersion": "bedrock-conversation-2024", "messages": messages, **more})
    return row


def tools(*specs: Row) -> Row:
    return {"toolConfig": {"tools": [{"toolSpec": spec} for spec in specs]}}


def put(row: Row, *path: Any, to: Any) -> Row:
    """Return the row with one place changed."""
    changed: Row = apart(row)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = apart(to)
    return changed


def changed(rule: str, path: str, kept: Row, *place: Any, to: Any, where: Any = None) -> Example:
    return Example(rule, path, put(kept, *place, to=to), kept, where or (lambda combination: True))


CHAT = converse([TEXT], [TEXT])
SAID = converse([TEXT], [TEXT], system=[{"text": MARK}])
THOUGHT = converse([TEXT], [REASONING, TEXT])
TOOLED = converse([TEXT], [TEXT, USE], [RESULT], [TEXT], **tools(SPEC))
SEEN = converse([TEXT, IMAGE], [TEXT])
FIRST = ("messages", 0, "content", 0)
SPECIFIED = ("toolConfig", "tools", 0, "toolSpec")
USED = ("messages", 1, "content", 1, "toolUse")
GIVEN = ("messages", 2, "content", 0, "toolResult")
RESERVED, ALLOWED = f"{MARK} User: x", f"{MARK} user: x"

CONVERSE = [
    changed("DA1-key", "$", CHAT, MARK, to=1),
    changed("DA1-key", "$.messages[1]", CHAT, "messages", 1, "name", to=MARK),
    changed("DA1-key", "$.messages[0].content[0]", CHAT, *FIRST, "type", to="text"),
    Example("DA2", "$.messages[0].content[0].text", put(CHAT, *FIRST, "text", to=RESERVED), put(CHAT, *FIRST, "text", to=ALLOWED)),
    Example("DA2", "$.system[0].text", put(SAID, "system", 0, "text", to=RESERVED), put(SAID, "system", 0, "text", to=ALLOWED)),
    changed("DA2", "$.messages[1].content[0].reasoningContent", THOUGHT, "messages", 1, "content", 0, "reasoningContent", "reasoningText", "text", to=RESERVED, where=is_nova_2),
    changed("DA2", "$.messages[2].content[0].toolResult.content[0].text", TOOLED, *GIVEN, "content", 0, "text", to=RESERVED, where=is_nova_2),
    changed("DA3-version", "$.schemaVersion", CHAT, "schemaVersion", to=MARK),
    changed("DA3-system", "$.system", SAID, "system", to=MARK),
    changed("DA3-system", "$.system", SAID, "system", to=[]),
    changed("DA3-systems", "$.system", SAID, "system", to=[TEXT, TEXT]),
    changed("DA3-messages", "$.messages", CHAT, "messages", to=CHAT["messages"][:1]),
    changed("DA3-messages", "$.messages", CHAT, "messages", to=MARK),
    changed("DA3-role", "$.messages[0].role", CHAT, "messages", 0, "role", to="User"),
    changed("DA3-role", "$.messages[1].role", CHAT, "messages", 1, "role", to=MARK),
    changed("DA3-turns", "$.messages[1].role", CHAT, "messages", 1, "role", to="user"),
    changed("DA3-turns", "$.messages[2].role", CHAT, "messages", to=converse([TEXT], [TEXT], [TEXT])["messages"]),
    changed("DA3-content", "$.messages[0].content", CHAT, "messages", 0, "content", to=MARK),
    changed("DA3-content", "$.messages[1].content", CHAT, "messages", 1, "content", to=[]),
    changed("DA3-content", "$.messages[0].content[0]", CHAT, *FIRST, to={}),
    changed("DA3-text", "$.messages[0].content[0].text", CHAT, *FIRST, "text", to=5),
    changed("DA3-text", "$.messages[1]", CHAT, "messages", 1, "content", 0, "text", to=""),
    Example("DA4-place", "$.messages[0].content[1].toolUse", converse([TEXT, USE], [TEXT], **tools(SPEC)), converse([TEXT], [TEXT, USE], **tools(SPEC)), is_nova_2),
    Example("DA4-place", "$.messages[1].content[2].toolResult", converse([TEXT], [TEXT, USE, RESULT], **tools(SPEC)), converse([TEXT], [TEXT, USE], [RESULT], [TEXT], **tools(SPEC)), is_nova_2),
    changed("DA4-use", "$.messages[1].content[1].toolUse", TOOLED, *USED, "input", to=MARK, where=is_nova_2),
    changed("DA4-result", "$.messages[2].content[0].toolResult", TOOLED, *GIVEN, "content", to=[], where=is_nova_2),
    changed("DA4-result", "$.messages[2].content[0].toolResult.content[0]", TOOLED, *GIVEN, "content", 0, "json", to={MARK: 1}, where=is_nova_2),
    changed("DA4-config", "$.toolConfig.tools", converse([TEXT], [TEXT], **tools(SPEC)), "toolConfig", "tools", to=[], where=is_nova_2),
    *(
        changed("DA4-config", "$.toolConfig.tools[0]", converse([TEXT], [TEXT], **tools(SPEC)), *SPECIFIED, key, to=value, where=is_nova_2)
        for key, value in (("name", " "), ("description", " "), ("inputSchema", MARK), ("inputSchema", {"json": {}}))
    ),
    changed("DA4-type", "$.toolConfig.tools[0]", TOOLED, *SPECIFIED, "inputSchema", "json", "type", to=MARK, where=is_nova_2),
    changed("DA4-name", "$.messages[1].content[1].toolUse.name", TOOLED, *USED, "name", to=MARK, where=is_nova_2),
    Example("DA4-name", "$.toolConfig.tools[1]", converse([TEXT], [TEXT], **tools(SPEC, SPEC)), converse([TEXT], [TEXT], **tools(SPEC, {**SPEC, "name": "jump"})), is_nova_2),
    changed("DA4-id", "$.messages[2].content[0].toolResult.toolUseId", TOOLED, *GIVEN, "toolUseId", to=MARK, where=is_nova_2),
    Example("DA4-id", "$.messages[1].content[1].toolUse.toolUseId", converse([TEXT], [USE, USE], **tools(SPEC)), converse([TEXT], [USE, put(USE, "toolUse", "toolUseId", to="2")], **tools(SPEC)), is_nova_2),
    Example("DA4-id", "$.messages[2].content[1].toolResult.toolUseId", converse([TEXT], [USE], [RESULT, RESULT], [TEXT], **tools(SPEC)), converse([TEXT], [USE], [RESULT], [TEXT], **tools(SPEC)), is_nova_2),
    Example("DA4-no-config", "$", converse([TEXT], [USE], [RESULT], [TEXT]), TOOLED, is_nova_2),
    Example("DA4-model", "$.toolConfig", converse([TEXT], [TEXT], **tools(SPEC)), CHAT, is_nova_1),
    Example("DA5-place", "$.messages[1].content[1].image", converse([TEXT], [TEXT, IMAGE]), SEEN, reads_images),
    *(
        Example("DA5-model", f"$.messages[0].content[1].{next(iter(item))}", converse([TEXT, item], [TEXT]), CHAT, where)
        for item, where in ((IMAGE, is_micro), (VIDEO, is_micro), (DOCUMENT, is_nova_1))
    ),
    *(
        Example("DA8-format", f"$.messages[0].content[1].{kind}.format", converse([TEXT, media(kind, wrong)], [TEXT]), converse([TEXT, media(kind, right)], [TEXT]), where)
        for kind, wrong, right, where in (
            ("image", "jpg", "jpeg", reads_images), ("image", "bmp", "gif", reads_images), ("video", "avi", "mkv", reads_images),
            ("video", "mpeg", "webm", reads_images), ("document", "docx", "pdf", is_nova_2),
        )
    ),
    *(
        changed("DA8-source", "$.messages[0].content[1].image.source", SEEN, "messages", 0, "content", 1, "image", "source", to=to, where=reads_images)
        for to in (
            {"bytes": MARK}, {"s3Location": {"uri": f"s3://bucket/{MARK}.png", "bucketOwner": "1"}}, {"s3Location": {"uri": "s3://bucket/a.png"}},
            {"s3Location": {"uri": "https://bucket/a.png", "bucketOwner": "1"}}, {"s3Location": {"localPath": "a.png", "bucketOwner": "1"}},
        )
    ),
    Example("DA8-count", "$.messages[0]", converse([TEXT, *[IMAGE] * 11], [TEXT]), converse([TEXT, *[IMAGE] * 10], [TEXT]), reads_images),
    Example("DA8-count", "$.messages[0]", converse([TEXT, VIDEO, VIDEO], [TEXT]), converse([TEXT, VIDEO], [TEXT]), reads_images),
    Example("DA8-kinds", "$.messages[0]", converse([TEXT, IMAGE, VIDEO], [TEXT]), SEEN, reads_images),
    Example("RE4", "$.messages[0].content[0].reasoningContent", converse([REASONING, TEXT], [TEXT]), THOUGHT, is_nova_2),
    changed("RE4", "$.messages[1].content[0].reasoningContent", THOUGHT, "messages", 1, "content", 0, "reasoningContent", to={"text": MARK}, where=is_nova_2),
    Example("RE4-model", "$.messages[1].content[0].reasoningContent", THOUGHT, CHAT, is_nova_1),
]  # fmt: skip


def candidate(text: str, label: str = "non-preferred") -> Row:
    return {"content": [{"text": text}], "preferenceLabel": label}


def pair(*content: Row, **more: Any) -> Row:
    row = converse(list(content) or [TEXT], **more)
    row["messages"].append({"role": "assistant", "candidates": [candidate(MARK, "preferred"), candidate("worse")]})
    return row


PAIR = pair()
LATER: Row = {**PAIR, "messages": [*CHAT["messages"], *PAIR["messages"]]}
CANDIDATES = ("messages", 1, "candidates")
SECOND = (*CANDIDATES, 1)
DPO = [
    changed("DA1-key", "$", PAIR, "toolConfig", to=tools(SPEC)["toolConfig"]),
    changed("DA1-key", "$.messages[0]", PAIR, "messages", 0, MARK, to=1),
    changed("DA1-key", "$.messages[1]", PAIR, "messages", 1, "content", to=[TEXT]),
    changed("DA1-key", "$.messages[1].candidates[1]", PAIR, *SECOND, MARK, to=1),
    changed("DA2", "$.messages[0].content[0].text", PAIR, *FIRST, "text", to=RESERVED),
    changed("DA2", "$.messages[1].candidates[1].content[0].text", PAIR, *SECOND, to=candidate(RESERVED)),
    changed("DA3-version", "$.schemaVersion", PAIR, "schemaVersion", to=MARK),
    changed("DA3-system", "$.system", pair(system=[TEXT]), "system", to=MARK),
    changed("DA3-systems", "$.system", pair(system=[TEXT]), "system", to=[TEXT, TEXT]),
    changed("DA3-messages", "$.messages", PAIR, "messages", to=[MARK]),
    changed("DA3-role", "$.messages[0].role", PAIR, "messages", 0, "role", to="USER"),
    changed("DA3-turns", "$.messages[1].role", LATER, "messages", 1, "role", to="user"),
    changed("DA3-content", "$.messages[0].content", PAIR, "messages", 0, "content", to=MARK),
    changed("DA3-text", "$.messages[0]", PAIR, *FIRST, "text", to=""),
    Example("DA4-model", "$.messages[1].content[0]", put(LATER, "messages", 1, "content", to=[USE]), LATER),
    Example("DA5-place", "$.messages[1].content[0].image", put(LATER, "messages", 1, "content", to=[IMAGE]), LATER, reads_images),
    Example("DA5-model", "$.messages[0].content[1].image", pair(TEXT, IMAGE), PAIR, is_micro),
    Example("DA5-model", "$.messages[0].content[1].document", pair(TEXT, DOCUMENT), PAIR),
    Example("DA8-format", "$.messages[0].content[1].image.format", pair(TEXT, media("image", "jpg")), pair(TEXT, media("image", "jpeg")), reads_images),
    Example("DA8-source", "$.messages[0].content[1].image.source", pair(TEXT, media("image", "png", source={"bytes": MARK})), pair(TEXT, IMAGE), reads_images),
    Example("DA8-count", "$.messages[0]", pair(TEXT, *[IMAGE] * 11), pair(TEXT, *[IMAGE] * 10), reads_images),
    Example("DA8-dpo-video", "$.messages[0].content[1]", pair(TEXT, VIDEO), pair(TEXT, IMAGE), reads_images),
    Example("RE4-model", "$.messages[1].content[0].reasoningContent", put(LATER, "messages", 1, "content", to=[REASONING]), LATER),
    Example("DA3-dpo-last", "$.messages[1]", CHAT, PAIR),
    changed("DA3-dpo-last", "$.messages[1]", PAIR, "messages", 1, "role", to="user"),
    changed("DA3-dpo-place", "$.messages[1]", LATER, "messages", 1, to=PAIR["messages"][1]),
    changed("DA3-dpo-candidates", "$.messages[1].candidates", PAIR, *CANDIDATES, to=[candidate(MARK, "preferred")]),
    changed("DA3-dpo-candidates", "$.messages[1].candidates", PAIR, *CANDIDATES, to=MARK),
    changed("DA3-dpo-labels", "$.messages[1].candidates", PAIR, *SECOND, "preferenceLabel", to="preferred"),
    changed("DA3-dpo-labels", "$.messages[1].candidates", PAIR, *CANDIDATES, 0, "preferenceLabel", to="non-preferred"),
    Example("DA3-dpo-label", "$.messages[1].candidates[2].preferenceLabel", put(PAIR, *CANDIDATES, to=[*PAIR["messages"][1]["candidates"], candidate("x", MARK)]), put(PAIR, *CANDIDATES, to=[*PAIR["messages"][1]["candidates"], candidate("x")])),
    changed("DA3-dpo-content", "$.messages[1].candidates[1].content", PAIR, *SECOND, "content", to=[IMAGE]),
    changed("DA3-dpo-content", "$.messages[1].candidates[1].content", PAIR, *SECOND, "content", 0, "text", to=" "),
    changed("DA3-dpo-equal", "$.messages[1].candidates", PAIR, *SECOND, "content", 0, "text", to=MARK),
]  # fmt: skip


def said(role: str, content: Any = MARK, **more: Any) -> Row:
    return {"role": role, "content": content, **more}


def rft(*messages: Row, **more: Any) -> Row:
    return {"id": "1", "messages": list(messages) or [said("user")], "reference_answer": MARK, **more}


PROMPT = rft()
CALLED = rft(said("user"), said("assistant", "", tool_calls=[CALL]), said("tool", tool_call_id="c"), said("user"))
CALLED["messages"][1]["content"] = MARK


def not_bedrock(combination: Combination) -> bool:
    return combination.platform != "bedrock"


def not_rft_eval(combination: Combination) -> bool:
    return combination.task != "rft_eval"


def plain_rft(combination: Combination) -> bool:
    return not_bedrock(combination) and not_rft_eval(combination)


RFT = [
    changed("DA1-key", "$.messages[0]", PROMPT, "messages", 0, "name", to=MARK),
    changed("DA3-rft-messages", "$.messages", PROMPT, "messages", to=[]),
    changed("DA3-rft-messages", "$.messages", PROMPT, "messages", to=MARK),
    Example("DA3-rft-role", "$.messages[0].role", rft(said("human"), said("user")), rft(said("assistant"), said("user")), not_bedrock),
    changed("DA3-rft-content", "$.messages[0].content", PROMPT, "messages", 0, "content", to=" "),
    changed("DA3-rft-content", "$.messages[0].content", PROMPT, "messages", 0, "content", to=[{"type": "image_url", "image_url": MARK}]),
    Example("DA3-rft-silent", "$.messages[1]", put(CALLED, "messages", 1, "content", to=None), CALLED, plain_rft),
    changed("DA4-rft-calls", "$.messages[1].tool_calls", CALLED, "messages", 1, "tool_calls", to=[CALL, {MARK: 1}], where=plain_rft),
    changed("DA4-rft-calls", "$.messages[2].tool_call_id", CALLED, "messages", 2, "tool_call_id", to=MARK, where=plain_rft),
    changed("DA4-rft-calls", "$.messages[1].tool_calls[1].id", CALLED, "messages", 1, "tool_calls", to=[CALL, CALL], where=plain_rft),
    Example("DA3-rft-system", "$.messages[1]", rft(said("user"), said("system")), rft(said("system"), said("user"))),
    Example("DA3-rft-user", "$.messages", rft(said("system")), rft(said("system"), said("user"))),
    Example("DA3-rft-last", "$.messages[1]", rft(said("user"), said("assistant")), PROMPT),
    changed("DA3-rft-id", "$.id", PROMPT, "id", to=7),
    changed("DA3-rft-id", "$.id", PROMPT, "id", to=" "),
    changed("DA3-rft-answer", "$.reference_answer", PROMPT, "reference_answer", to=""),
    changed("DA3-rft-answer", "$.reference_answer", PROMPT, "reference_answer", to={}),
    changed("DA3-rft-answer", "$.reference_answer", PROMPT, "reference_answer", to=[MARK]),
    *(
        changed("DA4-rft-tools", "$.tools", rft(tools=[TOOL]), "tools", to=to)
        for to in ([], [TOOL, TOOL], MARK, [put(TOOL, "type", to=MARK)], [put(TOOL, "function", "description", to="")], [put(TOOL, "function", "parameters", "type", to="array")], [put(TOOL, "function", "parameters", to={"type": "object"})])
    ),
    Example("DA3-rft-bedrock", "$.reference_answer", {"messages": [said("user")]}, PROMPT, is_bedrock),
    Example("DA3-rft-bedrock", "$.messages[0].role", rft(said("developer"), said("user")), rft(said("system"), said("user")), is_bedrock),
    Example("DA3-rft-eval", "$.messages", rft(said("user"), said("assistant"), said("user")), rft(said("assistant"), said("user")), is_rft_eval),
]  # fmt: skip


def nested(prompt: Any = MARK, **more: Any) -> Row:
    return {"id": "1", "metadata": {"prompt": prompt, **more}}


NESTED_ROW = nested(answer=MARK, task=MARK, info={"n": MARK})
ASKING = nested([said("user"), {"role": "assistant", "tool_calls": [CALL]}, said("tool", tool_call_id="c")])
INNER = ("metadata", "prompt")
NESTED = [
    changed("DA3-mt-id", "$.id", NESTED_ROW, "id", to=7),
    Example("DA3-mt-id", "$.id", {"metadata": {"prompt": MARK}}, nested()),
    Example("DA3-mt-flat", "$", {"id": "1", "prompt": MARK, "answer": MARK}, nested(answer=MARK)),
    changed("DA3-mt-metadata", "$.metadata", NESTED_ROW, "metadata", to=MARK),
    changed("DA3-mt-key", "$.metadata", NESTED_ROW, "metadata", MARK, to=1),
    changed("DA3-mt-extra", "$", NESTED_ROW, MARK, to=1),
    *(changed("DA3-mt-prompt", "$.metadata.prompt", NESTED_ROW, *INNER, to=to) for to in (" ", [], None, [MARK])),
    changed("DA3-mt-role", "$.metadata.prompt[0].role", nested([said("user")]), *INNER, 0, "role", to="developer"),
    changed("DA3-mt-content", "$.metadata.prompt[0].content", nested([said("user")]), *INNER, 0, "content", to=None),
    changed("DA3-mt-calls", "$.metadata.prompt[1].tool_calls", ASKING, *INNER, 1, "tool_calls", 0, "type", to=MARK),
    Example("DA3-mt-tool", "$.metadata.prompt[0].tool_call_id", nested([said("tool"), said("user")]), nested([said("system"), said("user")])),
    changed("DA4-mt-id", "$.metadata.prompt[2].tool_call_id", ASKING, *INNER, 2, "tool_call_id", to=MARK),
    changed("DA3-mt-text", "$.metadata.answer", NESTED_ROW, "metadata", "answer", to=[MARK]),
    changed("DA3-mt-text", "$.metadata.task", NESTED_ROW, "metadata", "task", to=None),
    changed("DA3-mt-info", "$.metadata.info", NESTED_ROW, "metadata", "info", to=MARK),
    changed("DA3-mt-info", "$.metadata.info", nested(info='{"n": 1}'), "metadata", "info", to="[1]"),
]  # fmt: skip
FLAT_ROW: Row = {"id": "1", "prompt": MARK, "answer": MARK, "task": MARK, "info": {}}
FLAT = [
    changed("DA3-mt-id", "$.id", FLAT_ROW, "id", to=1),
    Example("DA3-mt-nested", "$", nested(), {"id": "1", "prompt": MARK, "more": MARK}),
    changed("DA3-mt-prompt", "$.prompt", FLAT_ROW, "prompt", to=" "),
    changed("DA3-mt-list", "$.prompt", FLAT_ROW, "prompt", to=[said("user")]),
    changed("DA3-mt-text", "$.answer", FLAT_ROW, "answer", to={"a": MARK}),
    changed("DA3-mt-text", "$.task", FLAT_ROW, "task", to=[MARK]),
    changed("DA3-mt-info", "$.info", FLAT_ROW, "info", to=MARK),
]
CPT = [
    changed("DA10-key", "$", {"text": MARK}, MARK, to=1),
    *(changed("DA10-text", "$.text", {"text": MARK}, "text", to=to) for to in (" ", None, [MARK])),
]
QA_ROW: Row = {"query": MARK, "response": MARK, "system": MARK, "metadata": MARK}
QA = [
    *(changed("DA3-gen-qa-text", "$.query", QA_ROW, "query", to=to) for to in (" ", None, [MARK])),
    changed("DA3-gen-qa-text", "$.response", QA_ROW, "response", to=""),
    changed("DA3-gen-qa-optional", "$.system", QA_ROW, "system", to=[MARK]),
    changed("DA3-gen-qa-optional", "$.metadata", QA_ROW, "metadata", to=None),
    *(
        changed("DA3-gen-qa-images", "$.images", {**QA_ROW, "images": [{"data": URI}]}, "images", to=to, where=reads_images)
        for to in (MARK, [URI], [{"data": f"s3://b/{MARK}.png"}], [{"data": "data:text/plain;base64,AA=="}])
    ),
    changed("DA3-gen-qa-extra", "$", QA_ROW, MARK, to=1),
    changed("DA3-record-length", "$", QA_ROW, "query", to=LONG),
    Example("DA5-model", "$.images", {**QA_ROW, "images": [{"data": URI}]}, QA_ROW, is_micro),
]  # fmt: skip
JUDGE_ROW: Row = {"prompt": MARK, "response_A": MARK, "response_B": "b"}
JUDGE = [
    changed("DA3-judge-text", "$.prompt", JUDGE_ROW, "prompt", to=" "),
    changed("DA3-judge-text", "$.response_A", JUDGE_ROW, "response_A", to=[MARK]),
    changed("DA3-judge-text", "$.response_B", JUDGE_ROW, "response_B", to=None),
    changed("DA3-judge-empty", "$.response_B", JUDGE_ROW, "response_B", to=" "),
    changed("DA3-judge-extra", "$", JUDGE_ROW, "images", to=[{"data": URI}]),
    changed("DA3-record-length", "$", JUDGE_ROW, "response_B", to=LONG),
]
EXAMPLES: dict[str, list[Example]] = {
    "converse": CONVERSE, "dpo": DPO, "rft": RFT, "rft_multiturn": NESTED, "rft_flat": FLAT, "cpt": CPT, "gen_qa": QA,
    "llm_judge": JUDGE,
}  # fmt: skip
"""Name of a format to its examples, those of one rule side by side where they can be."""


def examples(name: str, combination: Combination) -> list[Example]:
    """Return the examples of a format that count in a combination, sorted by rule."""
    found = [example for example in EXAMPLES[name] if example.where(combination)]
    order = list(dict.fromkeys(example.rule for example in found))
    return sorted(found, key=lambda example: order.index(example.rule))
