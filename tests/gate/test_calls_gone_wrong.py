"""Lost answers, taken names, refusals and half-made deployments: never two jobs, never a lost one, nothing foreign touched."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.plan import AwsStep
from novaforge.guards.values import day_start
from novaforge.server.audit import tail
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.outcome import ApplyResult
from novaforge.tools.plans.reconcile import reconcile
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.world import World

CREATES = ("create_model", "create_endpoint_config", "create_endpoint")


def go(world: "World", plan: Any, pace: Pace | None = None) -> ApplyResult:
    return apply(world.ctx(), plan.plan_id, pace=pace or Pace(0))


def events(world: "World") -> list[str]:
    return [str(item["event"]) for item in tail(world.audit_path, 100)]


def endpoint_comes_up(world: "World") -> Pace:
    """Return a pace whose first sleep is the time the endpoint needs."""

    def sleep(seconds: float) -> None:
        for name in world.aws.made("endpoint"):
            world.aws.set_status("endpoint", name, "InService")

    return Pace(30, sleep)


def test_a_lost_answer_is_found_out_and_the_job_adopted(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "lost")
    result = go(world, plan)
    assert result.status == "started"
    assert world.aws.made() == [result.job_id]
    assert world.aws.called("create_training_job") == 1
    assert "resource.adopted" in events(world)


def test_a_call_that_never_arrived_is_made_once_more(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "unsent")
    assert go(world, plan).status == "started"
    assert len(world.aws.made()) == 1


def test_a_job_that_cannot_be_looked_for_is_unknown_and_settled_by_the_next_call(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "lost")
    world.aws.fault("describe_training_job", "unsent")
    result = go(world, plan)
    assert result.status == "started"
    assert "did not confirm" in result.error
    assert "make no new plan" in result.next_step
    assert world.state(plan) == "unknown"
    assert world.ledger.unsettled()

    again = go(world, plan)
    assert again.status == "already_started"
    assert again.job_id == result.job_id
    assert world.state(plan) == "submitted"
    assert world.aws.called("create_training_job") == 1


def test_what_was_seen_of_a_job_meanwhile_survives_its_adoption(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "lost")
    world.aws.fault("describe_training_job", "unsent")
    name = go(world, plan).job_id or ""
    job = world.ledger.job(name)
    assert job is not None
    assert job.phase == "unknown"
    world.ledger.put_job(job.model_copy(update={"phase": "running"}))
    go(world, plan)
    job = world.ledger.job(name)
    assert job is not None
    assert job.phase == "running"


def test_two_unanswered_calls_are_unknown_and_the_next_apply_sends_it_once(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "unsent", times=2)
    assert "did not confirm" in go(world, plan).error
    assert world.state(plan) == "unknown"
    assert go(world, plan).status == "started"
    assert len(world.aws.made()) == 1


def test_an_unknown_job_that_is_not_there_after_the_window_was_not_created(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "unsent", times=2)
    go(world, plan)
    world.pass_time(minutes=6)
    reconcile(world.restarted().ctx())
    assert world.state(plan) == "not_created"
    job = world.ledger.job(plan.fill("nf-first-%%DIGEST12%%"))
    assert job is not None
    assert job.phase == "failed"
    assert job.observed["status"] == "NotCreated"
    assert world.ledger.resources(kind="sagemaker:training-job") == []
    assert world.ledger.committed_usd(day_start(world.clock())) == 0
    assert go(world, plan).status == "refused"
    assert world.aws.made() == []


def test_a_name_taken_by_our_own_earlier_call_is_adopted(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.plant("training-job", plan.fill("nf-first-%%DIGEST12%%"), plan.digest)
    result = go(world, plan)
    assert result.status == "started"
    assert world.aws.called("create_training_job") == 1
    assert len(world.aws.made()) == 1


@pytest.mark.parametrize("tag", ["0" * 64, ""])
def test_a_name_taken_by_somebody_else_raises_an_alarm_and_is_not_touched(world: "World", tag: str) -> None:
    plan = world.approved(world.train())
    name = plan.fill("nf-first-%%DIGEST12%%")
    world.aws.plant("training-job", name, tag)
    result = go(world, plan)
    assert result.status == "refused"
    assert [finding.rule for finding in result.findings] == ["foreign-resource"]
    assert world.state(plan) == "failed"
    assert world.aws.made() == [name]
    assert world.aws.called("stop_training_job") == 0
    assert world.ledger.resources() == []
    assert "resource.foreign" in events(world)


def test_a_refusal_by_aws_fails_the_plan_and_frees_its_budget(world: "World") -> None:
    plan = world.approved(world.train())
    message = "The account-level service limit is 0 Instances"
    world.aws.fault("create_training_job", "refused", code="ResourceLimitExceeded", message=message)
    result = go(world, plan)
    assert result.status == "refused"
    assert message in result.error
    assert world.state(plan) == "failed"
    assert world.ledger.committed_usd(day_start(world.clock())) == 0
    assert world.ledger.resources() == []
    later = go(world, plan)
    assert later.status == "refused"
    assert message in later.error
    assert world.aws.called("create_training_job") == 0


def test_a_refusal_after_a_first_try_that_did_arrive_still_finds_the_job(world: "World") -> None:
    """botocore retries by itself: the answer it reports last may follow a call that took effect."""
    plan = world.approved(world.train())
    world.aws.plant("training-job", plan.fill("nf-first-%%DIGEST12%%"), plan.digest)
    world.aws.fault("create_training_job", "refused", code="ResourceLimitExceeded")
    assert go(world, plan).status == "started"
    assert world.state(plan) == "submitted"


def test_a_plain_refusal_stays_one_when_looking_is_refused_too(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "refused", code="AccessDeniedException")
    world.aws.fault("describe_training_job", "refused", code="AccessDeniedException")
    assert go(world, plan).status == "refused"
    assert world.state(plan) == "failed"


def test_a_deployment_waits_for_its_endpoint_and_records_its_price(world: "World") -> None:
    plan = world.approved(world.deploy())
    result = go(world, plan, endpoint_comes_up(world))
    assert result.status == "started"
    name = plan.fill("nf-chat-%%DIGEST12%%")
    assert result.deployment_id == name
    row = world.ledger.resource(f"sagemaker:endpoint/{name}")
    assert row is not None
    assert row.usd_per_hour == Decimal("393.28")
    assert len(world.ledger.resources()) == 3


def test_an_endpoint_that_takes_longer_is_reported_and_followed_by_the_next_call(world: "World") -> None:
    plan = world.approved(world.deploy())
    slept: list[float] = []
    result = go(world, plan, Pace(30, slept.append))
    assert result.status == "started"
    assert "still going on" in result.error
    assert sum(slept) <= 30
    assert world.state(plan) == "submitting"
    world.pass_time(minutes=40)

    again = go(world, plan)
    assert again.status == "already_started"
    assert world.state(plan) == "submitting"

    world.aws.set_status("endpoint", result.deployment_id or "", "InService")
    last = go(world, plan)
    assert (last.status, last.error) == ("already_started", "")
    assert world.state(plan) == "submitted"
    assert [world.aws.called(operation) for operation in CREATES] == [1, 1, 1]


@pytest.mark.parametrize("operation", CREATES)
def test_a_deployment_that_fails_at_a_step_is_taken_back_in_reverse(world: "World", operation: str) -> None:
    plan = world.approved(world.deploy())
    world.aws.fault(operation, "refused", code="ValidationException", message="no such thing")
    result = go(world, plan)
    assert result.status == "refused"
    assert "no such thing" in result.error
    assert [world.aws.made(kind) for kind in ("model", "endpoint-config", "endpoint")] == [[], [], []]
    assert world.ledger.resources() == []
    assert world.state(plan) == "failed"
    with world.aws.state() as state:
        deletes = [call for call in state["calls"] if call.startswith("delete_")]
    assert deletes == ["delete_endpoint_config", "delete_model"][2 - CREATES.index(operation) :]


def test_an_endpoint_that_ends_as_failed_is_taken_back_with_its_reason(world: "World") -> None:
    plan = world.approved(world.deploy())

    def sleep(seconds: float) -> None:
        (name,) = world.aws.made("endpoint")
        world.aws.set_status("endpoint", name, "Failed")
        with world.aws.state() as state:
            state["things"][f"endpoint/{name}"]["reason"] = "no capacity"

    result = go(world, plan, Pace(30, sleep))
    assert result.status == "refused"
    assert "no capacity" in result.error
    assert world.aws.made("endpoint") == []
    assert world.aws.made("model") == []


def test_what_cannot_be_taken_back_is_a_debt_and_the_rest_goes_all_the_same(world: "World") -> None:
    plan = world.approved(world.deploy())
    world.aws.fault("create_endpoint", "refused", code="ValidationException")
    world.aws.fault("delete_endpoint_config", "refused", code="AccessDeniedException", message="not allowed")
    result = go(world, plan)
    name = plan.fill("nf-chat-%%DIGEST12%%")
    assert [finding.rule for finding in result.findings] == ["debt"]
    assert "not allowed" in result.error
    assert world.aws.made("model") == []
    assert world.aws.made("endpoint-config") == [name]
    (row,) = world.ledger.resources()
    assert (row.kind, row.detail) == ("sagemaker:endpoint-config", {"debt": "not allowed"})
    assert "undo.failed" in events(world)


def test_taking_back_never_touches_what_carries_another_tag(world: "World") -> None:
    plan = world.approved(world.deploy())
    name = plan.fill("nf-chat-%%DIGEST12%%")

    def swap(reached: str) -> None:
        if reached == "before_undo":
            world.aws.plant("model", name, "somebody-else")

    world.checkpoint = swap
    world.aws.fault("create_endpoint_config", "refused", code="ValidationException")
    go(world, plan)
    assert world.aws.made("model") == [name]
    assert world.aws.called("delete_model") == 0


def test_a_reward_plan_makes_role_policy_and_function(world: "World") -> None:
    plan = world.approved(world.reward())
    result = go(world, plan)
    assert result.status == "started"
    assert result.reward_arn == "arn:aws:x:us-east-1:111122223333:function/grader"
    assert world.aws.called("put_role_policy") == 1


def test_a_new_role_that_is_not_known_everywhere_yet_is_waited_for(world: "World") -> None:
    plan = world.approved(world.reward())
    message = "The role defined for the function cannot be assumed by Lambda."
    world.aws.fault("create_function", "refused", code="InvalidParameterValueException", message=message, times=2)
    slept: list[float] = []
    assert go(world, plan, Pace(30, slept.append)).status == "started"
    assert len(slept) == 2


def test_a_role_that_stays_unknown_pauses_the_plan_and_the_next_call_goes_on(world: "World") -> None:
    plan = world.approved(world.reward())
    message = "The role defined for the function cannot be assumed by Lambda."
    world.aws.fault("create_function", "refused", code="InvalidParameterValueException", message=message)
    result = go(world, plan)
    assert "cannot be assumed" in result.error
    assert world.state(plan) == "submitting"
    assert go(world, plan).status == "started"
    assert world.aws.called("create_role") == 1


def test_a_reward_plan_that_fails_takes_the_role_with_its_policy_back(world: "World") -> None:
    plan = world.approved(world.reward())
    world.aws.fault("create_function", "refused", code="InvalidParameterValueException", message="bad runtime")
    assert go(world, plan).status == "refused"
    assert world.aws.made("role") == []
    assert world.aws.called("delete_role_policy") == 1


def deployed(world: "World", name: str) -> str:
    plan = world.approved(world.deploy(name))
    return go(world, plan, endpoint_comes_up(world)).deployment_id or ""


def test_a_cleanup_deletes_what_the_ledger_says_we_made_and_waits_until_it_is_gone(world: "World") -> None:
    name = deployed(world, "chat")
    plan = world.approved(world.clean_up(name))
    assert go(world, plan).status == "started"
    assert world.aws.made("endpoint") == []
    row = world.ledger.resource(f"sagemaker:endpoint/{name}")
    assert row is not None
    assert row.deleted_at == world.clock()


def test_a_cleanup_refuses_what_carries_another_tag(world: "World") -> None:
    name = deployed(world, "chat")
    world.aws.plant("endpoint", name, "somebody-else")
    result = go(world, world.approved(world.clean_up(name)))
    assert result.status == "refused"
    assert [finding.rule for finding in result.findings] == ["foreign-resource"]
    assert world.aws.made("endpoint") == [name]


def test_a_cleanup_refuses_what_is_not_in_the_ledger(world: "World") -> None:
    world.aws.plant("endpoint", "theirs", "x")
    result = go(world, world.approved(world.clean_up("theirs")))
    assert result.status == "refused"
    assert "not in the ledger" in result.error
    assert world.aws.made("endpoint") == ["theirs"]


def test_a_cleanup_of_what_is_gone_already_succeeds(world: "World") -> None:
    name = deployed(world, "chat")
    with world.aws.state() as state:
        del state["things"][f"endpoint/{name}"]
    assert go(world, world.approved(world.clean_up(name))).status == "started"
    assert world.aws.called("delete_endpoint") == 0


def test_a_cleanup_that_fails_says_what_it_had_deleted(world: "World") -> None:
    one, two = deployed(world, "one"), deployed(world, "two")
    plan = world.approved(world.clean_up(one, two))

    def refuse_second(reached: str) -> None:
        if reached == f"before_call:delete {two}":
            world.aws.fault("delete_endpoint", "refused", code="AccessDeniedException", message="not allowed")

    world.checkpoint = refuse_second
    result = go(world, plan)
    assert result.status == "refused"
    assert "not allowed" in result.error
    assert f"Deleted before that: sagemaker:endpoint/{one}." in result.error
    assert world.aws.made("endpoint") == [two]


def test_an_endpoint_still_being_deleted_stays_in_the_ledger_until_it_is_gone(world: "World") -> None:
    """Deletions and the waits for them may be steps apart, so that several endpoints go at the same time."""
    name = deployed(world, "chat")
    (both,) = world.clean_up(name).steps
    assert isinstance(both, AwsStep)
    first = both.model_copy(update={"wait": None})
    second = both.model_copy(update={"name": "see", "operation": "describe_endpoint", "deletes": None})
    with world.aws.state() as state:
        state["slow"] = True
    plan = world.approved(world.clean_up(name).model_copy(update={"steps": (first, second)}))
    assert "still going on" in go(world, plan).error
    row = world.ledger.resource(f"sagemaker:endpoint/{name}")
    assert row is not None
    assert row.deleted_at is None

    with world.aws.state() as state:
        del state["things"][f"endpoint/{name}"]
    assert go(world, plan).error == ""
    assert world.aws.called("delete_endpoint") == 1
    row = world.ledger.resource(f"sagemaker:endpoint/{name}")
    assert row is not None
    assert row.deleted_at == world.clock()


def test_an_object_with_other_content_is_never_overwritten(world: "World") -> None:
    plan = world.approved(world.train())
    with world.aws.state() as state:
        state["objects"][plan.fill("team-bucket/first/%%DIGEST12%%/recipe.yaml")] = "b3RoZXI="
    result = go(world, plan)
    assert result.status == "refused"
    assert "never overwritten" in result.error
    assert world.aws.made() == []


def test_an_upload_that_gets_no_answer_pauses_and_is_taken_up_again(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("put_object", "lost", times=1)
    world.aws.fault("head_object", "unsent", times=2)
    first = go(world, plan)
    assert "did not answer" in first.error
    assert world.state(plan) == "submitting"
    assert go(world, plan).status == "started"
    assert world.aws.called("put_object") == 2


def test_a_file_that_changes_after_the_checks_is_not_uploaded(world: "World") -> None:
    plan = world.approved(world.train())

    def change(reached: str) -> None:
        if reached == "after_begin":
            (world.folder / "train.jsonl").write_text("x" * 450, encoding="utf-8")

    world.checkpoint = change
    result = go(world, plan)
    assert result.status == "refused"
    assert "no longer has the planned content" in result.error
    with world.aws.state() as state:
        assert [key for key in state["objects"] if key.endswith("train.jsonl")] == []
    assert world.aws.made() == []


def test_a_file_that_vanished_fails_the_plan_clearly(world: "World") -> None:
    plan = world.approved(world.train())
    (world.folder / "train.jsonl").unlink()
    result = go(world, plan)
    assert result.status == "refused"
    assert "no file" in result.error
    assert world.state(plan) == "failed"


def test_an_execution_begun_in_another_account_is_left_exactly_as_it_is(world: "World") -> None:
    plan = world.approved(world.train())
    world.aws.fault("create_training_job", "lost")
    world.aws.fault("describe_training_job", "unsent")
    go(world, plan)
    world.pass_time(days=3)
    with world.aws.state() as state:
        state["account"] = "999988887777"
        kept = dict(state["things"])
        state["things"].clear()  # another account: nothing of ours is to be seen there
    (result,) = reconcile(world.restarted().ctx())
    assert result.status == "refused"
    assert world.state(plan) == "unknown"
    assert go(world, plan).status == "refused"

    with world.aws.state() as state:
        state["account"] = "111122223333"
        state["things"].update(kept)
    reconcile(world.restarted().ctx())
    assert world.state(plan) == "submitted"


def test_while_one_worker_is_at_it_another_call_only_reports(world: "World") -> None:
    plan = world.approved(world.train())
    other = world.restarted()
    seen: list[ApplyResult] = []

    def meanwhile(reached: str) -> None:
        if reached == "before_call:training-job":
            seen.append(apply(other.ctx(), plan.plan_id, pace=Pace(0)))

    world.checkpoint = meanwhile
    assert go(world, plan).status == "started"
    assert seen[0].status == "already_started"
    assert "Another call" in seen[0].error
    assert world.aws.called("create_training_job") == 1


def test_a_worker_that_lost_its_lease_stops_writing(world: "World") -> None:
    from novaforge.guards.errors import RefusedError

    plan = world.approved(world.train())
    other = world.restarted()

    def stall(reached: str) -> None:
        if reached == "before_upload":
            world.checkpoint = lambda name: None
            world.pass_time(minutes=5, seconds=1)
            assert other.ledger.lease(plan.digest, "another", world.clock() + timedelta(minutes=5), world.clock())

    world.checkpoint = stall
    with pytest.raises(RefusedError, match="another worker"):
        go(world, plan)
    assert world.aws.made() == []
