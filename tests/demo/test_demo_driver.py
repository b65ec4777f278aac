"""The demo's client asks again after a slip and goes on only when a plan was started."""

from typing import Any, cast

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from novaforge.server.demo.driver import DemoStopped, Driver

PLAN = {"plan_id": "plan_1", "state": "planned"}


class Server:
    """Gives the answers of apply_plan in turn; the plan has the given state in between."""

    def __init__(self, *statuses: str, state: str = "planned") -> None:
        self.statuses = list(statuses)
        self.state = state
        self.called: list[str] = []

    async def call_tool(self, tool: str, arguments: dict[str, Any], **_: Any) -> CallToolResult:
        self.called.append(tool)
        content: dict[str, Any] = {"plan": {"state": self.state}}
        if tool == "apply_plan":
            content = {"status": self.statuses.pop(0), "next_step": "do something else"}
        return CallToolResult(content=[TextContent(type="text", text="said")], structured_content=content)


def driver(server: Server) -> Driver:
    return Driver(cast(Client, server))


@pytest.mark.anyio
async def test_a_mistyped_answer_is_asked_for_again() -> None:
    server = Server("rejected", "approval_required", "started")
    assert (await driver(server).apply(PLAN))["status"] == "started"
    assert server.called.count("apply_plan") == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("server", "asked"),
    [
        (Server("rejected", state="rejected"), 1),
        (Server("stale", state="stale"), 1),
        (Server(*["approval_required"] * 5), 3),
    ],
)
async def test_a_no_or_three_slips_end_the_demo(server: Server, asked: int) -> None:
    with pytest.raises(DemoStopped, match="do something else"):
        await driver(server).apply(PLAN)
    assert server.called.count("apply_plan") == asked


@pytest.mark.anyio
async def test_a_blocked_plan_is_never_applied() -> None:
    server = Server()
    with pytest.raises(DemoStopped, match="blocked"):
        await driver(server).apply(PLAN | {"state": "blocked"})
    assert server.called == []
