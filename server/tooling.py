"""Turn a plain tool function into an MCP tool: context injected, schema shortened, errors translated."""

import base64
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import anyio.from_thread
import anyio.to_thread
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent, ToolAnnotations

from novaforge.server.errors import as_tool_error
from novaforge.server.schemas import slim_input, slim_output
from novaforge.server.state import AppState
from novaforge.tools.results import ToolResult

Work = Callable[..., ToolResult]


@dataclass(frozen=True)
class ToolSpec:
    """What the server says about a tool; the work itself is a plain function."""

    name: str
    description: str
    toolset: str
    work: Work | None = None
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = True
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def annotations(self) -> ToolAnnotations:
        """The hints a client may show; never a gate. What a read-only hint implies is left out."""
        if self.read_only:
            closed = None if self.open_world else False
            return ToolAnnotations(read_only_hint=True, open_world_hint=closed)
        return ToolAnnotations(
            read_only_hint=False,
            destructive_hint=self.destructive,
            idempotent_hint=self.idempotent,
            open_world_hint=self.open_world,
        )


def make_tool(spec: ToolSpec, function: Callable[..., Awaitable[CallToolResult]], result: type[ToolResult]) -> Tool:
    """Build the MCP tool with short schemas."""
    tool = Tool.from_function(function, name=spec.name, description=spec.description, annotations=spec.annotations)
    tool.parameters = slim_input(tool.parameters, dict(spec.texts))
    tool.fn_metadata.output_schema = slim_output(tool.fn_metadata.output_schema or {})
    return tool


def wrap(spec: ToolSpec, state: AppState) -> Tool:
    """Wrap a plain function of tools/ as an MCP tool."""
    work = spec.work
    assert work is not None, spec.name
    result = _result_type(work)

    async def call(mcp: Context[Any, Any], **arguments: Any) -> CallToolResult:
        try:
            job = partial(_run, state, work, mcp, arguments)
            return to_result(await anyio.to_thread.run_sync(job, abandon_on_cancel=spec.read_only))
        except Exception as error:  # noqa: BLE001 - the one place where a failure becomes a result
            return as_tool_error(error, spec.name)

    _borrow_signature(call, work, result)
    return make_tool(spec, call, result)


def _run(state: AppState, work: Work, mcp: Context[Any, Any], arguments: dict[str, Any]) -> ToolResult:
    outcome = work(state.context(progress_of(mcp)), **arguments)
    outcome.sandbox = state.settings.sandbox
    return outcome


def progress_of(mcp: Context[Any, Any]) -> Callable[[float, float | None, str], None]:
    """Return a reporter that worker threads may call."""

    def report(done: float, total: float | None, message: str) -> None:
        anyio.from_thread.run(mcp.report_progress, done, total, message)

    return report


def to_result(outcome: ToolResult) -> CallToolResult:
    """Return structured content, a short text for people, and the images."""
    content: list[ContentBlock] = [TextContent(type="text", text=outcome.text())]
    for png in outcome.images:
        content.append(ImageContent(type="image", data=base64.b64encode(png).decode(), mime_type="image/png"))
    return CallToolResult(content=content, structured_content=outcome.model_dump(mode="json"))


def _result_type(work: Work) -> type[ToolResult]:
    returned = inspect.signature(work, eval_str=True).return_annotation
    assert isinstance(returned, type) and issubclass(returned, ToolResult), work
    return returned


def _borrow_signature(call: Callable[..., Any], work: Work, result: type[ToolResult]) -> None:
    """Give the wrapper the work's own parameters, with MCP's context in place of ours."""
    original = inspect.signature(work, eval_str=True)
    own = [p for p in original.parameters.values() if p.name != "ctx"]
    mcp = inspect.Parameter("mcp", inspect.Parameter.KEYWORD_ONLY, annotation=Context)
    returns = Annotated[CallToolResult, result]
    call.__signature__ = inspect.Signature([*own, mcp], return_annotation=returns)  # type: ignore[attr-defined]  # read by the SDK
    call.__annotations__ = {p.name: p.annotation for p in own} | {"mcp": Context, "return": returns}
