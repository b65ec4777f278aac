"""Reading a job's JSONL: Converse rows for SFT, OpenAI-style rows for RFT, gen_qa rows for evaluation."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from novaforge.guards.errors import InputError

Message = dict[str, str]
Row = TypeVar("Row")

_RFT_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "bot": "assistant"}
_SFT_KEYS = {"schemaVersion", "system", "messages"}


class RowError(ValueError):
    """A row cannot be used; the message says why, the reader adds the line."""


def read_rows(path: Path, parse: Callable[[dict[str, Any]], Row]) -> list[Row]:
    """Return every row of the file; the first unusable one raises InputError naming its line."""
    found: list[Row] = []
    for number, line in _lines(path):
        try:
            found.append(parse(_json_object(line)))
        except RowError as error:
            raise InputError(f"{path.name} line {number}: {error}", field="data", line=number) from error
    if not found:
        raise InputError(f"{path.name} has no rows.", field="data")
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8: {error}", field="data") from error


def _json_object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise RowError("holds half of a surrogate pair, which is no text") from error
    except (ValueError, RecursionError) as error:
        raise RowError(f"not JSON ({error})") from error
    if not isinstance(value, dict):
        raise RowError("not a JSON object")
    return value


def converse_row(row: dict[str, Any]) -> list[Message]:
    """Return a Converse row as a chat that ends with the assistant; raises RowError."""
    if extra := sorted(set(row) - _SFT_KEYS):
        raise RowError(f"the stand-in does not know {', '.join(extra)}")
    system = _texts(row.get("system") or [], "system")
    chat = [{"role": "system", "content": system}] if system else []
    for turn in _turns(row):
        role = turn.get("role")
        if role not in ("user", "assistant"):
            raise RowError(f"role {role!r} is neither user nor assistant")
        chat.append({"role": str(role), "content": _texts(turn.get("content"), str(role))})
    if chat[-1]["role"] != "assistant":
        raise RowError("the last message is not the assistant's")
    return chat


def rft_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return an RFT row as it is, after checking that its messages make a prompt; raises RowError."""
    prompt(row)
    return row


def prompt(row: dict[str, Any]) -> list[Message]:
    """Return the chat of an RFT row; raises RowError."""
    chat: list[Message] = []
    for turn in _turns(row):
        role = _RFT_ROLES.get(str(turn.get("role")))
        if role is None:
            raise RowError(f"the stand-in does not know the role {turn.get('role')!r}")
        content = turn.get("content")
        text = content if isinstance(content, str) else _texts(content, role)
        chat.append({"role": role, "content": text})
    if not any(message["role"] == "user" for message in chat):
        raise RowError("no user message")
    return chat


def gen_qa_row(row: dict[str, Any]) -> dict[str, str]:
    """Return query, response, system and metadata of an evaluation row; raises RowError."""
    if row.get("images"):
        raise RowError("the stand-in does not read images")
    for key in ("query", "response"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise RowError(f"{key} is missing or blank")
    for key in ("system", "metadata"):
        if not isinstance(row.get(key) or "", str):
            raise RowError(f"{key} is not text")
    return {key: row.get(key) or "" for key in ("query", "response", "system", "metadata")}


def question(row: dict[str, str]) -> list[Message]:
    """Return the chat that asks a gen_qa row's question."""
    system = [{"role": "system", "content": row["system"]}] if row["system"] else []
    return [*system, {"role": "user", "content": row["query"]}]


def _turns(row: dict[str, Any]) -> list[dict[str, Any]]:
    turns = row.get("messages")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise RowError("messages is not a list of objects")
    return turns


def _texts(parts: Any, where: str) -> str:
    if not isinstance(parts, list) or (not parts and where != "system"):
        raise RowError(f"the content of {where} is not a list of parts")
    texts: list[str] = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            kinds = ", ".join(sorted(part)) if isinstance(part, dict) else type(part).__name__
            raise RowError(f"the stand-in reads text parts only; {where} has {kinds}")
        texts.append(text)
    return "\n".join(texts)
