"""The model server behind an endpoint: /ping and /invocations on a loopback port."""

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from novaforge.server.sandbox.worker.ask import Answer, BadRequest, Question, Server
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import note
from novaforge.server.sandbox.worker.standin import load, prepare_torch


def serve(job: Job) -> None:
    """Answer requests until the process is ended; serve.json holds the port once it can be asked."""
    prepare_torch(job.settings)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(job))
    scratch = job.folder / "serve.json.new"
    scratch.write_text(json.dumps({"port": server.server_address[1]}), encoding="utf-8")
    os.replace(scratch, job.folder / "serve.json")
    note(f"serving on port {server.server_address[1]}")
    server.serve_forever()


def _handler(job: Job) -> type[BaseHTTPRequestHandler]:
    model = Server(job, load(job, []))
    turns = threading.BoundedSemaphore(max(1, int(job.worker.get("max_concurrency") or 1)))

    class Handler(_Chat):
        """The handler of this server."""

        def answer(self, body: Any) -> None:
            """Answer when a turn is free, as a server with MAX_CONCURRENCY does."""
            with turns:
                self.reply(model, model.question(body))

    return Handler


class _Chat(BaseHTTPRequestHandler):
    """OpenAI-like chat over HTTP/1.1 without keep-alive."""

    def answer(self, body: Any) -> None:
        """Answer a parsed body; raises BadRequest."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer /ping."""
        self._json(200 if self.path == "/ping" else 404, {})

    def do_POST(self) -> None:
        """Answer /invocations."""
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self._json(404, {"error": {"message": f"there is no {self.path[:100]}", "code": 404}})
            return
        try:
            self.answer(_body(data))
        except BadRequest as error:
            self._json(400, {"error": {"message": str(error), "type": "BadRequestError", "code": 400}})
        except (BrokenPipeError, ConnectionResetError):
            note("a caller went away before the answer was complete")

    def reply(self, model: Server, question: Question) -> None:
        """Send the answer whole, or in server-sent events when the caller asked for a stream."""
        answer = Answer()
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model.name}
        pieces = model.text(question, answer)
        if question.stream:
            self._stream(_events(head, question, pieces, answer))
            return
        text = "".join(pieces)
        choice = {
            "index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": answer.finish_reason,
        }  # fmt: skip
        usage = _usage(question, answer)
        self._json(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    def _stream(self, events: Iterator[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in events:
            self.wfile.write(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")

    def _json(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Log a request line the way the server logs everything else."""
        note(format % args)


def _body(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def _events(
    head: dict[str, Any], question: Question, pieces: Iterator[str], answer: Answer
) -> Iterator[dict[str, Any]]:
    frame = {**head, "object": "chat.completion.chunk"}
    yield {**frame, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    for piece in pieces:
        if piece:
            yield {**frame, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
    yield {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": answer.finish_reason}]}
    if question.stream_usage:
        yield {**frame, "choices": [], "usage": _usage(question, answer)}


def _usage(question: Question, answer: Answer) -> dict[str, int]:
    total = question.prompt_tokens + answer.tokens
    return {"prompt_tokens": question.prompt_tokens, "completion_tokens": answer.tokens, "total_tokens": total}
