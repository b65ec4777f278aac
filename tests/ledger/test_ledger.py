"""The ledger on SQLite and PostgreSQL: transitions that happen exactly once, and rows that read back as written."""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from novaforge.guards.errors import ConfigError, InputError, RefusedError
from novaforge.guards.plan import Plan, freeze
from novaforge.server.ledger import open_ledger
from novaforge.tools.records import (
    ArtifactRecord,
    EvaluationRecord,
    JobRecord,
    Ledger,
    PlanState,
    ResourceRecord,
    resource_id,
)

if TYPE_CHECKING:
    from tests.gate.world import World


def database(ledger: Ledger) -> Any:
    return getattr(ledger, "database")  # noqa: B009  # not part of the Ledger protocol


def job(plan: Plan, name: str = "job-1", **changes: Any) -> JobRecord:
    made = JobRecord(
        job_id=name,
        plan_id=plan.plan_id,
        plan_digest=plan.digest,
        kind="training",
        name="first",
        model="nova_lite_2",
        method="SFT_LORA",
        platform="sagemaker",
        account="111122223333",
        region="us-east-1",
        output="s3://b/o",
        instance_type="ml.p5.48xlarge",
        instance_count=4,
        usd_per_hour=Decimal("98.32"),
        ceiling_usd=Decimal("393.28"),
        max_runtime_s=3600,
        created_at=plan.created_at,
    )
    return made.model_copy(update=changes)


def resource(plan: Plan, name: str = "e", **changes: Any) -> ResourceRecord:
    made = ResourceRecord(
        resource_id=resource_id("sagemaker:endpoint", name),
        kind="sagemaker:endpoint",
        name=name,
        region="us-east-1",
        account="111122223333",
        plan_id=plan.plan_id,
        plan_digest=plan.digest,
        created_at=plan.created_at,
        usd_per_hour=Decimal("1.515"),
    )
    return made.model_copy(update=changes)


def test_a_plan_reads_back_exactly_as_it_was_frozen(world: "World") -> None:
    plan = world.store(world.train())
    record = world.ledger.plan(plan.plan_id)
    assert record is not None
    assert record.plan == plan
    assert (record.state, record.state_at) == ("planned", plan.created_at)
    assert world.ledger.plan("plan_none") is None


def test_the_same_plan_is_stored_once(world: "World") -> None:
    plan = world.store(world.train())
    with pytest.raises(InputError, match="stored already"):
        world.ledger.add_plan(plan, "planned", world.clock())


def test_plans_are_listed_newest_first_by_the_state_they_have_now(world: "World") -> None:
    old = world.store(world.train("old"))
    world.pass_time(minutes=20)
    new = world.store(world.train("new"))
    assert [record.plan.plan_id for record in world.ledger.plans()] == [new.plan_id, old.plan_id]
    assert [record.plan.plan_id for record in world.ledger.plans(limit=1)] == [new.plan_id]
    world.pass_time(minutes=10)
    assert [record.plan.plan_id for record in world.ledger.plans(["planned"])] == [new.plan_id]
    (expired,) = world.ledger.plans(["expired"])
    assert (expired.plan.plan_id, expired.state_at) == (old.plan_id, old.expires_at)
    assert world.ledger.plans([]) == []


def test_a_move_happens_only_from_an_allowed_state(world: "World") -> None:
    plan = world.store(world.train())
    assert not world.ledger.move_plan(plan.digest, ("approved",), "stale", world.clock())
    assert world.ledger.move_plan(plan.digest, ("planned",), "stale", world.clock(), {"a": 1})
    assert not world.ledger.move_plan(plan.digest, ("planned",), "stale", world.clock())
    assert not world.ledger.move_plan("0" * 64, ("planned",), "stale", world.clock())
    assert world.ledger.move_plan(plan.digest, ("stale",), "failed", world.clock(), {"b": [2]})
    record = world.ledger.plan(plan.plan_id)
    assert record is not None
    assert record.detail == {"a": 1, "b": [2]}


