"""What a client may attach to a conversation: plans, jobs, reports, the catalog and the audit tail, all read-only."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError

from novaforge.guards.errors import NovaForgeError
from novaforge.server.audit import tail
from novaforge.server.state import AppState
from novaforge.tools.catalog.tool import list_options
from novaforge.tools.plans.tool import SHOWN
from novaforge.tools.plans.view import view_plan

JSON = "application/json"


def add_resources(server: MCPServer, state: AppState) -> None:
    """Register the resources and their templates."""
    _add(server, "novaforge://plans", "Open plans", lambda: _plans(state))
    _add(server, "novaforge://jobs", "Jobs", lambda: [_dump(job) for job in state.ledger.jobs()])
    _add(server, "novaforge://catalog", "What works now, with prices", lambda: _dump(list_options(state.context())))
    _add(server, "novaforge://audit", "The last lines of the audit log", lambda: tail(state.settings.audit_path, 50))
    _add_template(server, "novaforge://plans/{key}", "One plan", partial(_plan, state))
    _add_template(server, "novaforge://jobs/{key}", "One job as last seen", partial(_job, state))
    _add_template(server, "novaforge://reports/{key}", "The evaluation report of a job", partial(_report, state))


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


def _dump(model: Any) -> Any:
    return model.model_dump(mode="json")


def _plans(state: AppState) -> Any:
    records = state.ledger.plans(states=SHOWN)
    return [_dump(view_plan(record)) for record in records]


def _plan(state: AppState, key: str) -> Any:
    record = state.ledger.plan(key)
    return _dump(view_plan(record)) if record else _missing("plan", key)


def _job(state: AppState, key: str) -> Any:
    job = state.ledger.job(key)
    return _dump(job) if job else _missing("job", key)


def _report(state: AppState, key: str) -> Any:
    evaluation = state.ledger.evaluation(key)
    return _dump(evaluation) if evaluation else _missing("report", key)


def _missing(what: str, key: str) -> Any:
    raise ResourceError(f"There is no {what} {key!r} in the ledger.")
