"""get_plan: one plan with its state, or the open ones."""

from typing import TYPE_CHECKING

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.tool import PlansResult, get_plan
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.world import World


def test_without_an_id_the_open_plans_are_listed_newest_first(world: "World") -> None:
    old = world.store(world.train("old"))
    world.pass_time(minutes=1)
    new, done = world.approved(world.deploy("new")), world.approved(world.train("done"))
    apply(world.ctx(), done.plan_id, pace=Pace(0))
    result = get_plan(world.ctx())
    assert [(line.plan_id, line.state) for line in result.plans] == [
        (new.plan_id, "approved"),
        (old.plan_id, "planned"),
    ]
    assert result.plan is None
    assert old.plan_id in result.text()


def test_no_open_plans_is_said(world: "World") -> None:
    assert "no open plans" in get_plan(world.ctx()).text()


def test_one_plan_comes_as_the_planner_returned_it_with_approval_and_execution(world: "World") -> None:
    plan = world.approved(world.train())
    before = get_plan(world.ctx(), plan_id=plan.plan_id)
    assert before.plan is not None
    assert before.plan["digest"] == plan.digest
    assert before.approval is not None
    assert before.approval["answer"] == "approve"
    assert before.execution is None
    assert "apply_plan" in before.next_step

    world.aws.fault("create_training_job", "refused", code="ResourceLimitExceeded", message="0 Instances")
    apply(world.ctx(), plan.plan_id, pace=Pace(0))
    after = get_plan(world.ctx(), plan_id=plan.plan_id)
    assert after.plans[0].state == "failed"
    assert after.execution is not None
    assert "0 Instances" in str(after.execution["error"])


def test_an_expired_plan_is_shown_as_expired(world: "World") -> None:
    plan = world.store(world.train())
    world.pass_time(minutes=30)
    assert get_plan(world.ctx(), plan_id=plan.plan_id).plans[0].state == "expired"
    assert get_plan(world.ctx()).plans == []


def test_an_unknown_id_is_refused_with_the_way_to_find_one(world: "World") -> None:
    with pytest.raises(InputError, match="no plan"):
        get_plan(world.ctx(), plan_id="plan_x")


def test_the_result_schema_is_short(world: "World") -> None:
    import json

    assert len(json.dumps(PlansResult.model_json_schema())) < 2000
