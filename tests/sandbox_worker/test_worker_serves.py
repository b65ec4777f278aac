"""The model server answers like the inference container: chat, stream, limits."""

import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox_worker.conftest import Bench

pytest.importorskip("transformers", reason="the sandbox extra is not installed")
pytestmark = pytest.mark.slow

HELLO = [{"role": "user", "content": "hello"}]


@dataclass
class Client:
    """Talks to the server of a port."""

    port: int

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, data)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def ask(self, **body: Any) -> tuple[int, Any]:
        """Return status and the parsed answer to a chat."""
        status, data = self.send("POST", "/invocations", body)
        return status, json.loads(data)


@pytest.fixture(scope="module")
def client(module_bench: "Bench") -> Iterator[Client]:
    """Return a client of the served untrained base, which never ends an answer by itself."""
    bench = module_bench
    environment = {"DEFAULT_MAX_NEW_TOKENS": "5"}
    folder = bench.job("endpoint", context_length=60, max_concurrency=2, environment=environment)
    command = bench.command("serve", folder)
    with subprocess.Popen(command, env=bench.environment(), stdout=subprocess.PIPE, text=True) as server:
        try:
            yield Client(_port(server))
        finally:
            server.terminate()
            assert server.wait(120) == 143
    assert json.loads((folder / "serve.json").read_text())["port"] > 0


def _port(server: "subprocess.Popen[str]") -> int:
    assert server.stdout is not None
    for line in server.stdout:
        if "serving on port" in line:
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return int(line.split()[-1])
    raise AssertionError("the server ended before it was ready")


def test_ping_says_the_server_is_up(client: Client) -> None:
    assert client.send("GET", "/ping")[0] == 200
    assert client.send("GET", "/other")[0] == 404


def test_a_chat_is_answered_with_usage_and_finish_reason(client: Client) -> None:
    status, answer = client.ask(messages=HELLO, max_tokens=3)
    assert status == 200
    (choice,) = answer["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] == "length"
    usage = answer["usage"]
    assert usage["completion_tokens"] == 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + 3


def test_the_environments_default_limits_an_answer(client: Client) -> None:
    assert client.ask(messages=HELLO)[1]["usage"]["completion_tokens"] == 5


def test_the_same_question_gets_the_same_answer_unless_sampled(client: Client) -> None:
    texts = {client.ask(messages=HELLO, max_tokens=8)[1]["choices"][0]["message"]["content"] for _ in range(2)}
    assert len(texts) == 1
    sampled = {
        client.ask(messages=HELLO, max_tokens=8, temperature=2)[1]["choices"][0]["message"]["content"] for _ in range(4)
    }
    assert len(sampled) > 1


def test_a_stream_carries_the_same_text_in_events_and_ends_with_done(client: Client) -> None:
    whole = client.ask(messages=HELLO, max_tokens=8)[1]
    body = {"messages": HELLO, "max_tokens": 8, "stream": True, "stream_options": {"include_usage": True}}
    status, data = client.send("POST", "/invocations", body)
    assert status == 200
    events = data.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    parts = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    text = "".join(part["choices"][0]["delta"].get("content", "") for part in parts[:-1])
    assert text == whole["choices"][0]["message"]["content"]
    assert parts[-2]["choices"][0]["finish_reason"] == "length"
    assert parts[-1]["usage"] == whole["usage"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"messages": HELLO, "max_tokens": 60}, "context length is 60"),
        ({"messages": [{"role": "user", "content": "word " * 100}]}, "context length is 60"),
        ({"messages": HELLO, "max_tokens": 0}, "max_tokens"),
        ({"messages": HELLO, "temperature": 3}, "temperature"),
        ({"messages": HELLO, "temperature": "hot"}, "temperature"),
        ({"messages": HELLO, "logprobs": True}, "logprobs"),
        ({"messages": HELLO, "max_token": 4}, "max_token"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text parts"),
        ([], "JSON object"),
        (b"{", "not JSON"),
    ],
)
def test_what_cannot_be_answered_is_a_400_with_the_reason(client: Client, body: Any, why: str) -> None:
    status, data = client.send("POST", "/invocations", body)
    assert status == 400
    assert why in json.loads(data)["error"]["message"]


def test_callers_at_the_same_time_are_all_answered(client: Client) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.ask(messages=HELLO, max_tokens=4)[0])) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [200] * 5
