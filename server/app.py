"""Assemble the MCP server."""

import os
from dataclasses import replace
from importlib import resources
from importlib.metadata import PackageNotFoundError, version

from mcp.server import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.server.request_state import RequestStateSecurity

from novaforge.server.middleware import checked_prompts, strict_arguments
from novaforge.server.playbooks import add_prompts, known_playbooks
from novaforge.server.resources import add_resources
from novaforge.server.settings import Settings
from novaforge.server.state import AppState
from novaforge.server.tooling import DeferredTool, Schemas, ToolSpec, defer, make_tool, published, wrap
from novaforge.server.toolspecs import TOOLS

NAME = "novaforge-mcp"
STOPS_DATA_JOBS = "Stop a data job (data-...); it leaves nothing half-written. This server stops no other jobs."
THINKING_TIME_S = 1800
"""How long a person may take to answer a question before it has to be asked again."""


def build_server(settings: Settings, state: AppState | None = None) -> MCPServer:
    """Return the server with its tools, prompts and resources; opens and contacts nothing."""
    state = state or AppState(settings)
    schemas = published()
    tools: list[Tool] = [_deferred(spec, state, schemas) for spec in offered(settings)]
    prompts = known_playbooks()
    server = MCPServer(
        NAME,
        title="novaforge",
        description="Fine-tunes Amazon Nova with a price before launch and a person's approval for everything costly.",
        instructions=instructions(),
        version=own_version(),
        tools=tools,
        log_level="WARNING",
        request_state_security=RequestStateSecurity(keys=[os.urandom(32)], ttl=THINKING_TIME_S),
        middleware=[
            strict_arguments(tools),
            checked_prompts(prompts),
        ],
    )
    add_prompts(server, prompts, state)
    add_resources(server, state)
    return server


def offered(settings: Settings) -> list[ToolSpec]:
    """Return the tools this server shows: its toolsets, without the changing ones when AWS is read-only.

    stop_job stays there, for passes over data only: it then changes nothing outside this server.
    """
    hidden = set() if settings.writes_allowed else {"apply_plan"}
    if settings.read_only:
        hidden.add("transform_dataset")
    shown = [spec for spec in TOOLS if spec.toolset in settings.toolsets and spec.name not in hidden]
    return (
        shown if settings.writes_allowed else [_only_data(spec) if spec.name == "stop_job" else spec for spec in shown]
    )


def _only_data(spec: ToolSpec) -> ToolSpec:
    return replace(spec, description=STOPS_DATA_JOBS, read_only=True)


def instructions() -> str:
    """Return what every client shows the model about this server."""
    return resources.files("novaforge.server").joinpath("instructions.md").read_text(encoding="utf-8")


def own_version() -> str:
    """Return the installed version of novaforge-mcp."""
    try:
        return version(NAME)
    except PackageNotFoundError:
        return "0+source"


def build_tool(spec: ToolSpec, state: AppState) -> Tool:
    """Return a tool with its code imported and its schemas made from that code."""
    if spec.name == "apply_plan":
        from novaforge.server.consent import ApplyResult, make_apply_tool  # here: not needed before its first call

        return make_tool(spec, make_apply_tool(state.context), ApplyResult)
    return wrap(spec, state)


def _deferred(spec: ToolSpec, state: AppState, schemas: Schemas) -> DeferredTool:
    return defer(spec, schemas, lambda: build_tool(spec, state))
