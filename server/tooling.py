"""Turn a plain tool function into an MCP tool: context injected, schema shortened, errors translated.

At the start only the published schemas are read (tools.json beside this file); the code behind a tool is imported by its
first call. A test builds every tool and compares.
"""

import base64
import importlib
import inspect
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

import anyio.from_thread
import anyio.to_thread
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent, ToolAnnotations
from pydantic import PrivateAttr

from novaforge.server.errors import as_tool_error
from novaforge.server.schemas import slim_input, slim_output
from novaforge.tools.context import Progress
from novaforge.tools.results import ToolResult

if TYPE_CHECKING:
    from novaforge.server.state import AppState

Work = Callable[..., ToolResult]
Schemas = dict[str, dict[str, dict[str, Any]]]
"""Tool name -> "input" and "output" -> JSON schema."""


@dataclass(frozen=True)
class ToolSpec:
    """What the server says about a tool; `work` names the plain function behind it as folder.module:function of tools/."""

    name: str
    description: str
    toolset: str
    work: str
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = True
    texts: tuple[tuple[str, str], ...] = ()
    becomes_job: bool = False
    """Whether its work goes on as a data job when it takes longer than a call may."""

    def load(self) -> Any:
        """Import the function that does the work."""
        module, _, name = self.work.partition(":")
        return getattr(importlib.import_module(f"novaforge.{module}"), name)

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


class DeferredTool(Tool):
    """A tool known by its published schemas until it is called."""

    _make: Callable[[], Tool] = PrivateAttr()
    _made: Tool | None = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @classmethod
    def of(cls, make: Callable[[], Tool], **shown: Any) -> "DeferredTool":
        """Return a tool with the shown fields that `make` makes when it is called."""
        tool = cls(fn=make, is_async=True, title=None, context_kwarg=None, **shown)
        tool._make = make
        return tool

    def real(self) -> Tool:
        """Return the tool with its code, made once."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Run the real tool."""
        return await self.real().run(arguments, context, convert_result)


def published() -> Schemas:
    """Return the schemas the server shows, as they were written by `make docs`."""
    text = resources.files("novaforge.server").joinpath("tools.json").read_text(encoding="utf-8")
    schemas: Schemas = json.loads(text)
    return schemas


def defer(spec: ToolSpec, schemas: Schemas, make: Callable[[], Tool]) -> DeferredTool:
    """Return a tool that shows its published schemas and is made by its first call."""
    shown = schemas[spec.name]
    return DeferredTool.of(
        make,
        name=spec.name,
        description=spec.description,
        annotations=spec.annotations,
        parameters=shown["input"],
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=shown["output"]),
    )


def make_tool(spec: ToolSpec, function: Callable[..., Awaitable[CallToolResult]], result: type[ToolResult]) -> Tool:
    """Build the MCP tool with short schemas; results are instances of their model, so the SDK need not check them again."""
    tool = Tool.from_function(
        function, name=spec.name, description=spec.description, annotations=spec.annotations, structured_output=False
    )
    tool.parameters = slim_input(tool.parameters, dict(spec.texts))
    tool.fn_metadata.output_schema = output_schema(result)
    return tool


@cache
def output_schema(result: type[ToolResult]) -> dict[str, Any]:
    """Return the short schema of a result model, made once for all tools that return it."""
    return slim_output(result.model_json_schema())


def wrap(spec: ToolSpec, state: "AppState") -> Tool:
    """Wrap a plain function of tools/ as an MCP tool."""
    work = spec.load()
    result = _result_type(work)
    run = partial(run_as_job, spec.name, result) if spec.becomes_job else run_now

    async def call(mcp: Context[Any, Any], **arguments: Any) -> CallToolResult:
        gone = threading.Event()
        try:
            job = partial(run, state, work, progress_of(mcp), arguments, gone.is_set)
            # What is abandoned hears of it through `gone`; what changes something is waited for.
            abandon = spec.read_only or spec.becomes_job
            return to_result(await anyio.to_thread.run_sync(job, abandon_on_cancel=abandon))
        except Exception as error:  # noqa: BLE001 - the one place where a failure becomes a result
            return as_tool_error(error, spec.name)
        finally:
            gone.set()

    _borrow_signature(call, work)
    return make_tool(spec, call, result)


def run_now(
    state: "AppState", work: Work, progress: Progress, arguments: dict[str, Any], gone: Callable[[], bool]
) -> ToolResult:
    """Do the work of a call; `gone` tells it that nobody waits any more."""
    outcome = work(state.context(progress, gone), **arguments)
    outcome.sandbox = state.settings.sandbox
    return outcome


def run_as_job(
    tool: str,
    result: type[Any],
    state: "AppState",
    work: Work,
    progress: Progress,
    arguments: dict[str, Any],
    gone: Callable[[], bool],
) -> ToolResult:
    """Do the work of a call in a data job, and answer with the job's handle when it takes longer than a call may."""
    job = state.data_jobs.run(
        state.context(), tool, arguments, lambda ctx: work(ctx, **arguments), progress=progress, gone=gone
    )
    outcome = job.outcome(result)
    outcome.sandbox = state.settings.sandbox
    return outcome


def progress_of(mcp: Context[Any, Any]) -> Progress:
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


def _borrow_signature(call: Callable[..., Any], work: Work) -> None:
    """Give the wrapper the work's own parameters, with MCP's context in place of ours."""
    original = inspect.signature(work, eval_str=True)
    own = [p for p in original.parameters.values() if p.name != "ctx"]
    mcp = inspect.Parameter("mcp", inspect.Parameter.KEYWORD_ONLY, annotation=Context)
    call.__signature__ = inspect.Signature([*own, mcp], return_annotation=CallToolResult)  # type: ignore[attr-defined]  # read by the SDK
    call.__annotations__ = {p.name: p.annotation for p in own} | {"mcp": Context, "return": CallToolResult}
