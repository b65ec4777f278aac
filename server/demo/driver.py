"""An MCP client that shows what it does: every call, every result, every question."""

import base64
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread
from mcp import Client
from mcp.types import CallToolResult, ElicitRequestFormParams, ElicitResult, ImageContent, TextContent

from novaforge.guards.errors import NovaForgeError

Data = dict[str, Any]
Ask = Callable[[str, str], dict[str, Any] | None]
"""(question, exact amount) -> the form's content, or None when nobody is there to answer."""

SHOWN_CHARS = 1600
QUESTIONS = 3
"""How often the person is asked about a plan that a mistyped answer left open; the server asks no more often either."""

CAPTIONS = {
    "get_evaluation": "Confusion matrix of",
    "tail_logs": "Training curve of",
    "compare_evaluations": "Comparison of",
}


class DemoStopped(NovaForgeError):
    """The demo cannot go on: a tool failed, or a plan was not approved."""

    kind = "demo"


@dataclass
class Call:
    """One tool call of the demo, for the report."""

    tool: str
    arguments: Data
    seconds: float
    summary: str


@dataclass
class Driver:
    """Calls tools, prints them, and keeps what the report needs."""

    client: Client
    calls: list[Call] = field(default_factory=list[Call])
    images: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def call(self, tool: str, *, quiet: bool = False, **arguments: Any) -> Data:
        """Call a tool and return its structured content; raises DemoStopped on an error result."""
        given = {name: value for name, value in arguments.items() if value is not None}
        if not quiet:
            say(f"\n> {tool}({', '.join(f'{name}={short(value)}' for name, value in given.items())})")
        began = time.monotonic()
        result = await self.client.call_tool(tool, given, read_timeout_seconds=1800)
        summary = texts(result)
        if result.is_error:
            raise DemoStopped(f"{tool} failed: {summary}")
        if not quiet:
            self.calls.append(Call(tool, given, time.monotonic() - began, summary))
            say(indent(summary))
        self._keep_images(tool, given, result)
        return dict(result.structured_content or {})

    async def apply(self, plan: Data) -> Data:
        """Apply a plan; the server asks the person, again after a slip. Raises DemoStopped unless it started."""
        if plan["state"] == "blocked":
            raise DemoStopped(f"The plan {plan['plan_id']} is blocked; see its findings above.")
        outcome: Data = {}
        for _ in range(QUESTIONS):
            outcome = await self.call("apply_plan", plan_id=plan["plan_id"])
            if outcome["status"] in {"started", "already_started"}:
                return outcome
            now = await self.call("get_plan", quiet=True, plan_id=plan["plan_id"])
            if now["plan"]["state"] != "planned":
                break
        raise DemoStopped(f"apply_plan answered {outcome['status']}: {outcome['next_step']}")

    def _keep_images(self, tool: str, given: Data, result: CallToolResult) -> None:
        for block in result.content:
            if isinstance(block, ImageContent):
                self.images[f"{CAPTIONS.get(tool, tool)} {caption_of(given)}"] = base64.b64decode(block.data)


def caption_of(given: Data) -> str:
    """Name the job or jobs a picture is about."""
    jobs = given.get("job_ids") or [given.get("job_id", "")]
    return ", ".join(str(job).rsplit("-", 1)[0].removeprefix("nf-") for job in jobs)


def make_elicitation(ask: Ask) -> Callable[..., Any]:
    """Return the client's answer to a server's question: asked of the person in the terminal."""

    async def answer(context: Any, params: Any) -> ElicitResult:
        if not isinstance(params, ElicitRequestFormParams):
            return ElicitResult(action="cancel")
        content = await anyio.to_thread.run_sync(ask, params.message, amount_in(params.message))
        return ElicitResult(action="accept", content=content) if content else ElicitResult(action="cancel")

    return answer


def answer_as_person(question: str, amount: str) -> dict[str, Any] | None:
    """Answer as a person would, and say that nobody did."""
    say("\n" + indent(question, "? "))
    say(f"? YES=1 answers for you: approve, {amount}")
    return {"decision": "approve", "typed_amount": amount}


def amount_in(question: str) -> str:
    """Return the ceiling the question asks to be typed: the amount on its line that starts with Ceiling."""
    for line in question.splitlines():
        if line.strip().lower().startswith("ceiling") and "$" in line:
            return line.split("$", 1)[1].split()[0].rstrip(".,;)")
    return ""


def texts(result: CallToolResult) -> str:
    """Return the text blocks of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def short(value: Any) -> str:
    """Write an argument in at most 100 characters."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def indent(text: str, mark: str = "  ") -> str:
    """Indent a text and cap it for the terminal."""
    cut = text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}\n... [{len(text) - SHOWN_CHARS} characters more]"
    return "\n".join(mark + line for line in cut.splitlines())


def say(text: str, *, end: str = "\n") -> None:
    """Print at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()
