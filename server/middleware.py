"""Refuse what a tool does not know by name, instead of dropping it."""

import difflib
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.types import CallToolResult, TextContent

Schemas = dict[str, dict[str, Any]]


def strict_arguments(schemas: Schemas) -> Callable[..., Awaitable[Any]]:
    """Return a middleware that refuses unknown top-level arguments and names the nearest known ones."""

    async def check(ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        if ctx.method == "tools/call" and ctx.params:
            known = schemas.get(str(ctx.params.get("name")))
            given = ctx.params.get("arguments") or {}
            if known is not None and (unknown := [name for name in given if name not in known]):
                return _refusal(str(ctx.params["name"]), unknown, list(known))
        return await call_next(ctx)

    return check


def _refusal(tool: str, unknown: list[str], known: list[str]) -> CallToolResult:
    lines = []
    for name in unknown:
        near = difflib.get_close_matches(name, known, n=2)
        lines.append(f"{tool} has no argument {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else "."))
    lines.append(f"Arguments of {tool}: {', '.join(known) or 'none'}. Nothing was done.")
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], is_error=True)
