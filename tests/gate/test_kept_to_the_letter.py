"""What an apply must not do under odd circumstances: delete what it cannot identify, take another's file for its own, go on
late, forget what it made, or let a second worker in."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import ConflictError
from novaforge.guards.values import day_start
from novaforge.server.audit import tail
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.outcome import ApplyResult
from novaforge.tools.plans.reconcile import reconcile
from novaforge.tools.plans.view import view_plan
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from novaforge.guards.plan import Plan
    from tests.gate.world import World

NOT_YET = "The role defined for the function cannot be assumed by Lambda."


class Ended(Exception):
    """Ends an apply as if its process had died there."""


def go(world: "World", plan: "Plan", pace: Pace | None = None) -> ApplyResult:
    return apply(world.ctx(), plan.plan_id, pace=pace or Pace(0))


def ends_at(name: str) -> Any:
    def check(reached: str) -> None:
        if reached == name:
            raise Ended

    return check


def in_service(world: "World") -> None:
    for name in world.aws.made("endpoint"):
        world.aws.set_status("endpoint", name, "InService")


def deployed(world: "World") -> str:
    plan = world.approved(world.deploy())
    return go(world, plan, Pace(30, lambda seconds: in_service(world))).deployment_id or ""


def test_a_cleanup_deletes_nothing_while_it_cannot_read_whose_it_is(world: "World") -> None:
    name = deployed(world)
    plan = world.approved(world.clean_up(name))
    world.aws.fault("describe_endpoint", "refused", code="AccessDeniedException", message="not allowed")
    result = go(world, plan)
    assert "cannot be read" in result.error and "not allowed" in result.error
    assert world.state(plan) == "unknown" and world.aws.called("delete_endpoint") == 0
    assert go(world, plan).status == "started", "the next call can read it"
    assert world.aws.made("endpoint") == []


@pytest.mark.parametrize(("theirs", "status"), [(b"max_steps: 10\n", "started"), (b"max_steps: 99\n", "refused")])
def test_a_file_that_somebody_puts_there_between_the_look_and_the_upload_counts_only_with_the_same_content(
    world: "World", monkeypatch: pytest.MonkeyPatch, theirs: bytes, status: str
) -> None:
    plan = world.approved(world.train())
    call = world.aws.call
    overtakes = [True]

    def overtaken(service: str, operation: str, /, **request: Any) -> Any:
        if operation == "put_object" and overtakes:
            overtakes.clear()
            call(service, operation, **{**request, "Body": theirs})
            raise ConflictError("it exists", operation=operation, code="PreconditionFailed")
        return call(service, operation, **request)

    monkeypatch.setattr(world.aws, "call", overtaken)
    result = go(world, plan)
    assert result.status == status, result.error
    assert len(world.aws.made()) == (1 if status == "started" else 0)


def test_an_approval_that_names_another_plan_does_not_count(world: "World") -> None:
    plan = world.store(world.train())
    assert world.approve(plan, plan_id="plan_of_somebody_else")
    assert go(world, plan).status == "approval_required"
    assert world.aws.made() == []


@pytest.mark.parametrize(
    ("stored_before", "passed", "goes_on"),
    [
        (timedelta(minutes=20), timedelta(minutes=5), True),
        (timedelta(minutes=20), timedelta(minutes=5, seconds=1), False),
        (timedelta(minutes=27), timedelta(minutes=2, seconds=59), True),
        (timedelta(minutes=27), timedelta(minutes=3), False),
    ],
)
def test_an_interrupted_plan_goes_on_within_five_minutes_and_before_it_expires(
    world: "World", stored_before: timedelta, passed: timedelta, goes_on: bool
) -> None:
    plan = world.store(world.train())
    world.pass_time(seconds=stored_before.total_seconds())
    assert world.approve(plan)
    world.checkpoint = ends_at("after_upload")
    with pytest.raises(Ended):
        go(world, plan)
    world.checkpoint = lambda name: None
    world.pass_time(seconds=passed.total_seconds())
    result = go(world, plan)
    assert (result.status, len(world.aws.made())) == (("started", 1) if goes_on else ("refused", 0)), result.error
    assert world.state(plan) == ("submitted" if goes_on else "not_created")


def test_a_function_that_never_becomes_active_is_taken_back_with_its_role(world: "World") -> None:
    plan = world.approved(world.reward())

    def fail(reached: str) -> None:
        if reached == "before_wait:function":
            world.aws.set_status("function", "grader", "Failed")

    world.checkpoint = fail
    result = go(world, plan)
    assert result.status == "refused" and "ended as Failed" in result.error
    assert world.aws.made("function") == [] and world.aws.made("role") == []
    assert world.ledger.resources() == []


def test_a_wait_that_ended_is_not_waited_for_again(world: "World") -> None:
    plan = world.approved(world.deploy())
    world.checkpoint = ends_at("before_finish")
    with pytest.raises(Ended):
        go(world, plan, Pace(30, lambda seconds: in_service(world)))
    world.checkpoint = lambda name: None
    for name in world.aws.made("endpoint"):
        world.aws.set_status("endpoint", name, "Updating")
    assert (go(world, plan).error, world.state(plan)) == ("", "submitted")


def overtaking(world: "World", plan: "Plan") -> tuple[Pace, list[bool]]:
    """Return a pace that sleeps three minutes of the world's time, and how it went when another worker then tried."""
    tries: list[bool] = []

    def sleep(seconds: float) -> None:
        world.pass_time(minutes=3)
        now = world.clock()
        tries.append(world.ledger.lease(plan.digest, "another", now + timedelta(minutes=5), now))
        if len(tries) == 3:
            in_service(world)

    return Pace(300, sleep), tries


