"""What a client may attach to a conversation: plans, jobs, reports, the catalog and the audit tail, all read-only."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError

from novaforge.guards.errors import NovaForgeError
from novaforge.server.state import AppState

JSON = "application/json"


def add_resources(server: MCPServer, state: AppState) -> None:
    """Register the resources and their templates."""
    _add(server, "novaforge://plans", "Open plans", partial(_reading, "plans", state))
    _add(server, "novaforge://jobs", "Jobs", partial(_reading, "jobs", state))
    _add(server, "novaforge://catalog", "What works now, with prices", partial(_reading, "catalog", state))
    _add(server, "novaforge://audit", "The last lines of the audit log", partial(_reading, "audit", state))
    _add_template(server, "novaforge://plans/{key}", "One plan", partial(_reading, "plan", state))
    _add_template(server, "novaforge://jobs/{key}", "One job as last seen", partial(_reading, "job", state))
    _add_template(
        server, "novaforge://reports/{key}", "The evaluation report of a job", partial(_reading, "report", state)
    )


def _add(server: MCPServer, uri: str, title: str, read: Callable[[], Any]) -> None:
    async def load() -> str:
        return await _in_thread(read)

    server.resource(uri, name=uri.removeprefix("novaforge://"), title=title, mime_type=JSON)(load)


def _add_template(server: MCPServer, uri: str, title: str, read: Callable[[str], Any]) -> None:
    async def load(key: str) -> str:
        return await _in_thread(partial(read, key))

    server.resource(uri, name=uri.removeprefix("novaforge://").replace("/{key}", ""), title=title, mime_type=JSON)(load)


async def _in_thread(read: Callable[[], Any]) -> str:
    try:
        value = await anyio.to_thread.run_sync(read)
    except NovaForgeError as error:
        raise ResourceError(error.as_text()) from error
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _reading(name: str, state: AppState, *key: str) -> Any:
    from novaforge.server import reading  # here: pulls in most tools, which a start does not need

    return getattr(reading, name)(state, *key)