def test_an_expired_plan_cannot_be_moved_as_if_it_were_open(world: "World") -> None:
    plan = world.store(world.train())
    world.pass_time(minutes=30)
    assert not world.ledger.move_plan(plan.digest, ("planned",), "approved", world.clock())
    assert not world.approve(plan, expires_at=world.clock() + timedelta(minutes=30))
    assert world.ledger.approval(plan.digest) is None


def test_an_answer_is_recorded_once_and_only_for_an_open_plan(world: "World") -> None:
    plan = world.store(world.train())
    assert world.approve(plan)
    assert not world.approve(plan)
    assert not world.approve(plan, answer="reject")
    approval = world.ledger.approval(plan.digest)
    assert approval is not None
    assert (approval.answer, approval.typed_value, approval.consumed_at) == ("approve", "$393.28", None)


def test_beginning_consumes_the_approval_and_happens_once(world: "World") -> None:
    plan = world.approved(world.train())
    assert world.ledger.begin(plan.digest, world.clock())
    assert not world.ledger.begin(plan.digest, world.clock())
    approval = world.ledger.approval(plan.digest)
    assert approval is not None
    assert approval.consumed_at == world.clock()
    (execution,) = world.ledger.unsettled()
    assert (execution.state, execution.intent_at, execution.done) == ("submitting", world.clock(), ())
    assert world.state(plan) == "submitting"


def test_beginning_needs_an_approval_in_force(world: "World") -> None:
    unapproved = world.store(world.train("a"))
    assert not world.ledger.begin(unapproved.digest, world.clock())
    short = world.store(world.train("b"))
    world.approve(short, expires_at=world.clock() + timedelta(minutes=1))
    world.pass_time(minutes=1)
    assert not world.ledger.begin(short.digest, world.clock())
    assert world.state(short) == "approved", "nothing moved"
    assert world.ledger.unsettled() == []
    late = world.approved(world.train("c"))
    assert not world.ledger.begin(late.digest, world.clock() + timedelta(minutes=30))


def approval_id(world: "World", plan: Plan) -> str:
    approval = world.ledger.approval(plan.digest)
    assert approval is not None
    return approval.approval_id


def test_only_the_latest_unused_approval_can_be_taken_back_and_then_begins_nothing(world: "World") -> None:
    plan = world.approved(world.train())
    first = approval_id(world, plan)
    assert not world.ledger.reopen(plan.digest, "another", world.clock())
    assert world.state(plan) == "approved", "nothing moved"
    assert world.ledger.reopen(plan.digest, first, world.clock())
    assert world.state(plan) == "planned"
    lapsed = world.ledger.approval(plan.digest)
    assert lapsed is not None and lapsed.answer == "lapsed"
    assert not world.ledger.reopen(plan.digest, first, world.clock()), "it is not approved any more"
    world.pass_time(minutes=-1)
    assert world.approve(plan)
    assert not world.ledger.reopen(plan.digest, first, world.clock()), "another answer stands"
    second = approval_id(world, plan)
    assert second != first
    assert world.ledger.begin(plan.digest, world.clock())
    assert not world.ledger.reopen(plan.digest, second, world.clock()), "it was used"
    assert world.state(plan) == "submitting"


def test_an_approval_taken_back_is_not_there_to_begin_with(world: "World") -> None:
    plan = world.approved(world.train())
    assert world.ledger.reopen(plan.digest, approval_id(world, plan), world.clock())
    assert world.ledger.move_plan(plan.digest, ("planned",), "approved", world.clock())
    assert not world.ledger.begin(plan.digest, world.clock())
    assert world.ledger.unsettled() == []


def test_beginning_respects_the_budget_in_the_same_transaction(world: "World") -> None:
    one, two = world.approved(world.train("a")), world.approved(world.train("b"))
    limit, since = Decimal("786.55"), world.clock() - timedelta(hours=1)
    assert world.ledger.begin(one.digest, world.clock(), day_limit=limit, since=since)
    assert not world.ledger.begin(two.digest, world.clock(), day_limit=limit, since=since)
    assert world.state(two) == "approved"
    assert world.ledger.begin(two.digest, world.clock(), day_limit=limit + Decimal("0.01"), since=since)


