"""Streamable HTTP wants a token and a known Host, and then speaks both eras."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from novaforge.server.app import build_server
from novaforge.server.http import make_app
from novaforge.server.settings import Settings

TOKEN = "a-token-for-this-test"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = build_server(Settings(sandbox=True, state=tmp_path))
    app = make_app(server, "127.0.0.1", port, (), TOKEN)
    running = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=running.run)
    thread.start()
    deadline = time.monotonic() + 120
    while not running.started and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    yield f"http://127.0.0.1:{port}/mcp"
    running.should_exit = True
    thread.join(120)


BODY = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def test_without_a_token_the_answer_is_401(url: str) -> None:
    assert httpx2.post(url, json=BODY).status_code == 401


def test_a_wrong_token_is_refused(url: str) -> None:
    assert httpx2.post(url, json=BODY, headers={"Authorization": "Bearer nope"}).status_code == 401


def test_a_foreign_host_header_is_refused(url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"}
    assert httpx2.post(url, json=BODY, headers=headers).status_code == 421


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_with_the_token_the_tools_are_listed(url: str, mode: str) -> None:
    with anyio.fail_after(120):
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            assert len((await client.list_tools()).tools) == 20
