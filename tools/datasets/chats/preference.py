"""Read preference pairs: a prompt, a better and a worse answer; and single answers with a verdict (KTO)."""

from dataclasses import dataclass
from typing import Any

from novaforge.tools.datasets.chats.chat import BadRowError, Chat, messages_of, tools_of
from novaforge.tools.datasets.chats.sharegpt import message
from novaforge.tools.datasets.chats.single import prompt_messages
from novaforge.tools.datasets.rows import JsonRow

_BETTER = ("preferred", "chosen", "good", "true")
_HUMAN, _ASSISTANT = "\n\nHuman: ", "\n\nAssistant: "


@dataclass(frozen=True)
class PairReader:
    """Reads chosen and rejected with their prompt; without a prompt key both hold the whole conversation."""

    chosen: str = "chosen"
    rejected: str = "rejected"
    prompt: tuple[str, ...] = ()
    """Keys of the prompt in their order: texts are joined with a line feed, messages may only stand alone."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row with both answers; raises BadRowError."""
        better, worse = row.get(self.chosen), row.get(self.rejected)
        if self.prompt:
            messages = self._prompt(row)
            chosen, rejected = _answer(better, f"$.{self.chosen}"), _answer(worse, f"$.{self.rejected}")
            # Some sets repeat the prompt in both lists, and some hold the answer alone.
            chosen, rejected = _without(messages, chosen), _without(messages, rejected)
        else:
            messages, chosen, rejected = _shared(
                _conversation(better, f"$.{self.chosen}"), _conversation(worse, f"$.{self.rejected}")
            )
        system = row.get("system")
        if isinstance(system, str) and system and messages[0].get("role") != "system":
            messages = [{"role": "system", "content": system}, *messages]
        chat = Chat([*messages, _one(chosen, f"$.{self.chosen}")], rejected=_one(rejected, f"$.{self.rejected}"))
        chat.where, chat.tools = "$.prompt", tools_of(row.get("tools"))
        return chat

    def _prompt(self, row: JsonRow) -> list[JsonRow]:
        if len(self.prompt) == 1:
            key = self.prompt[0]
            value = row.get(key)
            turns = prompt_messages(value, f"$.{key}")
            return [message(turn, f"$.{key}[{index}]") for index, turn in enumerate(turns)]
        texts = [row.get(key) for key in self.prompt]
        if not all(text is None or isinstance(text, str) for text in texts):
            raise BadRowError("the prompt is not text", f"$.{self.prompt[0]}")
        return prompt_messages("\n".join(text for text in texts if text), f"$.{self.prompt[0]}")


@dataclass(frozen=True)
class OpenAiPairReader:
    """Reads OpenAI's preference rows: input.messages, preferred_output, non_preferred_output."""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row with both answers; raises BadRowError."""
        given = row.get("input")
        if not isinstance(given, dict):
            raise BadRowError("input is not an object", "$.input")
        messages = messages_of(given.get("messages"), "$.input.messages")
        better = _one(_answer(row.get("preferred_output"), "$.preferred_output"), "$.preferred_output")
        worse = _one(_answer(row.get("non_preferred_output"), "$.non_preferred_output"), "$.non_preferred_output")
        return Chat([*messages, better], tools_of(given.get("tools")), rejected=worse, where="$.input.messages")


@dataclass(frozen=True)
class CandidatesReader:
    """Reads a prompt with candidates that carry a label or a score; exactly one better and one worse are taken."""

    prompt: str = "prompt"

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a row with both answers; raises BadRowError."""
        messages = prompt_messages(row.get(self.prompt), f"$.{self.prompt}")
        found = messages_of(row.get("candidates"), "$.candidates")
        if len(found) != 2:
            raise BadRowError("there are not exactly two candidates", "$.candidates")
        first, second = (_rank(item, f"$.candidates[{index}]") for index, item in enumerate(found))
        if first == second:
            raise BadRowError("no candidate is better than the other", "$.candidates")
        better, worse = found if first > second else reversed(found)
        return Chat(
            [*messages, _candidate(better, "$.candidates")], rejected=_candidate(worse, "$.candidates"),
            where=f"$.{self.prompt}",
        )  # fmt: skip


