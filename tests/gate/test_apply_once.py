"""The engine itself, without a client: order of checks, one winner, every outcome."""

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import Precondition
from novaforge.guards.policy import Policy
from novaforge.server.audit import tail, verify
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.outcome import ApplyResult
from novaforge.tools.plans.preconditions import READERS
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.world import World


def go(world: "World", plan: Any, **changes: Any) -> ApplyResult:
    return apply(world.ctx(**changes), plan.plan_id, pace=Pace(0))


def events(world: "World") -> list[str]:
    return [str(item["event"]) for item in tail(world.audit_path, 100)]


def test_an_approved_training_plan_starts_one_job_and_leaves_a_full_record(world: "World") -> None:
    plan = world.approved(world.train())
    result = go(world, plan)

    name = plan.fill("nf-first-%%DIGEST12%%")
    assert result.status == "started"
    assert result.job_id == name
    assert world.aws.made() == [name]
    assert world.state(plan) == "submitted"
    job = world.ledger.job(name)
    assert job is not None
    assert (job.phase, job.kind, job.instance_count, job.usd_per_hour) == ("waiting", "training", 4, Decimal("98.32"))
    assert (job.ceiling_usd, job.output, job.method) == (Decimal("393.28"), "s3://team-bucket/first/out", "SFT_LORA")
    row = world.ledger.resource(f"sagemaker:training-job/{name}")
    assert row is not None
    assert row.arn.endswith(name)
    assert [item.uri.rsplit("/", 1)[1] for item in world.ledger.artifacts(plan.digest)] == [
        "recipe.yaml",
        "train.jsonl",
    ]
    approval = world.ledger.approval(plan.digest)
    assert approval is not None
    assert approval.consumed_at == world.clock()
    execution = world.ledger.execution(plan.digest)
    assert execution is not None
    assert (execution.state, execution.owner, execution.resource) == ("submitted", "", row.arn)
    assert execution.aws_request_id.startswith("req-")
    created = next(item["detail"] for item in tail(world.audit_path, 100) if item["event"] == "resource.created")
    assert (created["resource"], created["request_id"]) == (row.arn, execution.aws_request_id)
    begun = next(item["detail"] for item in tail(world.audit_path, 100) if item["event"] == "plan.begun")
    assert begun == {"plan_id": plan.plan_id, "ceiling_usd": "393.28", "superseded": []}
    assert events(world)[-5:] == [
        "plan.begun",
        "object.uploaded",
        "object.uploaded",
        "resource.created",
        "plan.submitted",
    ]
    assert verify(world.audit_path).ok


def test_the_tag_sent_is_the_digest(world: "World") -> None:
    plan = world.approved(world.train())
    go(world, plan)
    with world.aws.state() as state:
        (job,) = (item for key, item in state["things"].items() if key.startswith("training-job/"))
    assert job["tags"] == {"novaforge:plan": plan.digest}


def test_an_evaluation_plan_makes_an_evaluation_job(world: "World") -> None:
    plan = world.approved(world.train("eval", action="evaluate", method="EVALUATION"))
    result = go(world, plan)
    job = world.ledger.job(result.job_id or "")
    assert job is not None
    assert job.kind == "evaluation"


def test_a_second_apply_answers_already_started_with_the_same_job(world: "World") -> None:
    plan = world.approved(world.train())
    first = go(world, plan)
    second = go(world, plan)
    assert second.status == "already_started"
    assert second.job_id == first.job_id
    assert world.aws.called("create_training_job") == 1


def test_an_unknown_plan_is_an_input_error(world: "World") -> None:
    with pytest.raises(InputError, match="no plan"):
        apply(world.ctx(), "plan_nope")


def test_a_plan_nobody_approved_waits_with_the_exact_command(world: "World") -> None:
    plan = world.store(world.train())
    result = go(world, plan)
    assert result.status == "approval_required"
    assert result.how == f"novaforge-mcp approve --state s {plan.plan_id}"
    assert world.state(plan) == "planned"
    assert world.aws.made() == []


def test_a_read_only_server_refuses_and_names_the_flag(world: "World") -> None:
    plan = world.approved(world.train())
    result = go(world, plan, mode=replace(world.mode, writes_allowed=False))
    assert result.status == "refused"
    assert "--allow-write" in result.error
    assert world.state(plan) == "approved"


