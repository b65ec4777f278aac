"""SIGKILL at every named point of an apply, in a real process, then a restart: never two jobs, never a lost one."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.plan import Plan, PlanBody
from novaforge.server.audit import verify
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.outcome import ApplyResult
from novaforge.tools.plans.reconcile import reconcile
from novaforge.tools.plans.run import CHECKPOINTS
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.conftest import Processes
    from tests.gate.world import World

MakeBody = Callable[["World"], PlanBody]
CREATE_KINDS = {
    "sagemaker:training-job": "training-job",
    "sagemaker:model": "model",
    "sagemaker:endpoint-config": "endpoint-config",
    "sagemaker:endpoint": "endpoint",
    "iam:role": "role",
    "lambda:function": "function",
}


@pytest.fixture
def fresh(tmp_path: Path, world: "World", ledger_kind: str) -> Any:
    """Return a maker of worlds, each in a folder and ledger of its own."""
    from sys import modules

    module = modules["gate_world"]
    made: list[Any] = []

    def make() -> Any:
        folder = tmp_path / f"w{len(made)}"
        folder.mkdir()
        made.append(module.World(folder, module.fresh_ledger(ledger_kind, folder)))
        return made[-1]

    yield make
    for other in made:
        other.close()


@pytest.fixture
def ledger_kind() -> str:
    return "sqlite"


def points(world: "World", body: MakeBody, faults: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """Return the checkpoints one undisturbed apply passes, digests left open."""
    plan = prepared(world, body, faults)
    world.seen.clear()
    apply(world.ctx(), plan.plan_id, pace=Pace(0))
    return [re.sub(r"[0-9a-f]{12}", "*", name) for name in dict.fromkeys(world.seen)]


def prepared(world: "World", body: MakeBody, faults: tuple[tuple[str, str], ...] = ()) -> Plan:
    plan = world.approved(body(world))
    for operation, effect in faults:
        world.aws.fault(operation, effect, code="ValidationException")
    return plan


def finish(world: "World", plan: Plan) -> ApplyResult:
    """Restart: settle what is open, apply again, and once more when an endpoint has come up meanwhile."""
    later = world.restarted()
    reconcile(later.ctx())
    result = apply(later.ctx(), plan.plan_id, pace=Pace(0))
    if result.error.endswith("still going on."):
        for name in later.aws.made("endpoint"):
            later.aws.set_status("endpoint", name, "InService")
        result = apply(later.ctx(), plan.plan_id, pace=Pace(0))
    return result


def in_aws(world: "World") -> set[str]:
    return {f"{kind}/{name}" for kind, short in CREATE_KINDS.items() for name in world.aws.made(short)}


def in_ledger(world: "World") -> set[str]:
    return {row.resource_id for row in world.restarted().ledger.resources()}


def check_whole(world: "World", plan: Plan, where: str) -> None:
    """Check what must hold after every crash: ledger and AWS agree, one job at most, the log is whole."""
    assert in_aws(world) == in_ledger(world), where
    assert world.aws.called("create_training_job") <= 1, where
    running = {job.job_id for job in world.restarted().ledger.jobs() if job.phase != "failed"}
    assert running == set(world.aws.made()), where
    assert verify(world.audit_path).ok, where
    execution = world.restarted().ledger.execution(plan.digest)
    assert execution is None or execution.owner == "", where


def killed_everywhere(
    processes: "Processes", fresh: Any, body: MakeBody, check: Callable[["World", Plan, str], None], *, wait_min: int
) -> list[str]:
    names = points(fresh(), body)
    for name in names:
        world = fresh()
        plan = prepared(world, body)
        assert processes.run("apply", world, plan.plan_id, name) == -signal.SIGKILL, name
        if wait_min and name != "before_begin":
            world.pass_time(minutes=wait_min)
        check(world, plan, name)
        check_whole(world, plan, name)
    return names


def training(world: "World") -> PlanBody:
    return world.train()


def deployment(world: "World") -> PlanBody:
    return world.deploy()


def reward(world: "World") -> PlanBody:
    return world.reward()


def cleanup(world: "World") -> PlanBody:
    plan = world.approved(world.deploy("old"))
    apply(world.ctx(), plan.plan_id, pace=Pace(0))
    (name,) = world.aws.made("endpoint")
    world.aws.set_status("endpoint", name, "InService")
    apply(world.ctx(), plan.plan_id, pace=Pace(0))
    return world.clean_up(name)


def ends_submitted(world: "World", plan: Plan, where: str) -> None:
    result = finish(world, plan)
    assert result.status in {"started", "already_started"}, where
    assert result.error == "", where
    assert world.state(plan) == "submitted", where


@pytest.mark.parametrize("ledger_kind", ["sqlite", "postgres"])
def test_a_training_plan_killed_anywhere_ends_with_exactly_one_job(processes: "Processes", fresh: Any) -> None:
    def check(world: "World", plan: Plan, where: str) -> None:
        ends_submitted(world, plan, where)
        assert world.aws.made() == [plan.fill("nf-first-%%DIGEST12%%")], where

    names = killed_everywhere(processes, fresh, training, check, wait_min=0)
    assert {"before_begin", "after_begin", "before_upload", "after_upload"} <= set(names)
    assert {"before_call:training-job", "after_call:training-job", "after_record:training-job"} <= set(names)
    assert names[-2:] == ["before_finish", "after_finish"]


def test_a_training_plan_killed_and_found_too_late_has_its_job_or_none(processes: "Processes", fresh: Any) -> None:
    called = {"after_call:training-job", "after_record:training-job", "before_finish", "after_finish", "before_begin"}

    def check(world: "World", plan: Plan, where: str) -> None:
        result = finish(world, plan)
        if where in called:
            assert world.state(plan) == "submitted", where
            assert len(world.aws.made()) == 1, where
        else:
            assert (result.status, world.state(plan)) == ("refused", "not_created"), where
            assert world.aws.made() == [], where
            assert "closed" in result.error, where

    killed_everywhere(processes, fresh, training, check, wait_min=6)


@pytest.mark.parametrize("body", [deployment, reward, cleanup])
def test_other_plans_killed_anywhere_are_finished_by_the_next_apply(
    processes: "Processes", fresh: Any, body: MakeBody
) -> None:
    killed_everywhere(processes, fresh, body, ends_submitted, wait_min=0)


@pytest.mark.parametrize("body", [deployment, reward])
def test_half_made_plans_found_too_late_are_taken_back_whole(
    processes: "Processes", fresh: Any, body: MakeBody
) -> None:
    def check(world: "World", plan: Plan, where: str) -> None:
        finish(world, plan)
        assert world.state(plan) in {"submitted", "not_created"}, where
        if world.state(plan) == "not_created":
            assert in_aws(world) == set(), where

    killed_everywhere(processes, fresh, body, check, wait_min=6)


def test_a_cleanup_found_too_late_is_finished_because_leaving_half_costs_money(
    processes: "Processes", fresh: Any
) -> None:
    def check(world: "World", plan: Plan, where: str) -> None:
        finish(world, plan)
        assert world.state(plan) == "submitted", where
        assert world.aws.made("endpoint") == [], where

    killed_everywhere(processes, fresh, cleanup, check, wait_min=6)


def test_a_failed_deployment_killed_while_it_is_taken_back_is_taken_back_all_the_same(
    processes: "Processes", fresh: Any
) -> None:
    faults = (("create_endpoint", "refused"),)
    names = points(fresh(), deployment, faults)
    undoing = [name for name in names if "undo" in name]
    assert len(undoing) == 3
    for name in undoing:
        world = fresh()
        plan = prepared(world, deployment, faults)
        assert processes.run("apply", world, plan.plan_id, name) == -signal.SIGKILL
        reconcile(world.restarted().ctx())
        assert world.state(plan) == "failed"
        assert in_aws(world) == set()
        check_whole(world, plan, name)


def test_a_restart_that_is_killed_while_it_settles_is_settled_by_the_next(processes: "Processes", fresh: Any) -> None:
    for name in ("before_undo", "after_undo:sagemaker:model/*", "before_finish"):
        world = fresh()
        plan = prepared(world, deployment)
        at = "before_wait:endpoint" if name == "before_finish" else "after_call:endpoint-config"
        assert processes.run("apply", world, plan.plan_id, at) == -signal.SIGKILL
        world.pass_time(minutes=6)
        for endpoint in world.aws.made("endpoint"):
            world.aws.set_status("endpoint", endpoint, "InService")
        assert processes.run("reconcile", world, plan.plan_id, name) == -signal.SIGKILL
        reconcile(world.restarted().ctx())
        assert world.state(plan) == ("submitted" if name == "before_finish" else "not_created")
        check_whole(world, plan, name)


def test_a_restart_makes_no_call_of_an_interrupted_plan_by_itself(processes: "Processes", fresh: Any) -> None:
    world = fresh()
    plan = prepared(world, training)
    assert processes.run("apply", world, plan.plan_id, "before_call:training-job") == -signal.SIGKILL
    (result,) = reconcile(world.restarted().ctx())
    assert "interrupted" in result.error
    assert world.state(plan) == "submitting"
    assert world.aws.made() == []


def test_looking_in_vain_does_not_make_an_old_interruption_young_again(processes: "Processes", fresh: Any) -> None:
    world = fresh()
    plan = prepared(world, training)
    assert processes.run("apply", world, plan.plan_id, "before_call:training-job") == -signal.SIGKILL
    world.pass_time(minutes=6)
    world.aws.fault("describe_training_job", "unsent")
    reconcile(world.restarted().ctx())
    assert world.state(plan) == "unknown"
    world.pass_time(minutes=1)
    assert apply(world.restarted().ctx(), plan.plan_id, pace=Pace(0)).status == "refused"
    assert world.state(plan) == "not_created"
    assert world.aws.called("create_training_job") == 0


def test_a_job_whose_answer_was_lost_before_the_crash_is_found(processes: "Processes", fresh: Any) -> None:
    world = fresh()
    plan = prepared(world, training)
    world.aws.fault("create_training_job", "lost")
    world.aws.fault("describe_training_job", "unsent")
    assert processes.run("apply", world, plan.plan_id) == 0
    assert world.state(plan) == "unknown"
    reconcile(world.restarted().ctx())
    assert world.state(plan) == "submitted"
    check_whole(world, plan, "lost")


def test_every_named_checkpoint_is_passed_by_some_plan(fresh: Any) -> None:
    passed = {
        name.split(":")[0]
        for body, faults in ((training, ()), (deployment, (("create_endpoint", "refused"),)), (reward, ()))
        for name in points(fresh(), body, faults)
    }
    assert passed == {name.split(":")[0] for name in CHECKPOINTS}
