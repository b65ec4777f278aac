"""Streamable HTTP: loopback unless told otherwise, a bearer token always, and a Host allow-list."""

import hmac
import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

TOKEN_VARIABLE = "NOVAFORGE_HTTP_TOKEN"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


def require_bearer(app: AsgiApp, token: str) -> AsgiApp:
    """Answer 401 to every HTTP request that does not carry the token."""
    expected = f"Bearer {token}".encode()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or hmac.compare_digest(_authorization(scope), expected):
            await app(scope, receive, send)
            return
        headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"A bearer token is required.\n"})

    return guarded


def make_app(server: MCPServer, host: str, port: int, allowed_hosts: tuple[str, ...], token: str) -> AsgiApp:
    """Return the guarded ASGI application of a server."""
    hosts = [*allowed_hosts, *(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))]
    origins = [f"http://{name}" for name in hosts]
    security = TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
    return require_bearer(server.streamable_http_app(transport_security=security, host=host), token)


def run_http(server: MCPServer, host: str, port: int, allowed_hosts: tuple[str, ...]) -> None:
    """Serve until interrupted; the token comes from NOVAFORGE_HTTP_TOKEN or is made and shown once on stderr."""
    import uvicorn  # here: stdio servers do not need it

    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(32)
    if not os.environ.get(TOKEN_VARIABLE):
        print(f"Bearer token for this run: {token}", file=sys.stderr)
    if host not in LOOPBACK:
        print(f"Listening on {host}: other machines can reach this server.", file=sys.stderr)
    print(f"http://{host}:{port}/mcp", file=sys.stderr)
    uvicorn.run(make_app(server, host, port, allowed_hosts, token), host=host, port=port, log_level="warning")


def _authorization(scope: Any) -> bytes:
    for name, value in scope.get("headers", []):
        if name == b"authorization":
            return bytes(value)
    return b""