def test_while_an_endpoint_is_waited_for_no_other_worker_gets_in(world: "World") -> None:
    plan = world.approved(world.deploy())
    pace, tries = overtaking(world, plan)
    assert go(world, plan, pace).status == "started"
    assert tries == [False, False, False]


def test_while_a_role_is_waited_for_no_other_worker_gets_in(world: "World") -> None:
    plan = world.approved(world.reward())
    world.aws.fault("create_function", "refused", code="InvalidParameterValueException", message=NOT_YET, times=3)
    pace, tries = overtaking(world, plan)
    assert go(world, plan, pace).status == "started"
    assert tries == [False, False, False]


def test_a_plan_shows_bytes_it_sends_by_size_and_hash(world: "World") -> None:
    record = world.ledger.plan(world.store(world.reward()).plan_id)
    assert record is not None
    (function,) = [item for item in view_plan(record).requests if item.get("call") == "lambda:create_function"]
    code = {"bytes": 2, "sha256": "fcab7fcc2b4cffd9bb45003bfc2e468a04ef6f77ca8200a7341f027631584d25"}
    assert isinstance(function["request"], dict)
    assert function["request"]["Code"] == {"ZipFile": code}


def remove_at(world: "World", checkpoint: str, key: str) -> None:
    """Let somebody else delete a thing right before a call."""

    def check(reached: str) -> None:
        if reached == checkpoint:
            with world.aws.state() as state:
                del state["things"][key]

    world.checkpoint = check


def test_what_somebody_deletes_right_before_our_deletion_is_simply_gone(world: "World") -> None:
    name = deployed(world)
    plan = world.approved(world.clean_up(name))
    remove_at(world, f"before_call:delete {name}", f"endpoint/{name}")
    assert (go(world, plan).error, world.state(plan)) == ("", "submitted")
    row = world.ledger.resource(f"sagemaker:endpoint/{name}")
    assert row is not None and row.deleted_at is not None


def test_a_role_that_vanishes_before_its_policy_fails_the_plan(world: "World") -> None:
    plan = world.approved(world.reward())
    remove_at(world, "before_call:policy", f"role/{plan.fill('nf-reward-grader-%%DIGEST12%%')}")
    assert go(world, plan).status == "refused"
    assert world.state(plan) == "failed" and world.aws.made("function") == []
    assert world.ledger.resources() == []


def test_a_server_of_the_other_kind_settles_nothing_it_finds_in_the_ledger(world: "World") -> None:
    plan = world.approved(world.train())
    world.checkpoint = ends_at("before_call:training-job")
    with pytest.raises(Ended):
        go(world, plan)
    world.checkpoint = lambda name: None
    world.pass_time(hours=1)
    (result,) = reconcile(world.ctx(mode=replace(world.mode, sandbox=True)))
    assert (result.status, world.state(plan)) == ("refused", "submitting") and "another mode" in result.error
    (result,) = reconcile(world.ctx())
    assert world.state(plan) == "not_created"


def test_the_day_budget_gets_back_only_what_never_billed(world: "World") -> None:
    cheap = world.approved(world.deploy("one"))
    world.aws.fault("create_endpoint_config", "refused", code="ValidationException")
    assert go(world, cheap).status == "refused"
    assert world.ledger.committed_usd(day_start(world.clock())) == 0, "a model alone bills nothing"
    dear = world.approved(world.deploy("two"))

    def fail(seconds: float) -> None:
        world.aws.set_status("endpoint", dear.fill("nf-two-%%DIGEST12%%"), "Failed")

    assert go(world, dear, Pace(30, fail)).status == "refused"
    assert world.ledger.committed_usd(day_start(world.clock())) == dear.cost.ceiling_usd


@pytest.mark.parametrize(
    ("tag", "ended"), [("somebody-else", "is not ours"), (None, "was never made"), ("ours", "taken back")]
)
def test_the_ledger_keeps_why_a_row_of_a_failed_plan_is_closed(world: "World", tag: str | None, ended: str) -> None:
    plan = world.approved(world.deploy())
    name = plan.fill("nf-chat-%%DIGEST12%%")

    def change(reached: str) -> None:
        if reached == "before_undo" and tag != "ours":
            with world.aws.state() as state:
                del state["things"][f"model/{name}"]
            if tag:
                world.aws.plant("model", name, tag)

    world.checkpoint = change
    world.aws.fault("create_endpoint_config", "refused", code="ValidationException")
    go(world, plan)
    row = world.ledger.resource(f"sagemaker:model/{name}")
    assert row is not None and row.deleted_at is not None
    assert row.detail == {"ended": ended}
    undone = [item["detail"]["resource"] for item in tail(world.audit_path, 100) if item["event"] == "resource.undone"]
    assert undone == ([row.resource_id] if ended == "taken back" else [])