def test_a_sandbox_plan_is_not_applied_on_aws_nor_the_other_way_round(world: "World") -> None:
    plan = world.approved(world.train())
    result = go(world, plan, mode=replace(world.mode, sandbox=True))
    assert result.status == "refused"
    assert "sandbox" in result.error


def test_a_blocked_plan_is_refused_with_its_findings(world: "World") -> None:
    block = Finding(rule="PL1", severity="block", message="3 nodes are not legal")
    plan = world.store(world.train(findings=(block,)))
    assert not world.approve(plan)
    result = go(world, plan)
    assert result.status == "refused"
    assert [finding.rule for finding in result.findings] == ["PL1"]
    assert result.error == "Findings block this plan." and "Correct what the findings name" in result.next_step


def test_an_expired_plan_is_refused_also_when_it_was_approved(world: "World") -> None:
    plan = world.approved(world.train())
    world.pass_time(minutes=31)
    result = go(world, plan)
    assert result.status == "refused"
    assert "expired" in result.error
    assert world.aws.made() == []


def test_an_approval_that_expired_before_its_plan_has_to_be_given_again(world: "World") -> None:
    world.policy = Policy(approval_minutes=5)
    plan = world.store(world.train())
    world.approve(plan, expires_at=world.clock() + timedelta(minutes=5))
    world.pass_time(minutes=6)
    assert go(world, plan).status == "approval_required"
    assert world.state(plan) == "planned"
    assert world.approve(plan)
    assert go(world, plan).status == "started"


def test_an_approval_of_another_question_does_not_count(world: "World") -> None:
    plan = world.store(world.train())
    assert world.approve(plan, prompt_sha256="0" * 64)
    assert go(world, plan).status == "approval_required"
    assert world.aws.made() == []


def test_an_approval_that_no_longer_counts_does_not_spoil_the_next_one(world: "World") -> None:
    plan = world.store(world.train())
    world.approve(plan, prompt_sha256="0" * 64)
    go(world, plan)
    assert world.state(plan) == "planned"
    world.pass_time(seconds=1)
    assert world.approve(plan)
    assert go(world, plan).status == "started"


