"""RFT rows of one turn: OpenAI-style messages with a reference answer; the reward function gets the row as it is."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from novaforge.tools.datasets.formats.base import Fields, RowFormat, all_objects, blank, objects
from novaforge.tools.datasets.formats.dialogue import complete_call, is_text, message_texts, role_texts, unpaired_calls
from novaforge.tools.datasets.rows import Hit, JsonRow

_ROLES = {"system", "user", "assistant", "tool", "bot", "developer"}
_KEYS = {"role", "content", "tool_calls", "tool_call_id"}
_SYSTEM = {"system", "developer"}


def build(fields: Fields) -> JsonRow:
    """Return a row; nothing stands in it that was not mapped or is in fields["extra"], apart from the id."""
    messages = [{"role": "system", "content": fields["system"]}] if fields.get("system") else []
    messages.append({"role": "user", "content": fields["query"]})
    row: JsonRow = {"id": fields["id"], "messages": messages, "reference_answer": fields["response"]}
    for name in ("tools", "metadata"):
        if fields.get(name):
            row[name] = fields[name]
    return {**fields["extra"], **row} if fields.get("extra") else row


def check(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks; keys beside the known ones are allowed, the reward function gets them."""
    return [] if keeps_the_rules(row) else check_in_full(row)


def check_in_full(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks, without the quick look before."""
    hits = _answer(row)
    if "id" in row and blank(row["id"]):
        hits.append(Hit("DA3-rft-id", "$.id"))
    if "tools" in row and not tools_are_complete(row["tools"]):
        hits.append(Hit("DA4-rft-tools", "$.tools"))
    messages = row.get("messages")
    if not messages or not all_objects(messages):
        return [*hits, Hit("DA3-rft-messages", "$.messages")]
    for index, message in objects(messages):
        hits += _message(message, index)
    hits += unpaired_calls(messages, "$.messages", "DA4-rft-calls")
    roles = [message.get("role") for message in messages]
    if "user" not in roles:
        hits.append(Hit("DA3-rft-user", "$.messages"))
    if roles[-1] in ("assistant", "bot"):
        hits.append(Hit("DA3-rft-last", f"$.messages[{len(roles) - 1}]"))
    return hits


def keeps_the_rules(row: JsonRow) -> bool:
    """Tell a row of texts that breaks no rule; False says nothing. It is the hot path of every pass."""
    reference, key, messages = row.get("reference_answer"), row.get("id"), row.get("messages")
    if type(reference) is not str or not reference or reference.isspace() or "tools" in row:
        return False
    if type(key) is not str or not key or key.isspace() or type(messages) is not list or not messages:
        return False
    last, user = len(messages) - 1, False
    for index, message in enumerate(messages):
        if type(message) is not dict or len(message) != 2:
            return False
        role, content = message.get("role"), message.get("content")
        if type(content) is not str or not content or content.isspace():
            return False
        if role == "user":
            user = True
        elif role == "system":
            if index:
                return False
        elif role != "assistant" or index == last:
            return False
    return user


def check_eval(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks that is evaluated, not trained on: AWS's page wants a single user message."""
    hits = check(row)
    if sum(message.get("role") == "user" for _, message in objects(row.get("messages"))) > 1:
        hits.append(Hit("DA3-rft-eval", "$.messages"))
    return hits


def check_bedrock(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks that is trained on by Bedrock, whose page names fewer fields and roles."""
    hits = check(row)
    if "reference_answer" not in row:
        hits.append(Hit("DA3-rft-bedrock", "$.reference_answer"))
    for index, message in objects(row.get("messages")):
        if message.get("role") not in ("user", "system", "assistant"):
            hits.append(Hit("DA3-rft-bedrock", f"$.messages[{index}].role"))
    return hits


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks: only what may be structured can be wrong in it."""
    hits = [] if isinstance(fields["response"], str | dict) else [Hit("DA3-rft-answer", "$.reference_answer")]
    if fields.get("tools") and not tools_are_complete(fields["tools"]):
        hits.append(Hit("DA4-rft-tools", "$.tools"))
    return hits


def tools_are_complete(value: Any) -> bool:
    """Tell a non-empty list of function specifications with unique names."""
    if not all_objects(value) or not value:
        return False
    names = [_tool_name(tool) for tool in value]
    return all(names) and len(set(names)) == len(names)


def prompt(row: JsonRow) -> str:
    """Return the user's texts."""
    return "\n".join(role_texts(row.get("messages"), "user"))


def answer(row: JsonRow) -> str:
    """Return the reference answer; an object as JSON text."""
    value = row.get("reference_answer", "")
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def texts(row: JsonRow) -> Iterator[str]:
    """Yield every text of the prompt."""
    messages = row.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict):
            yield from message_texts(message)


def parts(row: JsonRow) -> set[str]:
    """Return which optional parts a row has."""
    return {"id", "reference_answer", "tools"} & row.keys()


def _answer(row: JsonRow) -> list[Hit]:
    value = row.get("reference_answer", "absent")
    good = not blank(value) or (isinstance(value, dict) and bool(value))
    return [] if good else [Hit("DA3-rft-answer", "$.reference_answer")]


def _message(message: JsonRow, index: int) -> list[Hit]:
    path = f"$.messages[{index}]"
    hits = [Hit("DA1-key", path)] if message.keys() - _KEYS else []
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        hits.append(Hit("DA3-rft-role", f"{path}.role"))
    elif role in _SYSTEM and index:
        hits.append(Hit("DA3-rft-system", path))
    return [*hits, *_said(message, role, path)]


def _said(message: JsonRow, role: object, path: str) -> list[Hit]:
    calls = message.get("tool_calls") if role == "assistant" else None
    hits: list[Hit] = []
    if calls and message.get("content") is None:
        hits.append(Hit("DA3-rft-silent", path))
    elif not is_text(message.get("content")):
        hits.append(Hit("DA3-rft-content", f"{path}.content"))
    if calls and not (isinstance(calls, list) and all(map(complete_call, calls))):
        hits.append(Hit("DA4-rft-calls", f"{path}.tool_calls"))
    if role == "tool" and blank(message.get("tool_call_id")):
        hits.append(Hit("DA4-rft-calls", f"{path}.tool_call_id"))
    return hits


def _tool_name(tool: JsonRow) -> str:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict) or blank(function.get("description")):
        return ""
    parameters = function.get("parameters")
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        return ""
    if not isinstance(parameters.get("properties"), dict) or blank(function.get("name")):
        return ""
    return str(function["name"])


RFT = RowFormat(
    name="rft",
    method="RFT_LORA",
    required=("query", "response"),
    optional=("system", "id", "tools", "metadata"),
    structured=("response", "tools", "metadata"),
    build=build,
    check=check,
    check_fields=check_fields,
    prompt=prompt,
    answer=answer,
    texts=texts,
    parts=parts,
    tools=True,
    taken=("id", "messages", "reference_answer", "tools", "metadata"),
    id_key="id",
)
RFT_BEDROCK = replace(RFT, check=check_bedrock, platform="bedrock")
RFT_EVAL = replace(RFT, method="EVALUATION", check=check_eval, task="rft_eval")