def test_what_costs_nothing_begins_also_when_the_budget_is_used_up(world: "World") -> None:
    one, free = world.approved(world.train("a")), world.approved(world.clean_up("x"))
    since = world.clock() - timedelta(hours=1)
    assert world.ledger.begin(one.digest, world.clock())
    assert world.ledger.begin(free.digest, world.clock(), day_limit=Decimal(1), since=since)


def in_threads(count: int, work: Callable[[int], bool]) -> list[bool]:
    gate = threading.Barrier(count)
    results: list[bool] = []

    def run(number: int) -> None:
        gate.wait()
        results.append(work(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_twenty_threads_exactly_one_begins(world: "World") -> None:
    plan = world.approved(world.train())
    ledgers = [world.restarted().ledger for _ in range(20)]
    results = in_threads(20, lambda number: ledgers[number].begin(plan.digest, world.clock()))
    assert sorted(results) == [False] * 19 + [True]
    assert len(world.ledger.unsettled()) == 1


def test_of_twenty_threads_exactly_one_approves(world: "World") -> None:
    plan = world.store(world.train())
    ledgers = [world.restarted() for _ in range(20)]
    assert sum(in_threads(20, lambda number: ledgers[number].approve(plan))) == 1


def test_plans_that_only_together_pass_a_budget_do_not_all_begin_at_once(world: "World") -> None:
    plans = [world.approved(world.train(f"p{number}")) for number in range(6)]
    ledgers = [world.restarted().ledger for _ in plans]
    limit, since = Decimal(800), world.clock() - timedelta(hours=1)
    results = in_threads(
        6, lambda number: ledgers[number].begin(plans[number].digest, world.clock(), day_limit=limit, since=since)
    )
    assert sum(results) == 2
    assert world.ledger.committed_usd(since) == Decimal("786.56")


BEGIN_AND_DIE = """
import os, signal, sys
from datetime import datetime
from novaforge.server.ledger import open_ledger, plans
plans._write_intent = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
open_ledger(sys.argv[1]).begin(sys.argv[2], datetime.fromisoformat(sys.argv[3]))
"""
BEGIN = """
import sys
from datetime import datetime
from novaforge.server.ledger import open_ledger
print(open_ledger(sys.argv[1]).begin(sys.argv[2], datetime.fromisoformat(sys.argv[3])))
"""


def test_a_process_killed_inside_the_transition_leaves_nothing_of_it(world: "World") -> None:
    plan = world.approved(world.train())
    arguments = [world.ledger_url, plan.digest, world.clock().isoformat()]
    died = subprocess.run([sys.executable, "-c", BEGIN_AND_DIE, *arguments], check=False)
    assert died.returncode == -9
    assert world.state(plan) == "approved"
    approval = world.ledger.approval(plan.digest)
    assert approval is not None
    assert approval.consumed_at is None
    assert world.ledger.begin(plan.digest, world.clock())


def test_of_several_processes_exactly_one_begins(world: "World") -> None:
    plan = world.approved(world.train())
    command = [sys.executable, "-c", BEGIN, world.ledger_url, plan.digest, world.clock().isoformat()]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = sorted(process.communicate(timeout=300)[0].strip() for process in running)
    assert said == ["False", "False", "True"]


SETTLES = {"submit": "submitted", "fail": "failed", "unknown": "unknown"}
OPERATIONS = st.lists(
    st.sampled_from(["approve", "reject", "begin", "expire", "submit", "fail", "unknown", "stale"]),
    max_size=12,
)


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_no_order_of_events_begins_a_plan_twice_or_without_its_approval(world: "World", operations: list[str]) -> None:
    plan = world.store(world.train())
    approved = begun = False
    for operation in operations:
        before = world.state(plan)
        if operation == "approve":
            approved |= world.approve(plan)
        elif operation == "reject":
            world.approve(plan, answer="reject")
        elif operation == "begin" and world.ledger.begin(plan.digest, world.clock()):
            assert (before, approved, begun) == ("approved", True, False)
            begun = True
        elif operation == "expire":
            world.pass_time(minutes=31)
        elif operation == "stale":
            world.ledger.move_plan(plan.digest, ("planned", "approved"), "stale", world.clock())
        elif operation in SETTLES and before in {"submitting", "unknown"}:
            world.ledger.note_execution(plan.digest, state=SETTLES[operation], at=world.clock())
        after = world.state(plan)
        if before in {"rejected", "stale", "expired", "submitted", "failed"}:
            assert after == before, "what is closed stays closed"
    execution = world.ledger.execution(plan.digest)
    assert (execution is not None) == begun


@pytest.mark.parametrize("state", ["submitted", "failed", "not_created"])
def test_settling_an_execution_moves_the_plan_and_frees_the_worker(world: "World", state: PlanState) -> None:
    plan = world.approved(world.train())
    now = world.clock()
    world.ledger.begin(plan.digest, now)
    assert world.ledger.lease(plan.digest, "w1", now + timedelta(minutes=5), now)
    world.ledger.note_execution(plan.digest, step="call", owner="w1", at=now)
    world.ledger.note_execution(plan.digest, done="1:call", resource="arn:x", request_id="r", owner="w1", at=now)
    world.ledger.note_execution(plan.digest, state=state, error="why", owner="w1", at=now)
    execution = world.ledger.execution(plan.digest)
    assert execution is not None
    assert (execution.state, execution.step, execution.done) == (state, "call", ("1:call",))
    assert (execution.resource, execution.aws_request_id, execution.error) == ("arn:x", "r", "why")
    assert (execution.owner, execution.lease_until, execution.observed_at) == ("", None, now)
    record = world.ledger.plan(plan.plan_id)
    assert record is not None
    assert (record.state, record.detail) == (state, {"error": "why"})
    assert world.ledger.unsettled() == []
    with pytest.raises(RefusedError, match="settled"):
        world.ledger.note_execution(plan.digest, state="submitted", at=now)


def test_an_unknown_execution_stays_unsettled_until_it_is_found_out(world: "World") -> None:
    plan = world.approved(world.train())
    world.ledger.begin(plan.digest, world.clock())
    world.ledger.note_execution(plan.digest, state="unknown", error="timeout", at=world.clock())
    assert world.state(plan) == "unknown"
    assert [execution.plan_id for execution in world.ledger.unsettled()] == [plan.plan_id]
    world.ledger.note_execution(plan.digest, state="submitted", at=world.clock())
    assert world.state(plan) == "submitted"


def test_noting_what_never_began_is_refused(world: "World") -> None:
    with pytest.raises(RefusedError):
        world.ledger.note_execution("0" * 64, step="x", at=world.clock())


def test_one_worker_at_a_time_until_its_lease_ends_or_it_is_dead(world: "World") -> None:
    plan = world.approved(world.train())
    now, soon = world.clock(), world.clock() + timedelta(minutes=5)
    assert not world.ledger.lease(plan.digest, "w1", soon, now), "nothing has begun"
    world.ledger.begin(plan.digest, now)
    assert world.ledger.lease(plan.digest, "w1", soon, now)
    assert world.ledger.lease(plan.digest, "w1", soon, now), "renewed"
    assert not world.ledger.lease(plan.digest, "w2", soon, now)
    with pytest.raises(RefusedError, match="another worker"):
        world.ledger.note_execution(plan.digest, step="x", owner="w2", at=now)
    assert world.ledger.lease(plan.digest, "w2", soon, now, dead="w1")
    assert world.ledger.lease(plan.digest, "w3", soon + timedelta(minutes=5), soon), "the lease is over"
    world.ledger.unlease(plan.digest, "w2")
    assert not world.ledger.lease(plan.digest, "w2", soon, soon)
    world.ledger.unlease(plan.digest, "w3")
    assert world.ledger.lease(plan.digest, "w2", soon, soon)


def test_supersede_closes_open_plans_of_the_same_action_and_output_only(world: "World") -> None:
    mine = world.approved(world.train("a"))
    same, other = world.store(world.train("a")), world.store(world.train("b"))
    evaluation = world.store(world.train("a", action="evaluate"))
    begun = world.approved(world.train("a"))
    world.ledger.begin(begun.digest, world.clock())
    assert world.ledger.supersede(mine, world.clock()) == [same.plan_id]
    states = [world.state(plan) for plan in (mine, same, other, evaluation, begun)]
    assert states == ["approved", "superseded", "planned", "planned", "submitting"]
    assert world.ledger.supersede(world.approved(world.deploy("d")), world.clock()) == []


def test_committed_money_counts_ceilings_begun_and_not_released(world: "World") -> None:
    old, new = world.approved(world.train("a")), world.approved(world.train("b"))
    start = world.clock()
    world.ledger.begin(old.digest, start)
    world.pass_time(minutes=10)
    world.ledger.begin(new.digest, world.clock())
    assert world.ledger.committed_usd(start) == Decimal("786.56")
    assert world.ledger.committed_usd(world.clock()) == Decimal("393.28")
    world.ledger.release_usd(new.digest, world.clock())
    assert world.ledger.committed_usd(start) == Decimal("393.28")


def test_jobs_are_kept_replaced_and_filtered(world: "World") -> None:
    plan = world.store(world.train())
    one = job(plan)
    world.ledger.put_job(one)
    world.ledger.put_job(job(plan, "job-2", created_at=plan.created_at + timedelta(seconds=1), phase="running"))
    assert world.ledger.job("job-1") == one
    assert world.ledger.job("none") is None
    changed = one.model_copy(update={"phase": "completed", "observed": {"x": [1, None]}, "checkpoint": "s3://c"})
    world.ledger.put_job(changed)
    assert world.ledger.job("job-1") == changed
    assert [item.job_id for item in world.ledger.jobs()] == ["job-2", "job-1"]
    assert [item.job_id for item in world.ledger.jobs(["completed"])] == ["job-1"]
    assert [item.job_id for item in world.ledger.jobs(platform="hyperpod")] == []
    assert len(world.ledger.jobs(limit=1)) == 1


def test_resources_are_kept_replaced_and_filtered(world: "World") -> None:
    plan = world.store(world.train())
    endpoint, role = resource(plan), resource(plan, "r", kind="iam:role", resource_id="iam:role/r")
    world.ledger.put_resource(endpoint)
    world.ledger.put_resource(role)
    assert world.ledger.resource("sagemaker:endpoint/e") == endpoint
    assert world.ledger.resource("none") is None
    assert [item.kind for item in world.ledger.resources(kind="iam:role")] == ["iam:role"]
    gone = endpoint.model_copy(update={"deleted_at": world.clock()})
    world.ledger.put_resource(gone)
    assert [item.kind for item in world.ledger.resources()] == ["iam:role"]
    assert len(world.ledger.resources(live=False)) == 2


def test_artifacts_and_evaluations_are_kept(world: "World") -> None:
    plan = world.store(world.train())
    row = ArtifactRecord(
        uri="s3://b/k", plan_id=plan.plan_id, plan_digest=plan.digest, sha256="0" * 64, bytes=3, at=world.clock()
    )
    world.ledger.put_artifact(row)
    world.ledger.put_artifact(row)
    assert world.ledger.artifacts() == world.ledger.artifacts(plan.digest) == [row]
    assert world.ledger.artifacts("1" * 64) == []
    report = EvaluationRecord(job_id="j", at=world.clock(), report={"f1": 0.5})
    world.ledger.put_evaluation(report)
    later = report.model_copy(update={"report": {"f1": 0.75, "name": "Zürich \u4e2d"}})
    world.ledger.put_evaluation(later)
    assert world.ledger.evaluation("j") == later
    assert world.ledger.evaluation("k") is None


CHANGES = {
    "amount": "UPDATE plans SET payload = replace(payload, '393.28', '3.28')",
    "digest": "UPDATE plans SET digest = '{0}'",
    "not json": "UPDATE plans SET payload = 'x'",
    "fields added": 'UPDATE plans SET payload = replace(payload, \'"action"\', \'"forged"\\:1,"action"\')',
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_plan_changed_in_the_database_is_refused_on_every_read(world: "World", change: str) -> None:
    plan = world.store(world.train())
    with database(world.ledger).write() as connection:
        connection.execute(text(change.replace("{0}", "0" * 64)))
    for read in (lambda: world.ledger.plan(plan.plan_id), world.ledger.plans):
        with pytest.raises(RefusedError, match="changed in the ledger") as caught:
            read()
        assert caught.value.data["rule"] == "plan-tampered"


def test_a_plan_stored_in_the_place_of_another_is_refused(world: "World") -> None:
    cheap, dear = world.store(world.train("a")), world.store(world.train("b"))
    with database(world.ledger).write() as connection:
        payload = connection.execute(
            text("SELECT payload FROM plans WHERE plan_id = :id"), {"id": cheap.plan_id}
        ).scalar()
        connection.execute(
            text("UPDATE plans SET payload = :payload WHERE plan_id = :id"), {"payload": payload, "id": dear.plan_id}
        )
    with pytest.raises(RefusedError, match="changed in the ledger"):
        world.ledger.plan(dear.plan_id)


def test_a_plan_with_every_kind_of_value_survives_the_round_trip(world: "World") -> None:
    from novaforge.guards.findings import Finding, known, not_checked

    body = world.deploy(
        "Zürich \u202e \U0001f600",
        findings=(Finding(rule="R", severity="confirm", message="a\nb", count=2),),
        facts=(known("quota", {"n": 4, "list": [1, None, "x"]}, "s"), not_checked("role", "no permission")),
    )
    plan = freeze(body)
    world.ledger.add_plan(plan, "planned", world.clock())
    record = world.ledger.plan(plan.plan_id)
    assert record is not None
    assert record.plan == plan


def test_the_money_columns_hold_text(world: "World") -> None:
    plan = world.approved(world.train())
    world.ledger.begin(plan.digest, world.clock())
    with database(world.ledger).read() as connection:
        row = connection.execute(text("SELECT usd, (SELECT ceiling_usd FROM plans) FROM spend")).one()
    assert list(row) == ["393.28", "393.28"]


def test_a_ledger_of_another_schema_version_is_not_used(world: "World") -> None:
    world.store(world.train())
    with database(world.ledger).write() as connection:
        connection.execute(text("UPDATE schema_info SET version = 99"))
    with pytest.raises(ConfigError, match="version 99"):
        world.restarted().ledger.jobs()


def test_openers_that_meet_at_a_new_ledger_agree_on_it(world: "World") -> None:
    ledgers = [world.restarted().ledger for _ in range(8)]
    assert in_threads(8, lambda number: ledgers[number].jobs() == []) == [True] * 8


def test_a_new_sqlite_file_is_made_by_one_opener_while_the_others_wait(tmp_path: Path) -> None:
    for attempt in range(40):
        ledgers = [open_ledger(f"sqlite:///{tmp_path}/{attempt}.db") for _ in range(8)]
        assert in_threads(8, lambda number: ledgers[number].jobs() == []) == [True] * 8  # noqa: B023  # joined at once


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/db", "sqlite://", "sqlite:///:memory:", "ledger.db", "file:///x", ""]
)
def test_a_url_that_is_no_lasting_ledger_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_ledger(url)
    assert "secret" not in caught.value.as_text()


def test_an_unwritable_place_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be"):
        open_ledger(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}").jobs()


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is no database, only text" * 50, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ledger\.db cannot be used"):
        open_ledger(f"sqlite:///{path}").jobs()


def test_an_unreachable_server_is_a_clear_error_without_the_password() -> None:
    with pytest.raises(ConfigError) as caught:
        open_ledger("postgresql://ann:secret@127.0.0.1:1/none").jobs()
    assert "secret" not in caught.value.as_text()


def test_sqlite_runs_in_wal_mode_and_syncs_fully(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'new' / 'ledger.db'}")
    assert ledger.jobs() == []
    with database(ledger).read() as connection:
        modes = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]
    assert (tmp_path / "new" / "ledger.db").stat().st_mode & 0o077 == 0
    database(ledger).close()


def test_naming_a_ledger_imports_no_sqlalchemy() -> None:
    code = (
        "import sys; from novaforge.server.ledger import open_ledger; open_ledger('sqlite:////tmp/never/made.db');"
        "print('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_table_of_the_design_exists(world: "World") -> None:
    from sqlalchemy import inspect

    world.ledger.jobs()
    with database(world.ledger).read() as connection:
        names = set(inspect(connection).get_table_names())
    wanted = ["plans", "approvals", "executions", "jobs", "artifacts", "evaluations", "resources", "spend", "grants"]
    assert names == {*wanted, "schema_info"}