def test_an_approval_used_by_somebody_else_between_two_readings_is_not_asked_for_again(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, other = world.approved(world.train()), world.restarted()
    read = world.ledger.approval

    def overtaken(digest: str) -> Any:
        if other.state(plan) == "approved":
            assert apply(other.ctx(), plan.plan_id, pace=Pace(0)).status == "started"
        return read(digest)

    monkeypatch.setattr(world.ledger, "approval", overtaken)
    assert go(world, plan).status == "already_started"
    assert world.state(plan) == "submitted"


def test_starting_a_plan_supersedes_the_others_for_the_same_output(world: "World") -> None:
    one, two, other = world.store(world.train()), world.approved(world.train()), world.store(world.train("elsewhere"))
    go(world, two)
    assert world.state(one) == "superseded"
    assert world.state(other) == "planned"
    result = go(world, one)
    assert result.status == "refused"
    assert "Another plan" in result.error


def test_a_rejected_plan_stays_rejected(world: "World") -> None:
    plan = world.store(world.train())
    world.approve(plan, answer="reject")
    assert go(world, plan).status == "rejected"
    assert not world.approve(plan)


def test_the_policy_is_checked_again_with_what_was_begun_meanwhile(world: "World") -> None:
    world.policy = Policy(max_usd_per_day=Decimal(500))
    one, two = world.approved(world.train("one")), world.approved(world.train("two"))
    assert go(world, one).status == "started"
    result = go(world, two)
    assert result.status == "refused"
    assert [finding.rule for finding in result.findings] == ["POL-day-budget"]
    assert world.aws.called("create_training_job") == 1


def test_two_plans_that_only_together_pass_the_day_budget_do_not_both_begin(world: "World") -> None:
    """The sum is taken in the transaction that begins the plan, so a check made before it cannot be overtaken."""
    world.policy = Policy(max_usd_per_day=Decimal(500))
    one, two = world.approved(world.train("one")), world.approved(world.train("two"))
    other = world.restarted()

    def overtake(name: str) -> None:
        if name == "before_begin":
            world.checkpoint = lambda reached: None
            assert apply(other.ctx(), two.plan_id, pace=Pace(0)).status == "started"

    world.checkpoint = overtake
    assert go(world, one).status == "refused"
    assert len(world.aws.made()) == 1


def test_changed_input_makes_the_plan_stale_with_the_difference_shown(world: "World") -> None:
    body = world.train()
    data = str(world.folder / "train.jsonl")
    was = READERS["object"](world.ctx(), {"uri": data})
    plan = world.approved(
        body.model_copy(
            update={"preconditions": (Precondition(name="data", kind="object", target={"uri": data}, expected=was),)}
        )
    )
    (world.folder / "train.jsonl").write_text("changed\n", encoding="utf-8")

    result = go(world, plan)

    assert result.status == "stale"
    assert {item["path"] for item in result.differences} == {"$.bytes", "$.sha256"}
    assert "data $.bytes: planned 450, now 8" in result.text()
    assert world.state(plan) == "stale"
    assert go(world, plan).differences == result.differences
    assert world.aws.made() == []


@pytest.mark.parametrize(
    ("now", "status"),
    [("103.236", "started"), ("93.404", "started"), ("103.2361", "stale"), ("93.4039", "stale"), ("free", "stale")],
)
def test_a_price_may_drift_five_percent(world: "World", monkeypatch: pytest.MonkeyPatch, now: str, status: str) -> None:
    price = Precondition(name="price", kind="price", target={}, expected="98.32")
    monkeypatch.setitem(READERS, "price", lambda ctx, target: now)
    plan = world.approved(world.train(preconditions=(price,)))
    result = go(world, plan)
    assert result.status == status
    if status == "stale":
        assert result.differences == [{"name": "price", "path": "$", "planned": "98.32", "now": now}]


@pytest.mark.parametrize(("key", "value"), [("account", "999988887777"), ("region", "eu-west-1")])
def test_another_account_or_region_makes_the_plan_stale(world: "World", key: str, value: str) -> None:
    plan = world.approved(world.train())
    with world.aws.state() as state:
        state[key] = value
    result = go(world, plan)
    assert result.status == "stale"
    assert [item["path"] for item in result.differences] == [f"$.{key}"]


def test_a_precondition_that_cannot_be_read_starts_nothing_and_keeps_the_approval(world: "World") -> None:
    plan = world.approved(
        world.train(
            preconditions=(
                Precondition(name="data", kind="object", target={"uri": "s3://team-bucket/x"}, expected=None),
            )
        )
    )
    world.aws.fault("head_object", "unsent")
    result = go(world, plan)
    assert result.status == "refused"
    assert "did not answer" in result.error
    assert world.state(plan) == "approved"
    assert go(world, plan).status == "started"


def test_a_plan_row_changed_in_the_database_is_never_applied(world: "World") -> None:
    from sqlalchemy import text

    plan = world.approved(world.train())
    database = getattr(world.ledger, "database")  # noqa: B009  # not part of the Ledger protocol
    with database.write() as connection:
        connection.execute(text("UPDATE plans SET payload = replace(payload, 'nf-first', 'nf-other')"))
    with pytest.raises(RefusedError, match="was changed in the ledger"):
        go(world, plan)
    with pytest.raises(RefusedError, match="was changed"):
        world.ledger.plans()
    assert world.aws.made() == []


def test_of_twenty_threads_one_starts_the_plan(world: "World") -> None:
    plan = world.approved(world.train())
    worlds = [world.restarted() for _ in range(20)]
    gate = threading.Barrier(20)
    results: list[ApplyResult] = []

    def run(other: "World") -> None:
        gate.wait()
        results.append(apply(other.ctx(), plan.plan_id, pace=Pace(0)))

    threads = [threading.Thread(target=run, args=(other,)) for other in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(result.status for result in results) == ["already_started"] * 19 + ["started"]
    assert len({result.job_id for result in results}) == 1
    assert world.aws.called("create_training_job") == 1
    assert world.state(plan) == "submitted"
    assert verify(world.audit_path).ok


def test_a_name_in_the_ledger_that_another_plan_made_is_refused_before_the_call(world: "World") -> None:
    go(world, world.approved(world.reward("grader")))
    result = go(world, world.approved(world.reward("grader")))
    assert result.status == "refused"
    assert "exists already" in result.error
    row = world.ledger.resource("lambda:function/grader")
    assert row is not None
    assert row.deleted_at is None, "the first plan's row stays as it was"
    assert len(world.aws.made("role")) == 1, "the second plan's role was taken back"
