"""A yes given by another client between two readings of this one counts, and is never taken back."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from mcp.server.elicitation import AcceptedElicitation

from novaforge.guards.consent import Answer, ceiling_text
from novaforge.server.consent import apply_with_reply
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from novaforge.guards.plan import Plan
    from tests.gate.world import World


def approve_at_reading(world: "World", plan: "Plan", which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another client's approval arrive right after this client has read that there is none."""
    read, seen = world.ledger.approval, 0

    def approval(digest: str) -> Any:
        nonlocal seen
        before, seen = read(digest), seen + 1
        if seen == which:
            assert world.approve(plan)
        return before

    monkeypatch.setattr(world.ledger, "approval", approval)


@pytest.mark.parametrize("which", [1, 2])
def test_an_approval_that_arrives_between_two_readings_starts_the_plan(
    world: "World", monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    plan = world.store(world.train())
    approve_at_reading(world, plan, which, monkeypatch)
    first = apply(world.ctx(), plan.plan_id, pace=Pace(0))
    assert world.state(plan) != "planned", "a valid approval was taken back"
    assert first.status in {"started", "approval_required"}
    assert apply(world.ctx(), plan.plan_id, pace=Pace(0)).status in {"started", "already_started"}
    assert world.aws.called("create_training_job") == 1


def test_an_answer_given_while_another_client_approves_joins_that_start(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.store(world.train())
    approve_at_reading(world, plan, 1, monkeypatch)
    reply: Any = AcceptedElicitation(data=Answer(decision="approve", typed_amount=ceiling_text(plan)))
    assert apply_with_reply(world.ctx(), plan.plan_id, reply, "client").status in {"started", "already_started"}
    assert world.aws.called("create_training_job") == 1


def expired_approval(world: "World") -> "Plan":
    """Return a plan whose approval ran out before the plan did."""
    plan = world.store(world.train())
    assert world.approve(plan, expires_at=world.clock() + timedelta(minutes=10))
    world.pass_time(minutes=15)
    return plan


def test_a_yes_given_while_an_expired_one_is_taken_back_stays(world: "World", monkeypatch: pytest.MonkeyPatch) -> None:
    plan = expired_approval(world)
    reopen = world.ledger.reopen

    def slow(digest: str, approval_id: str, at: Any) -> bool:
        assert reopen(digest, approval_id, at), "another client takes it back first"
        assert world.approve(plan), "and its person approves anew"
        return reopen(digest, approval_id, at)

    monkeypatch.setattr(world.ledger, "reopen", slow)
    apply(world.ctx(), plan.plan_id, pace=Pace(0))
    monkeypatch.undo()
    assert apply(world.ctx(), plan.plan_id, pace=Pace(0)).status in {"started", "already_started"}
    assert world.aws.called("create_training_job") == 1


def test_a_clock_that_is_set_back_revives_no_approval_that_was_taken_back(world: "World") -> None:
    plan = expired_approval(world)
    assert apply(world.ctx(), plan.plan_id, pace=Pace(0)).status == "approval_required"
    world.pass_time(minutes=-10)
    assert apply(world.ctx(), plan.plan_id, pace=Pace(0)).status == "approval_required"
    assert world.state(plan) == "planned"
    world.pass_time(minutes=-6)
    assert world.approve(plan), "the new yes looks older than the one that was taken back"
    assert apply(world.ctx(), plan.plan_id, pace=Pace(0)).status == "started"
    assert world.aws.called("create_training_job") == 1
