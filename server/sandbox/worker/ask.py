"""One chat request to the served stand-in: what it may hold, and the answer as it comes."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from novaforge.server.sandbox.worker.chat import fit, prompt_ids
from novaforge.server.sandbox.worker.generate import end_ids, padded, sampling
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.rows import RowError, prompt
from novaforge.server.sandbox.worker.standin import StandIn

_TAKEN = {
    "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options", "temperature", "top_p", "top_k",
    "reasoning_effort", "model",
}  # fmt: skip
_REFUSED = {"logprobs", "top_logprobs", "allowed_token_ids", "truncate_prompt_tokens", "prompt"}

_model_lock = threading.Lock()  # generation changes the model's state; on one thread two at once would gain nothing


class BadRequest(ValueError):
    """The body cannot be answered; the message goes back with status 400."""


@dataclass(frozen=True)
class Question:
    """A checked request; `ids` are what the stand-in sees, `prompt_tokens` what was sent."""

    ids: list[int]
    prompt_tokens: int
    sampling: dict[str, Any]
    stream: bool
    stream_usage: bool


@dataclass
class Answer:
    """How far an answer is: tokens so far, and "stop" or "length" once it has ended."""

    tokens: int = 0
    finish_reason: str = ""


class Server:
    """The loaded stand-in with the limits of its endpoint."""

    def __init__(self, job: Job, standin: StandIn) -> None:
        self._job = job
        self._standin = standin
        self._environment: dict[str, str] = job.worker.get("environment") or {}
        self._context = int(job.worker.get("context_length") or 4000)
        self.name = str(job.worker.get("job_name") or "stand-in")

    def question(self, body: Any) -> Question:
        """Check a request body; raises BadRequest."""
        if not isinstance(body, dict):
            raise BadRequest("the body is not a JSON object")
        _check_keys(body)
        try:
            chat = prompt(body)
        except RowError as error:
            raise BadRequest(str(error)) from error
        tokenizer = self._standin.tokenizer
        sent = len(prompt_ids(tokenizer, chat))
        asked = self._asked(body, sent)
        kept = fit(tokenizer, chat, self._job.settings.prompt_tokens)
        limit = min(asked, self._standin.answer_tokens(self._job.settings))
        options = body.get("stream_options") or {}
        return Question(
            prompt_ids(tokenizer, kept), sent, self._sampling(body, limit), bool(body.get("stream")),
            bool(isinstance(options, dict) and options.get("include_usage")),
        )  # fmt: skip

    def text(self, question: Question, answer: Answer) -> Iterator[str]:
        """Yield the answer in pieces of whole characters; `answer` is filled in on the way."""
        tokenizer, ends = self._standin.tokenizer, end_ids(self._standin)
        ids: list[int] = []
        shown = 0
        for token in self._tokens(question):
            answer.tokens += 1
            if token in ends:
                answer.finish_reason = "stop"
                break
            ids.append(token)
            text = tokenizer.decode(ids, skip_special_tokens=True)
            if not text.endswith("\ufffd"):  # the first bytes of a character wait for the rest
                yield text[shown:]
                shown = len(text)
        answer.finish_reason = answer.finish_reason or "length"
        yield tokenizer.decode(ids, skip_special_tokens=True)[shown:]

    def _tokens(self, question: Question) -> Iterator[int]:
        stream = _Stream()

        def work() -> None:
            try:
                with _model_lock:
                    inputs = padded([question.ids], self._standin.tokenizer.pad_token_id)
                    pad = self._standin.tokenizer.pad_token_id
                    self._standin.model.generate(**inputs, **question.sampling, pad_token_id=pad, streamer=stream)
            except Exception as error:  # noqa: BLE001 - whatever it is, the waiting reader has to hear of it
                stream.fail(error)

        threading.Thread(target=work, daemon=True).start()
        return stream.tokens()

    def _asked(self, body: dict[str, Any], sent: int) -> int:
        value = body.get("max_completion_tokens", body.get("max_tokens"))
        asked = _whole("max_tokens", value) if value is not None else None
        if sent + (asked or 1) > self._context:
            raise BadRequest(
                f"this model's context length is {self._context} tokens; "
                f"{sent} in the messages and {asked or 1} in the completion were requested"
            )
        default = int(self._environment.get("DEFAULT_MAX_NEW_TOKENS") or self._context)
        return asked or min(default, self._context - sent)

    def _sampling(self, body: dict[str, Any], limit: int) -> dict[str, Any]:
        def number(key: str, low: float, high: float, default: float) -> float:
            value = body.get(key, self._environment.get(f"DEFAULT_{key.upper()}", default))
            return _number(key, value, low, high)

        temperature, top_p = number("temperature", 0, 2, 0), number("top_p", 1e-10, 1, 1)
        return sampling(limit, temperature, top_p, int(number("top_k", -1, 1 << 31, -1)))


class _Stream:
    """A streamer for `generate`: hands tokens from the generating thread to the one that answers."""

    def __init__(self) -> None:
        self._queue: queue.Queue[int | Exception | None] = queue.Queue()
        self._prompt_seen = False

    def put(self, value: Any) -> None:
        """Take what `generate` gives: first the prompt, then token after token."""
        if self._prompt_seen:
            for token in value.reshape(-1).tolist():
                self._queue.put(int(token))
        self._prompt_seen = True

    def end(self) -> None:
        """Mark the end."""
        self._queue.put(None)

    def fail(self, error: Exception) -> None:
        """Mark the end by an error."""
        self._queue.put(error)

    def tokens(self) -> Iterator[int]:
        """Yield tokens until the end; raises what generation raised."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item


def _check_keys(body: dict[str, Any]) -> None:
    if refused := sorted(_REFUSED & set(body)):
        raise BadRequest(f"the sandbox's stand-in has no {', '.join(refused)}")
    if unknown := sorted(set(body) - _TAKEN):
        raise BadRequest(f"unknown fields: {', '.join(unknown)}")


def _whole(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadRequest(f"{key} must be a whole number above 0")
    return value


def _number(key: str, value: Any, low: float, high: float) -> float:
    convert: Callable[[Any], float] = float
    try:
        number = convert(value)
    except (TypeError, ValueError) as error:
        raise BadRequest(f"{key} is not a number") from error
    if isinstance(value, bool) or not low <= number <= high:
        raise BadRequest(f"{key} must be between {low:g} and {high:g}")
    return number
