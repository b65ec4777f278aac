"""Refuse what a tool does not know by name, instead of dropping it."""

import difflib
from collections.abc import Sequence
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, TextContent
from pydantic import ValidationError

from novaforge.guards.text import one_line
from novaforge.prompts.loader import Playbook, PlaybookError
from novaforge.server.tooling import DeferredTool

PROBLEMS_MAX = 5


def strict_arguments(tools: Sequence[Tool]) -> ServerMiddleware[Any]:
    """Return a middleware that refuses arguments a tool does not know, lacks or cannot take, in plain words."""
    by_name = {tool.name: tool for tool in tools}

    async def check(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        tool = by_name.get(str(ctx.params.get("name"))) if ctx.method == "tools/call" and ctx.params else None
        given = (ctx.params or {}).get("arguments") or {}
        if tool is not None and isinstance(given, dict):
            known = list(tool.parameters["properties"])
            if unknown := [name for name in given if name not in known]:
                return _refusal(tool.name, unknown, known)
            try:
                real = tool.real() if isinstance(tool, DeferredTool) else tool
                real.fn_metadata.validate_arguments(given)
            except ValidationError as error:
                return _misfit(tool.name, error)
        return await call_next(ctx)

    return check


def checked_prompts(known: dict[str, Playbook]) -> ServerMiddleware[Any]:
    """Return a middleware that refuses a prompt whose arguments are missing, unknown or unusable, saying which."""

    async def check(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        playbook = known.get(str(ctx.params.get("name"))) if ctx.method == "prompts/get" and ctx.params else None
        if playbook is not None and ctx.params is not None:
            try:
                playbook.render(**(ctx.params.get("arguments") or {}))
            except PlaybookError as error:
                raise MCPError(INVALID_PARAMS, str(error)) from error
        return await call_next(ctx)

    return check


def _refusal(tool: str, unknown: list[str], known: list[str]) -> CallToolResult:
    lines = []
    for name in unknown:
        near = difflib.get_close_matches(name, known, n=2)
        lines.append(f"{tool} has no argument {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else "."))
    return _error([*lines, f"Arguments of {tool}: {', '.join(known) or 'none'}. Nothing was done."])


def _misfit(tool: str, error: ValidationError) -> CallToolResult:
    """Say of each argument what it should be; the validator's own text names classes and a web page of no use here."""
    lines = []
    for problem in error.errors(include_url=False)[:PROBLEMS_MAX]:
        where = ".".join(map(str, problem["loc"]))
        if problem["type"] == "missing":
            lines.append(f"{tool} needs {where}.")
        else:
            wanted = problem["msg"].replace("Input should be", "should be", 1)
            lines.append(f"{tool}: {where} {wanted}, not {one_line(repr(problem['input']), 80)}.")
    return _error([*lines, "Correct the arguments and call again. Nothing was done."])


def _error(lines: list[str]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], is_error=True)
