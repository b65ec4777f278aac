"""apply_plan through an MCP client, in both protocol eras: every kind of answer and every way around the question."""

import json
import re
import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.request_state import RequestStateSecurity
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult

from novaforge.guards.consent import prompt_sha256, question
from novaforge.guards.plan import Plan
from novaforge.guards.policy import Policy
from novaforge.server.consent import _still_working, make_apply_tool
from novaforge.server.middleware import strict_arguments
from novaforge.tools.context import Progress, ToolContext
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.world import World

pytestmark = pytest.mark.anyio
RIGHT: dict[str, str | int | float | bool | list[str] | None] = {"decision": "approve", "typed_amount": "$393.28"}


LONG_S = 300.0
"""Nothing here takes a second on a quiet machine; on a busy one it may."""


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Person:
    """Answers the same to every question, and remembers what was asked."""

    def __init__(self, action: Any = "accept", content: Any = None) -> None:
        self.action = action
        self.content = content
        self.asked: list[str] = []
        self.schemas: list[Any] = []

    async def __call__(self, ctx: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        self.schemas.append(params.requested_schema)
        return ElicitResult(action=self.action, content=self.content)


def server(world: "World", *, strict: bool = False) -> MCPServer:
    def open_context(progress: Progress) -> ToolContext:
        return world.ctx(progress=progress)

    tool = Tool.from_function(make_apply_tool(open_context), name="apply_plan")
    return MCPServer(
        "gate",
        tools=[tool],
        log_level="ERROR",
        request_state_security=RequestStateSecurity(keys=[b"k" * 32]),
        middleware=[strict_arguments([tool])] if strict else [],
    )


def client(world: "World", era: str, person: Any = None, *, strict: bool = False) -> Client:
    return Client(server(world, strict=strict), mode=era, elicitation_callback=person)


async def call(connected: Client, plan: Plan, **more: Any) -> dict[str, Any]:
    with anyio.fail_after(LONG_S):
        result = await connected.call_tool("apply_plan", {"plan_id": plan.plan_id}, **more)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def test_the_right_amount_starts_the_plan_once(world: "World", era: str) -> None:
    plan = world.store(world.train())
    person = Person(content=RIGHT)
    async with client(world, era, person) as connected:
        first = await call(connected, plan)
        second = await call(connected, plan)
    assert (first["status"], second["status"]) == ("started", "already_started")
    assert first["job_id"] == second["job_id"] == world.aws.made()[0]
    assert person.asked == [question(plan)]
    approval = world.ledger.approval(plan.digest)
    assert approval is not None
    assert (approval.channel, approval.typed_value, approval.prompt_sha256) == (
        "elicit-form",
        "$393.28",
        prompt_sha256(plan),
    )
    assert approval.requester != ""


async def test_the_form_has_two_required_fields_and_no_defaults(world: "World", era: str) -> None:
    plan = world.store(world.train())
    person = Person("cancel")
    async with client(world, era, person) as connected:
        await call(connected, plan)
    (schema,) = person.schemas
    assert sorted(schema["required"]) == ["decision", "typed_amount"]
    assert schema["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert "default" not in json.dumps(schema)
    assert set(schema) <= {"type", "properties", "required", "title", "description", "$schema"}


@pytest.mark.parametrize("typed", ["$393.27", "393", "yes", "", "$1,393.28", "-393.28"])
async def test_a_wrong_amount_starts_nothing_and_leaves_the_plan_open(world: "World", era: str, typed: str) -> None:
    plan = world.store(world.train())
    async with client(world, era, Person(content={"decision": "approve", "typed_amount": typed})) as connected:
        result = await call(connected, plan)
    assert result["status"] == "rejected"
    assert "stays open" in result["error"]
    assert world.state(plan) == "planned"
    assert world.aws.made() == []
    async with client(world, era, Person(content=RIGHT)) as connected:
        assert (await call(connected, plan))["status"] == "started"


async def test_reject_closes_the_plan(world: "World", era: str) -> None:
    plan = world.store(world.train())
    person = Person(content={"decision": "reject", "typed_amount": "$393.28"})
    async with client(world, era, person) as connected:
        assert (await call(connected, plan))["status"] == "rejected"
        assert (await call(connected, plan))["status"] == "rejected"
    assert len(person.asked) == 1
    assert world.state(plan) == "rejected"
    assert world.aws.made() == []


@pytest.mark.parametrize("content", [{}, None, {"decision": "approve"}, {"typed_amount": "$393.28"}])
async def test_an_empty_or_half_accept_is_an_error_and_starts_nothing(world: "World", era: str, content: Any) -> None:
    plan = world.store(world.train())
    async with client(world, era, Person(content=content)) as connected:
        result = await connected.call_tool("apply_plan", {"plan_id": plan.plan_id})
    assert result.is_error
    assert world.state(plan) == "planned"
    assert world.aws.made() == []


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_decline_and_cancel_answer_with_the_terminal_command(world: "World", era: str, action: str) -> None:
    plan = world.store(world.train())
    async with client(world, era, Person(action)) as connected:
        result = await call(connected, plan)
    assert result["status"] == "approval_required"
    assert result["how"] == f"novaforge-mcp approve --state s {plan.plan_id}"
    assert result["job_id"] is None
    assert world.state(plan) == "planned"
    assert world.aws.made() == []


async def test_a_client_that_cannot_ask_gets_the_terminal_command(world: "World", era: str) -> None:
    plan = world.store(world.train())
    async with client(world, era) as connected:
        result = await call(connected, plan)
        assert result["status"] == "approval_required"
        assert "cannot ask" in result["error"]
        world.approve(plan)
        assert (await call(connected, plan))["status"] == "started"


async def test_after_three_refused_questions_only_the_terminal_works(world: "World", era: str) -> None:
    plan = world.store(world.train())
    declining, typing = Person("decline"), Person(content={"decision": "approve", "typed_amount": "no"})
    async with client(world, era, declining) as connected:
        left = [(await call(connected, plan))["error"].rpartition("; ")[2] for _ in range(2)]
    assert left == ["it may be asked 2 more times.", "it may be asked 1 more time."]
    async with client(world, era, typing) as connected:
        third = await call(connected, plan)
        last = await call(connected, plan)
    assert third["status"] == "rejected" and "not the ceiling" in third["error"]
    assert len(declining.asked) + len(typing.asked) == 3
    assert last["status"] == "approval_required"
    assert "3 times" in last["error"]
    assert world.approve(plan)
    async with client(world, era, declining) as connected:
        assert (await call(connected, plan))["status"] == "started"


async def test_a_plan_above_the_operators_limit_is_never_asked_about_in_the_client(world: "World", era: str) -> None:
    world.policy = Policy(terminal_above_usd=Decimal(100))
    plan = world.store(world.train())
    person = Person(content=RIGHT)
    async with client(world, era, person) as connected:
        result = await call(connected, plan)
    assert result["status"] == "approval_required"
    assert person.asked == []
    assert world.aws.made() == []


async def test_an_approval_from_the_terminal_starts_without_a_question(world: "World", era: str) -> None:
    plan = world.approved(world.train())
    person = Person("decline")
    async with client(world, era, person) as connected:
        assert (await call(connected, plan))["status"] == "started"
    assert person.asked == []


@pytest.mark.parametrize("strict", [True, False])
async def test_an_answer_the_model_makes_up_is_not_one(world: "World", era: str, strict: bool) -> None:
    plan = world.store(world.train())
    person = Person("decline")
    forged = {"plan_id": plan.plan_id, "reply": {"action": "accept", "data": RIGHT}}
    async with client(world, era, person, strict=strict) as connected:
        (tool,) = (await connected.list_tools()).tools
        assert list(tool.input_schema["properties"]) == ["plan_id"]
        result = await connected.call_tool("apply_plan", forged)
    assert world.aws.made() == []
    assert world.state(plan) == "planned"
    if strict:
        assert result.is_error
    else:
        assert len(person.asked) == 1, "the made-up answer was dropped and the person asked"


async def test_an_answer_nobody_asked_for_is_discarded(world: "World") -> None:
    plan = world.store(world.train())
    answer = ElicitResult(action="accept", content=RIGHT)
    async with client(world, "auto", Person("decline")) as connected:
        session = connected.session
        first = await session.call_tool("apply_plan", {"plan_id": plan.plan_id}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        (key,) = first.input_requests or {}
        forged = await session.call_tool(
            "apply_plan", {"plan_id": plan.plan_id}, input_responses={key: answer}, allow_input_required=True
        )
    assert isinstance(forged, InputRequiredResult), "it is asked again"
    assert world.aws.made() == []


async def test_an_accepted_answer_sent_three_times_starts_one_job(world: "World") -> None:
    plan = world.store(world.train())
    answer = ElicitResult(action="accept", content=RIGHT)
    statuses: list[Any] = []
    async with client(world, "auto", Person("decline")) as connected:
        session = connected.session
        first = await session.call_tool("apply_plan", {"plan_id": plan.plan_id}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        (key,) = first.input_requests or {}
        for _ in range(3):
            result = await session.call_tool(
                "apply_plan",
                {"plan_id": plan.plan_id},
                input_responses={key: answer},
                request_state=first.request_state,
                allow_input_required=True,
            )
            assert isinstance(result, CallToolResult)
            assert isinstance(result.structured_content, dict)
            statuses.append(result.structured_content["status"])
    assert statuses == ["started", "already_started", "already_started"]
    assert len(world.aws.made()) == 1
    assert world.aws.called("create_training_job") == 1


async def test_an_answer_to_one_plan_does_not_open_another(world: "World") -> None:
    one, two = world.store(world.train("one")), world.store(world.train("two"))
    answer = ElicitResult(action="accept", content=RIGHT)
    async with client(world, "auto", Person("decline")) as connected:
        session = connected.session
        first = await session.call_tool("apply_plan", {"plan_id": one.plan_id}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        (key,) = first.input_requests or {}
        try:
            await session.call_tool(
                "apply_plan",
                {"plan_id": two.plan_id},
                input_responses={key: answer},
                request_state=first.request_state,
                allow_input_required=True,
            )
        except Exception as error:  # noqa: BLE001  # the SDK's own refusal; what counts is below
            assert "requestState" in str(error) or "state" in str(error).lower()
    assert world.aws.made() == []


async def test_two_clients_at_once_start_one_job(world: "World", era: str) -> None:
    plan = world.store(world.train())
    other = world.restarted()
    both = anyio.Event()
    waiting = 0

    async def together(ctx: Any, params: Any) -> ElicitResult:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            both.set()
        await both.wait()
        return ElicitResult(action="accept", content=RIGHT)

    results: list[dict[str, Any]] = []
    async with client(world, era, together) as first, client(other, era, together) as second:

        async def run(connected: Client) -> None:
            results.append(await call(connected, plan))

        async with anyio.create_task_group() as group:
            group.start_soon(run, first)
            group.start_soon(run, second)
    assert sorted(result["status"] for result in results) == ["already_started", "started"], results
    assert results[0]["job_id"] == results[1]["job_id"]
    assert world.aws.called("create_training_job") == 1


async def test_a_plan_that_expires_while_the_person_thinks_is_refused(world: "World", era: str) -> None:
    plan = world.store(world.train())

    async def slow(ctx: Any, params: Any) -> ElicitResult:
        world.pass_time(minutes=31)
        return ElicitResult(action="accept", content=RIGHT)

    async with client(world, era, slow) as connected:
        result = await call(connected, plan)
    assert result["status"] == "refused"
    assert "expired" in result["error"]
    assert world.aws.made() == []


async def test_a_plan_superseded_while_the_person_thinks_is_refused(world: "World", era: str) -> None:
    plan, other = world.store(world.train()), world.approved(world.train())

    async def slow(ctx: Any, params: Any) -> ElicitResult:
        apply(world.restarted().ctx(), other.plan_id, pace=Pace(0))
        return ElicitResult(action="accept", content=RIGHT)

    async with client(world, era, slow) as connected:
        result = await call(connected, plan)
    assert result["status"] == "refused"
    assert len(world.aws.made()) == 1


async def test_input_changed_while_the_person_thinks_makes_the_plan_stale(world: "World", era: str) -> None:
    from novaforge.guards.plan import Precondition
    from novaforge.tools.plans.preconditions import READERS

    body = world.train()
    data = str(world.folder / "train.jsonl")
    expected = READERS["object"](world.ctx(), {"uri": data})
    kept = Precondition(name="data", kind="object", target={"uri": data}, expected=expected)
    plan = world.store(body.model_copy(update={"preconditions": (kept,)}))

    async def slow(ctx: Any, params: Any) -> ElicitResult:
        (world.folder / "train.jsonl").write_text("other\n", encoding="utf-8")
        return ElicitResult(action="accept", content=RIGHT)

    async with client(world, era, slow) as connected:
        result = await call(connected, plan)
    assert result["status"] == "stale"
    assert {item["path"] for item in result["differences"]} == {"$.bytes", "$.sha256"}
    assert world.aws.made() == []


async def test_a_tampered_plan_row_is_an_error_that_says_so_and_nobody_is_asked(world: "World", era: str) -> None:
    from sqlalchemy import text

    plan = world.store(world.train())
    database = getattr(world.ledger, "database")  # noqa: B009  # not part of the Ledger protocol
    with database.write() as connection:
        connection.execute(text("UPDATE plans SET payload = replace(payload, '393.28', '3.28')"))
    person = Person(content={"decision": "approve", "typed_amount": "$3.28"})
    async with client(world, era, person) as connected:
        result = await connected.call_tool("apply_plan", {"plan_id": plan.plan_id})
    assert result.is_error
    assert "changed in the ledger" in str(result.content)
    assert person.asked == []
    assert world.aws.made() == []


async def test_an_unknown_plan_is_an_error_the_model_can_repair(world: "World", era: str) -> None:
    async with client(world, era, Person()) as connected:
        result = await connected.call_tool("apply_plan", {"plan_id": "plan_x\x1b[31m"})
    assert result.is_error
    assert "get_plan" in str(result.content)


async def test_a_read_only_server_refuses_without_asking(world: "World", era: str) -> None:
    world.mode = replace(world.mode, writes_allowed=False)
    plan = world.store(world.train())
    person = Person(content=RIGHT)
    async with client(world, era, person) as connected:
        result = await call(connected, plan)
    assert result["status"] == "refused"
    assert "--allow-write" in result["error"]
    assert person.asked == []


async def test_a_sandbox_plan_asks_exactly_as_a_real_one_does(world: "World", era: str) -> None:
    world.mode = replace(world.mode, sandbox=True)
    plan = world.store(world.train(sandbox=True))
    person = Person(content=RIGHT)
    async with client(world, era, person) as connected:
        result = await call(connected, plan)
    assert (result["status"], result["sandbox"]) == ("started", True)
    assert "sandbox: no real money" in person.asked[0]


async def test_a_cancelled_call_does_not_break_off_between_intent_and_record(world: "World", era: str) -> None:
    plan = world.approved(world.train())
    inside = anyio.Event()

    def announce(reached: str) -> None:
        if reached == "before_call:training-job":
            anyio.from_thread.run_sync(inside.set)

    world.checkpoint = announce
    async with client(world, era) as connected:
        with anyio.fail_after(LONG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(call, connected, plan)
                await inside.wait()
                group.cancel_scope.cancel()
            while world.state(plan) != "submitted":
                await anyio.lowlevel.checkpoint()
    assert len(world.aws.made()) == 1


class Stall:
    """Holds an apply at a checkpoint until it is released; `reached` tells that it is held."""

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint
        self.reached = threading.Event()
        self.released = threading.Event()

    def __call__(self, name: str) -> None:
        if name == self.checkpoint:
            self.reached.set()
            self.released.wait(LONG_S)


def hurried(world: "World") -> MCPServer:
    """Return a server that answers almost at once, done or not."""
    made = MCPServer("gate", log_level="ERROR")
    made.add_tool(
        make_apply_tool(lambda progress: world.ctx(progress=progress), answer_within_s=0.2), name="apply_plan"
    )
    return made


async def held(connected: Client, plan: Plan, stall: Stall) -> list[str]:
    """Call until an apply is held, since on a busy machine one may not even have begun in time; returns what was said."""
    said: list[str] = []
    with anyio.fail_after(LONG_S):
        while not stall.reached.is_set():
            said.append((await call(connected, plan))["error"])
    return said


async def submitted(world: "World", plan: Plan) -> None:
    with anyio.fail_after(LONG_S):
        while world.state(plan) != "submitted":
            await anyio.lowlevel.checkpoint()


async def test_an_apply_that_takes_too_long_is_reported_and_goes_on(world: "World", era: str) -> None:
    plan = world.approved(world.train())
    stall = world.checkpoint = Stall("before_call:training-job")
    try:
        async with Client(hurried(world), mode=era) as hasty, client(world, era) as patient:
            assert "It is still being" in (await held(hasty, plan, stall))[0]
            again = await call(patient, plan)
            assert (again["status"], again["error"]) == (
                "already_started", "Another call is carrying it out at this moment.",
            )  # fmt: skip
            stall.released.set()
            await submitted(world, plan)
    finally:
        stall.released.set()
    assert world.aws.called("create_training_job") == 1


def test_what_is_said_of_a_slow_apply_depends_on_whether_it_has_begun(world: "World") -> None:
    plan = world.approved(world.train())
    before = _still_working(lambda progress: world.ctx(), plan.plan_id)
    assert world.ledger.begin(plan.digest, world.clock())
    after = _still_working(lambda progress: world.ctx(), plan.plan_id)
    assert (before.status, after.status) == ("started", "started")
    assert "nothing was sent yet" in before.error and after.error == "It is still being carried out."


async def test_comparing_with_the_plan_that_takes_too_long_is_reported_as_that(world: "World", era: str) -> None:
    plan = world.approved(world.train())
    stall = world.checkpoint = Stall("before_begin")
    try:
        async with Client(hurried(world), mode=era) as hasty:
            said = [*await held(hasty, plan, stall), (await call(hasty, plan))["error"]]
            assert all("nothing was sent yet" in text for text in said)
            assert world.aws.made() == []
            stall.released.set()
            await submitted(world, plan)
    finally:
        stall.released.set()
    assert world.aws.called("create_training_job") == 1


async def test_progress_is_told_to_a_client_that_asked_for_it(world: "World", era: str) -> None:
    plan = world.approved(world.train())
    seen: list[str | None] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(message)

    async with client(world, era) as connected:
        await call(connected, plan, progress_callback=note)
    assert "training-job" in seen


async def test_the_text_for_people_says_the_same_as_the_structure(world: "World", era: str) -> None:
    plan = world.store(world.train())
    async with client(world, era) as connected:
        result = await connected.call_tool("apply_plan", {"plan_id": plan.plan_id})
    text = str(result.content[0])
    assert "approval_required" in text
    assert re.search(r"ceiling \$393\.28", text)
    assert f"novaforge-mcp approve --state s {plan.plan_id}" in text


def test_what_can_be_asked_is_told_from_capabilities_form_mode_and_the_way_back() -> None:
    from types import SimpleNamespace as Fake
    from typing import cast

    from novaforge.server.consent import can_ask

    def mcp(elicitation: Any, version: str, back: bool) -> Context[Any, Any]:
        capabilities = Fake(elicitation=elicitation)
        made = Fake(client_capabilities=capabilities, protocol_version=version, session=Fake(can_send_request=back))
        return cast(Context[Any, Any], made)

    both, url, bare = Fake(form={}, url=None), Fake(form=None, url={}), Fake(form=None, url=None)
    assert can_ask(mcp(both, "2026-07-28", False)) is None
    assert can_ask(mcp(bare, "2026-07-28", False)) is None
    assert can_ask(mcp(both, "2025-11-25", True)) is None
    assert can_ask(mcp(both, "2025-11-25", False)) == "this connection has no way back to the client"
    assert can_ask(mcp(url, "2026-07-28", False)) == "this client cannot show forms"
    assert can_ask(mcp(None, "2026-07-28", False)) == "this client cannot ask questions"