@dataclass(frozen=True)
class VerdictReader:
    """Reads a chat or a prompt with its completion and a verdict; only desirable answers are taken."""

    label: str = "label"
    prompt: str = "prompt"
    completion: str = "completion"
    messages: str = ""

    def __call__(self, row: JsonRow) -> Chat:
        """Return the chat of a desirable row; raises BadRowError for another one."""
        verdict = row.get(self.label)
        if isinstance(verdict, str):
            verdict = {"true": True, "false": False}.get(verdict.lower())
        if verdict in (0, 1) and not isinstance(verdict, bool):
            verdict = bool(verdict)
        if not isinstance(verdict, bool):
            raise BadRowError("the verdict is neither true nor false", f"$.{self.label}")
        if not verdict:
            raise BadRowError("the answer is labelled as not desirable", f"$.{self.label}")
        if self.messages:
            turns = messages_of(row.get(self.messages), f"$.{self.messages}")
            found = [message(turn, f"$.{self.messages}[{index}]") for index, turn in enumerate(turns)]
            return Chat(found, tools_of(row.get("tools")), where=f"$.{self.messages}")
        messages = prompt_messages(row.get(self.prompt), f"$.{self.prompt}")
        return Chat([*messages, _one(_answer(row.get(self.completion), "$.completion"), "$.completion")])


def _answer(value: Any, path: str) -> list[JsonRow]:
    if isinstance(value, str):
        return prompt_messages(value, path, "assistant")
    turns = [value] if isinstance(value, dict) else messages_of(value, path)
    return [message(turn, f"{path}[{index}]") for index, turn in enumerate(turns)]


def _one(messages: list[JsonRow], path: str) -> JsonRow:
    if len(messages) != 1 or messages[0].get("role") != "assistant":
        raise BadRowError("the answer is not one assistant message", path)
    return messages[0]


def _without(prompt: list[JsonRow], answer: list[JsonRow]) -> list[JsonRow]:
    size = len(prompt)
    return answer[size:] if len(answer) > size and answer[:size] == prompt else answer


def _shared(chosen: list[JsonRow], rejected: list[JsonRow]) -> tuple[list[JsonRow], list[JsonRow], list[JsonRow]]:
    """Cut two conversations where they begin to differ, which has to be at the last message."""
    if len(chosen) < 2 or chosen[:-1] != rejected[:-1]:
        raise BadRowError("chosen and rejected differ before their last message", "$.rejected")
    return chosen[:-1], chosen[-1:], rejected[-1:]


def _conversation(value: Any, path: str) -> list[JsonRow]:
    if not isinstance(value, str):
        turns = messages_of(value, path)
        return [message(turn, f"{path}[{index}]") for index, turn in enumerate(turns)]
    if not value.startswith(_HUMAN):
        raise BadRowError("there is no prompt: neither a key for it nor turns in the text", path)
    found: list[JsonRow] = []
    for part in value.split(_HUMAN)[1:]:
        said, *answers = part.split(_ASSISTANT)
        found.append({"role": "user", "content": said})
        found += [{"role": "assistant", "content": text} for text in answers]
    return found


def _rank(item: JsonRow, path: str) -> float:
    label = item.get("preferenceLabel", item.get("label"))
    if isinstance(label, str):
        return 1.0 if label.lower() in _BETTER else 0.0
    score = item.get("score", label)
    if isinstance(score, bool | int | float):
        return float(score)
    rank = item.get("rank")
    if isinstance(rank, int):
        return -float(rank)
    raise BadRowError("a candidate has no label, score or rank", path)


def _candidate(item: JsonRow, path: str) -> JsonRow:
    content = item.get("content", item.get("text"))
    return {"role": "assistant", "content": content}
