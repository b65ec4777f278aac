"""Refuse what a tool does not know by name, instead of dropping it."""

import difflib
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, TextContent

from novaforge.prompts.loader import Playbook, PlaybookError

Schemas = dict[str, dict[str, Any]]


def strict_arguments(schemas: Schemas) -> ServerMiddleware[Any]:
    """Return a middleware that refuses unknown top-level arguments and names the nearest known ones."""

    async def check(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "tools/call" and ctx.params:
            known = schemas.get(str(ctx.params.get("name")))
            given = ctx.params.get("arguments") or {}
            if known is not None and (unknown := [name for name in given if name not in known]):
                return _refusal(str(ctx.params["name"]), unknown, list(known))
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
    lines.append(f"Arguments of {tool}: {', '.join(known) or 'none'}. Nothing was done.")
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], is_error=True)
