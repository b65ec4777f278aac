"""Rows of every format that keep the rules, and for each rule about rows one that breaks it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from novaforge.tools.datasets.formats.targets import row_format

Row = dict[str, Any]

FORMATS = {
    "sft": row_format("SFT_LORA", "nova_lite_2"),
    "sft1": row_format("SFT_FULL", "nova_pro", "hyperpod"),
    "micro": row_format("SFT_LORA", "nova_micro", "bedrock"),
    "dpo": row_format("DPO_LORA", "nova_lite", "serverless"),
    "rft": row_format("RFT_LORA", "nova_lite_2", "serverless"),
    "rft_bedrock": row_format("RFT_LORA", "nova_lite_2", "bedrock"),
    "rft_eval": row_format("EVALUATION", "nova_lite_2", "sagemaker", "rft_eval"),
    "nested": row_format("RFT_MULTITURN_FULL", "nova_lite_2"),
    "flat": row_format("RFT_MULTITURN_LORA", "nova_lite_2", "serverless"),
    "cpt": row_format("CPT", "nova_micro"),
    "qa": row_format("EVALUATION", "nova_pro"),
    "qa_micro": row_format("EVALUATION", "nova_micro"),
    "judge": row_format("EVALUATION", "nova_lite_2", None, "llm_judge"),
}


def media(name: str = "png", uri: str = "s3://b/a.png") -> Row:
    return {"format": name, "source": {"s3Location": {"uri": uri, "bucketOwner": "111122223333"}}}


TEXT: Row = {"text": "words"}
IMAGE: Row = {"image": media()}
VIDEO: Row = {"video": media("mp4")}
DOCUMENT: Row = {"document": media("pdf")}
REASONING: Row = {"reasoningContent": {"reasoningText": {"text": "because"}}}
USE: Row = {"toolUse": {"toolUseId": "1", "name": "look", "input": {}}}
RESULT: Row = {"toolResult": {"toolUseId": "1", "content": [{"text": "seen"}, {"json": {"n": 1}}]}}
CONFIG: Row = {
    "tools": [{"toolSpec": {"name": "look", "description": "d", "inputSchema": {"json": {"type": "object"}}}}]
}
TOOL: Row = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}}  # fmt: skip
CALL: Row = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def converse(*contents: list[Row], **more: Any) -> Row:
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": deepcopy(content)} for index, content in enumerate(contents)]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": messages, **more}


def candidate(text: str, label: str = "non-preferred") -> Row:
    return {"content": [{"text": text}], "preferenceLabel": label}


def dpo(*candidates: Row, user: list[Row] | None = None, **more: Any) -> Row:
    made = list(candidates) or [candidate("good", "preferred"), candidate("bad")]
    row = converse(user or [TEXT], **more)
    row["messages"].append({"role": "assistant", "candidates": made})
    return row


def said(role: str, content: Any = "words", **more: Any) -> Row:
    return {"role": role, "content": content, **more}


def rft(*messages: Row, **more: Any) -> Row:
    return {"id": "1", "messages": list(messages) or [said("user")], "reference_answer": "a", **more}


def nested(prompt: Any = "q", **more: Any) -> Row:
    return {"id": "1", "metadata": {"prompt": prompt, **more}}


GOOD: dict[str, list[Row]] = {
    "sft": [
        converse([TEXT], [TEXT]),
        converse([TEXT], [REASONING, TEXT], system=[{"text": "S"}]),
        converse([TEXT, *[IMAGE] * 10], [TEXT]),
        converse([VIDEO], [TEXT]),
        converse([TEXT, DOCUMENT], [TEXT]),
        converse([TEXT], [TEXT, USE], [RESULT], [TEXT], toolConfig=CONFIG),
    ],
    "sft1": [converse([TEXT, IMAGE], [TEXT], [TEXT], [TEXT], system=[{"text": "S"}]), converse([VIDEO, TEXT], [TEXT])],
    "micro": [converse([TEXT], [TEXT], system=[{"text": "S"}])],
    "dpo": [
        dpo(system=[{"text": "S"}]),
        dpo(candidate("a"), candidate("b"), candidate("c", "preferred"), user=[TEXT, IMAGE]),
        {**dpo(), "messages": [*converse([TEXT], [TEXT])["messages"], *dpo()["messages"]]},
    ],
    "rft": [
        rft(),
        rft(said("system"), said("user"), said("assistant"), said("user"), extra={"n": 1}),
        rft(tools=[TOOL], reference_answer={"n": 1}),
        {"messages": [said("developer"), said("user", [{"type": "text", "text": "q"}])]},
    ],
    "rft_bedrock": [rft(said("system"), said("user")), rft(reference_answer={"n": 1}, level=1)],
    "rft_eval": [rft(said("system"), said("user"))],
    "nested": [
        nested(),
        nested([said("system"), said("user")], answer="a", task="t", info={"n": 1}),
        nested(info='{"n": 1}'),
        nested([
            said("user"),
            {"role": "assistant", "tool_calls": [CALL]},
            said("tool", "seen", tool_call_id="c"),
            said("user"),
        ]),
    ],
    "flat": [{"prompt": "q"}, {"id": "1", "prompt": "q", "answer": "a", "task": "t", "info": {}, "more": 1}],
    "cpt": [{"text": "words"}],
    "qa": [
        {"query": "q", "response": "a", "system": "S", "metadata": "1"},
        {"query": "q", "response": "a", "images": [{"data": "data:image/png;base64,AA=="}]},
    ],
    "qa_micro": [{"query": "q", "response": "a"}],
    "judge": [{"prompt": "q", "response_A": "a", "response_B": "b"}],
}  # fmt: skip


def put(key: str, *path: Any, to: Any, number: int = 0) -> Callable[[], Row]:
    """Return how to make a good row with one place changed."""

    def make() -> Row:
        row = deepcopy(GOOD[key][number])
        place: Any = row
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = deepcopy(to)
        return row

    return make


USER, ANSWER = ("messages", 0), ("messages", 1)
FIRST = (*USER, "content", 0)
LAST = (*ANSWER, "candidates")
LONG = "word " * 10_000
BAD: list[tuple[str, str, str, Callable[[], Row]]] = [
    ("DA1-key", "sft", "$", put("sft", "extra", to=1)),
    ("DA1-key", "sft", "$.messages[1]", put("sft", *ANSWER, "name", to="x")),
    ("DA1-key", "sft", "$.messages[0].content[0]", put("sft", *FIRST, "type", to="text")),
    ("DA1-key", "dpo", "$", put("dpo", "toolConfig", to=CONFIG)),
    ("DA1-key", "dpo", "$.messages[1]", put("dpo", *ANSWER, "content", to=[TEXT])),
    ("DA1-key", "dpo", "$.messages[1].candidates[0]", put("dpo", *LAST, 0, "score", to=1)),
    ("DA1-key", "rft", "$.messages[0]", put("rft", *USER, "name", to="x")),
    ("DA2", "sft", "$.messages[0].content[0].text", put("sft", *FIRST, "text", to="the User: said")),
    ("DA2", "sft1", "$.messages[1].content[0].text", put("sft1", *ANSWER, "content", 0, "text", to="<image>")),
    ("DA2", "dpo", "$.messages[1].candidates[1].content[0].text", put("dpo", *LAST, 1, to=candidate("Bot: no"))),
    ("DA3-version", "sft", "$.schemaVersion", put("sft", "schemaVersion", to="1")),
    ("DA3-version", "dpo", "$.schemaVersion", put("dpo", "schemaVersion", to=None)),
    ("DA3-system", "sft", "$.system", put("sft", "system", to="S")),
    ("DA3-system", "dpo", "$.system", put("dpo", "system", to=[])),
    ("DA3-systems", "micro", "$.system", put("micro", "system", to=[{"text": "a"}, {"text": "b"}])),
    ("DA3-messages", "sft", "$.messages", put("sft", "messages", to=[])),
    ("DA3-messages", "dpo", "$.messages", put("dpo", "messages", to=[said("user", [TEXT])])),
    ("DA3-role", "sft", "$.messages[0].role", put("sft", *USER, "role", to="User")),
    ("DA3-turns", "sft", "$.messages[1].role", put("sft", *ANSWER, "role", to="user")),
    ("DA3-turns", "dpo", "$.messages[0].role", put("dpo", *USER, "role", to="assistant")),
    ("DA3-content", "sft", "$.messages[0].content", put("sft", *USER, "content", to="text")),
    ("DA3-content", "sft", "$.messages[1].content[0]", put("sft", *ANSWER, "content", 0, to={**USE, **RESULT})),
    ("DA3-text", "sft", "$.messages[1]", put("sft", *ANSWER, "content", 0, "text", to="")),
    ("DA4-place", "sft", "$.messages[0].content[0].toolUse", put("sft", *FIRST, to=USE, number=5)),
    ("DA4-use", "sft", "$.messages[1].content[1].toolUse", put("sft", *ANSWER, "content", 1, "toolUse", "input", to=None, number=5)),
    ("DA4-use", "sft", "$.messages[1].content[1].toolUse", put("sft", *ANSWER, "content", 1, "toolUse", "toolUseId", to=" ", number=5)),
    ("DA4-result", "sft", "$.messages[2].content[0].toolResult", put("sft", "messages", 2, "content", 0, "toolResult", "content", to=[], number=5)),
    ("DA4-result", "sft", "$.messages[2].content[0].toolResult.content[0]", put("sft", "messages", 2, "content", 0, "toolResult", "content", to=[{"text": "a", "json": {}}], number=5)),
    ("DA4-config", "sft", "$.toolConfig.tools[0]", put("sft", "toolConfig", "tools", 0, "toolSpec", "description", to=" ", number=5)),
    ("DA4-name", "sft", "$.messages[1].content[1].toolUse.name", put("sft", *ANSWER, "content", 1, "toolUse", "name", to="jump", number=5)),
    ("DA4-id", "sft", "$.messages[2].content[0].toolResult.toolUseId", put("sft", "messages", 2, "content", 0, "toolResult", "toolUseId", to="2", number=5)),
    ("DA4-no-config", "sft", "$", lambda: converse([TEXT], [USE])),
    ("DA4-model", "sft1", "$.toolConfig", put("sft1", "toolConfig", to=CONFIG)),
    ("DA4-model", "micro", "$.messages[1].content[0]", put("micro", *ANSWER, "content", 0, to=USE)),
    ("DA4-model", "dpo", "$.messages[0].content[0]", put("dpo", *FIRST, to=RESULT)),
    ("DA5-place", "sft", "$.messages[1].content[0].image", put("sft", *ANSWER, "content", 0, to=IMAGE)),
    ("DA5-model", "micro", "$.messages[0].content[0].image", put("micro", *FIRST, to=IMAGE)),
    ("DA5-model", "sft1", "$.messages[0].content[0].document", put("sft1", *FIRST, to=DOCUMENT)),
    ("DA5-model", "qa_micro", "$.images", put("qa_micro", "images", to=[{"data": "data:image/png;base64,AA=="}])),
    ("DA8-format", "sft", "$.messages[0].content[0].image.format", put("sft", *FIRST, to={"image": media("jpg")})),
    ("DA8-format", "sft1", "$.messages[0].content[0].video.format", put("sft1", *FIRST, to={"video": media("avi")})),
    ("DA8-source", "sft", "$.messages[0].content[0].image.source", put("sft", *FIRST, to={"image": media(uri="s3://b/a b.png")})),
    ("DA8-count", "dpo", "$.messages[0]", put("dpo", *USER, "content", to=[TEXT, *[IMAGE] * 11])),
    ("DA8-kinds", "sft1", "$.messages[0]", put("sft1", *USER, "content", to=[IMAGE, VIDEO])),
    ("DA8-dpo-video", "dpo", "$.messages[0].content[0]", put("dpo", *FIRST, to=VIDEO)),
    ("RE4", "sft", "$.messages[0].content[0].reasoningContent", put("sft", *FIRST, to=REASONING)),
    ("RE4", "sft", "$.messages[1]", put("sft", *ANSWER, "content", to=[REASONING, TEXT, IMAGE])),
    ("RE4-model", "sft1", "$.messages[1].content[0].reasoningContent", put("sft1", *ANSWER, "content", 0, to=REASONING)),
    ("DA3-dpo-last", "dpo", "$.messages[1]", lambda: converse([TEXT], [TEXT])),
    ("DA3-dpo-last", "dpo", "$.messages[1]", put("dpo", *ANSWER, "role", to="user")),
    ("DA3-dpo-last", "dpo", "$.messages[2]", put("dpo", "messages", to=[*converse([TEXT], [TEXT])["messages"], dpo()["messages"][1]])),
    ("DA3-dpo-place", "dpo", "$.messages[0]", put("dpo", *USER, to=dpo()["messages"][1])),
    ("DA3-dpo-candidates", "dpo", "$.messages[1].candidates", put("dpo", *LAST, to=[candidate("a", "preferred")])),
    ("DA3-dpo-labels", "dpo", "$.messages[1].candidates", put("dpo", *LAST, to=[candidate("a"), candidate("b")])),
    ("DA3-dpo-labels", "dpo", "$.messages[1].candidates", put("dpo", *LAST, 1, "preferenceLabel", to="preferred")),
    ("DA3-dpo-label", "dpo", "$.messages[1].candidates[1].preferenceLabel", put("dpo", *LAST, 1, "preferenceLabel", to="rejected")),
    ("DA3-dpo-content", "dpo", "$.messages[1].candidates[1].content", put("dpo", *LAST, 1, "content", to=[IMAGE])),
    ("DA3-dpo-content", "dpo", "$.messages[1].candidates[0].content", put("dpo", *LAST, 0, "content", 0, "text", to=" ")),
    ("DA3-dpo-equal", "dpo", "$.messages[1].candidates", put("dpo", *LAST, 1, "content", 0, "text", to="good")),
    ("DA3-rft-messages", "rft", "$.messages", put("rft", "messages", to="q")),
    ("DA3-rft-role", "rft", "$.messages[0].role", put("rft", *USER, "role", to="human")),
    ("DA3-rft-content", "rft", "$.messages[0].content", put("rft", *USER, "content", to=[{"type": "image_url"}])),
    ("DA3-rft-system", "rft", "$.messages[1]", put("rft", "messages", to=[said("user"), said("system")])),
    ("DA3-rft-user", "rft", "$.messages", put("rft", *USER, "role", to="system")),
    ("DA3-rft-last", "rft", "$.messages[1]", put("rft", "messages", to=[said("user"), said("assistant")])),
    ("DA3-rft-id", "rft", "$.id", put("rft", "id", to=7)),
    ("DA3-rft-answer", "rft", "$.reference_answer", put("rft", "reference_answer", to="")),
    ("DA4-rft-tools", "rft", "$.tools", put("rft", "tools", to=[TOOL, TOOL])),
    ("DA3-rft-bedrock", "rft_bedrock", "$.reference_answer", lambda: {"messages": [said("user")]}),
    ("DA3-rft-bedrock", "rft_bedrock", "$.messages[0].role", put("rft_bedrock", *USER, "role", to="developer")),
    ("DA3-rft-eval", "rft_eval", "$.messages", put("rft_eval", "messages", to=[said("user"), said("assistant"), said("user")])),
    ("DA3-mt-id", "nested", "$.id", put("nested", "id", to=" ")),
    ("DA3-mt-id", "flat", "$.id", put("flat", "id", to=1)),
    ("DA3-mt-flat", "nested", "$", lambda: {"id": "1", "prompt": "q"}),
    ("DA3-mt-nested", "flat", "$", nested),
    ("DA3-mt-metadata", "nested", "$.metadata", put("nested", "metadata", to="q")),
    ("DA3-mt-key", "nested", "$.metadata", put("nested", "metadata", "level", to=1)),
    ("DA3-mt-extra", "nested", "$", put("nested", "level", to=1)),
    ("DA3-mt-prompt", "nested", "$.metadata.prompt", put("nested", "metadata", "prompt", to=[])),
    ("DA3-mt-prompt", "flat", "$.prompt", put("flat", "prompt", to=" ")),
    ("DA3-mt-list", "flat", "$.prompt", put("flat", "prompt", to=[said("user")])),
    ("DA3-mt-role", "nested", "$.metadata.prompt[0].role", put("nested", "metadata", "prompt", to=[said("developer")])),
    ("DA3-mt-content", "nested", "$.metadata.prompt[0].content", put("nested", "metadata", "prompt", to=[said("assistant", None)])),
    ("DA3-mt-calls", "nested", "$.metadata.prompt[1].tool_calls", put("nested", "metadata", "prompt", 1, "tool_calls", to=[{}], number=3)),
    ("DA3-mt-tool", "nested", "$.metadata.prompt[2].tool_call_id", put("nested", "metadata", "prompt", 2, "tool_call_id", to="", number=3)),
    ("DA4-mt-id", "nested", "$.metadata.prompt[2].tool_call_id", put("nested", "metadata", "prompt", 2, "tool_call_id", to="d", number=3)),
    ("DA4-mt-id", "nested", "$.metadata.prompt[3].tool_call_id", put("nested", "metadata", "prompt", 3, to=said("tool", "seen", tool_call_id="c"), number=3)),
    ("DA4-mt-id", "nested", "$.metadata.prompt[1].tool_calls[1].id", put("nested", "metadata", "prompt", 1, "tool_calls", to=[CALL, CALL], number=3)),
    ("DA3-mt-text", "nested", "$.metadata.answer", put("nested", "metadata", "answer", to=4)),
    ("DA3-mt-text", "flat", "$.task", put("flat", "task", to=["t"])),
    ("DA3-mt-info", "nested", "$.metadata.info", put("nested", "metadata", "info", to="no object")),
    ("DA3-mt-info", "flat", "$.info", put("flat", "info", to="[1]")),
    ("DA10-key", "cpt", "$", put("cpt", "id", to="1")),
    ("DA10-text", "cpt", "$.text", put("cpt", "text", to=" ")),
    ("DA3-gen-qa-text", "qa", "$.response", put("qa", "response", to=" ")),
    ("DA3-gen-qa-optional", "qa", "$.metadata", put("qa", "metadata", to=None)),
    ("DA3-gen-qa-images", "qa", "$.images", put("qa", "images", to=[{"data": "s3://b/a.png"}])),
    ("DA3-gen-qa-extra", "qa", "$", put("qa", "id", to="1")),
    ("DA3-judge-text", "judge", "$.prompt", put("judge", "prompt", to="")),
    ("DA3-judge-text", "judge", "$.response_A", put("judge", "response_A", to=None)),
    ("DA3-judge-empty", "judge", "$.response_B", put("judge", "response_B", to=" ")),
    ("DA3-judge-extra", "judge", "$", put("judge", "images", to=[])),
    ("DA3-record-length", "judge", "$", put("judge", "response_A", to=LONG)),
    ("DA3-record-length", "qa", "$", put("qa", "query", to=LONG)),
]  # fmt: skip
"""Rule, format, place and how to make a row that breaks it."""
