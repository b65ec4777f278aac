"""A paid job never drops out of the ledger, and a cleanup that goes on late touches nothing that is not ours any more."""

from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import NotFoundError, RefusedError
from novaforge.guards.plan import AwsStep, Cost, PlanBody
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.reconcile import reconcile
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.world import World


def invisible(world: "World", monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS not show a job yet, as right after it was made."""
    seen = world.aws.call

    def call(service: str, operation: str, /, **request: Any) -> Any:
        if operation == "describe_training_job":
            raise NotFoundError("not there", operation=operation, code="ResourceNotFound")
        return seen(service, operation, **request)

    monkeypatch.setattr(world.aws, "call", call)


def test_a_name_that_is_taken_by_what_cannot_be_seen_yet_is_unknown_and_not_failed(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "lost")
    with monkeypatch.context() as patch:
        invisible(world, patch)
        result = apply(world.ctx(), plan.plan_id, pace=Pace(0))
    assert world.state(plan) == "unknown"
    assert "make no new plan" in result.next_step
    assert world.ledger.committed_usd(plan.created_at) == plan.cost.ceiling_usd

    assert apply(world.ctx(), plan.plan_id, pace=Pace(0)).status == "already_started"
    assert world.aws.made() == [result.job_id]
    assert [job.phase for job in world.ledger.jobs()] == ["waiting"]


def test_a_process_suspended_before_its_call_does_not_make_it_once_another_closed_the_plan(world: "World") -> None:
    plan = world.approved(world.train())

    def sleep(reached: str) -> None:
        if reached == "before_call:training-job":
            world.checkpoint = lambda name: None
            world.pass_time(minutes=20)
            reconcile(world.restarted().ctx())
            assert world.state(plan) == "not_created"

    world.checkpoint = sleep
    with pytest.raises(RefusedError, match="settled"):
        apply(world.ctx(), plan.plan_id, pace=Pace(0))
    assert world.aws.made() == []


def test_a_call_that_lands_after_its_plan_was_closed_is_still_on_record(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.approved(world.train())
    arrives = world.aws.call

    def late(service: str, operation: str, /, **request: Any) -> Any:
        if operation == "create_training_job":
            world.pass_time(minutes=20)
            reconcile(world.restarted().ctx())
        return arrives(service, operation, **request)

    monkeypatch.setattr(world.aws, "call", late)
    with pytest.raises(RefusedError, match="settled"):
        apply(world.ctx(), plan.plan_id, pace=Pace(0))
    (name,) = world.aws.made()
    assert [(job.job_id, job.phase) for job in world.ledger.jobs()] == [(name, "waiting")]


def taking_apart(world: "World", role: str) -> PlanBody:
    """Return a cleanup that takes a role's policy away and then deletes it."""
    steps = (
        AwsStep(
            name="delete inline policy", service="iam", operation="delete_role_policy",
            request={"RoleName": role, "PolicyName": "logs"},
        ),
        AwsStep(
            name="delete role", service="iam", operation="delete_role", request={"RoleName": role},
            deletes=f"iam:role/{role}",
        ),
    )  # fmt: skip
    return world.body("clean_up", "cleanup", steps, cost=Cost())


def test_a_cleanup_that_goes_on_late_leaves_the_policies_of_a_role_that_is_not_ours_any_more(world: "World") -> None:
    apply(world.ctx(), world.approved(world.reward()).plan_id, pace=Pace(0))
    (role,) = world.aws.made("role")
    plan = world.approved(taking_apart(world, role))

    def stop(reached: str) -> None:
        raise KeyboardInterrupt

    world.checkpoint = lambda name: stop(name) if name == "after_begin" else None
    with pytest.raises(KeyboardInterrupt):
        apply(world.ctx(), plan.plan_id, pace=Pace(0))

    world.pass_time(days=2)
    with world.aws.state() as state:
        state["things"][f"role/{role}"]["tags"] = {"novaforge:plan": "somebody-else"}
    reconcile(world.restarted().ctx())
    with world.aws.state() as state:
        assert state["things"][f"role/{role}"]["policies"] == ["logs"]
    assert world.state(plan) == "failed"
