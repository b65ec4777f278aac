"""One place where a tool's failure becomes what the model reads."""

import json
import logging

from mcp.types import CallToolResult, TextContent
from pydantic import ValidationError

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.text import clean

logger = logging.getLogger(__name__)


def as_tool_error(error: Exception, tool: str) -> CallToolResult:
    """Turn an exception into an error result: what is wrong, the fix and the data; a crash shows no internals."""
    if isinstance(error, NovaForgeError):
        data = clean(json.dumps(error.as_data(), default=str, ensure_ascii=False), 6000)
        return _error(f"{error.as_text()}\n{data}")
    if isinstance(error, ValidationError):
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
        return _error(f"{tool}: {clean(problems, 1500)}")
    logger.exception("tool %s crashed", tool)
    return _error(
        f"{tool} failed unexpectedly ({type(error).__name__}). The server's log on stderr has the details; nothing was started by this call."
    )


def _error(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
