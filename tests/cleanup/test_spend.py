"""get_spend: what runs, what it costs, what is overdue or idle, what is left, and what nobody could read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import AwsError
from novaforge.guards.policy import Policy
from novaforge.guards.values import cents, day_start
from novaforge.tools.cleanup.plan import plan_cleanup
from novaforge.tools.cleanup.results import Running, Spend
from novaforge.tools.cleanup.spend import get_spend
from novaforge.tools.platforms.base import JobState
from novaforge.tools.records import JobRecord, ResourceRecord

if TYPE_CHECKING:
    from tests.conftest import Desk

RATE = Decimal("16.688")


def only(spend: Spend) -> Running:
    (item,) = spend.running
    return item


def seconds(span: timedelta) -> Decimal:
    return Decimal(str(span.total_seconds()))


def rules(spend: Spend) -> dict[str, str]:
    return {finding.rule: finding.severity for finding in spend.findings}


def at(desk: "Desk", moment: datetime) -> Spend:
    """Return the spend at one moment, whatever this machine's clock says."""
    return get_spend(replace(desk.ctx, clock=lambda: moment))


def endpoint_row(desk: "Desk") -> ResourceRecord:
    (row,) = desk.ledger.resources(live=False, kind="sagemaker:endpoint")
    return row


def break_call(desk: "Desk", monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    call = desk.ctx.aws.call

    def denied(service: str, name: str, /, **request: Any) -> Any:
        if name == operation:
            raise AwsError("denied", operation=name, code="AccessDeniedException")
        return call(service, name, **request)

    monkeypatch.setattr(desk.ctx.aws, "call", denied)


def test_an_empty_account_spends_nothing(desk: "Desk") -> None:
    spend = get_spend(desk.ctx)
    assert spend.running == [] and spend.burn_usd_per_hour == 0 and spend.debts == {}
    assert spend.totals_usd == {"jobs": 0, "endpoints": 0, "committed_today": 0}
    assert "Nothing is running." in spend.text() and "\n\n" not in spend.text()


def test_an_endpoint_shows_its_rate_age_and_end(desk: "Desk", deploy: Callable[[], str]) -> None:
    name = deploy()
    spend = at(desk, endpoint_row(desk).created_at + timedelta(minutes=30))
    item = only(spend)
    assert (item.kind, item.name, item.status, item.billing) == ("endpoint", name, "InService", True)
    assert item.usd_per_hour == spend.burn_usd_per_hour == RATE
    assert item.cost_usd == Decimal("8.34"), "half an hour of 16.688 dollars"
    assert item.delete_after is not None and not item.overdue and item.idle is None
    assert spend.totals_usd["endpoints"] == item.cost_usd
    assert spend.findings == [] and "plan_cleanup" in spend.next_step


def test_overdue_and_idle_endpoints_are_called_out(desk: "Desk", deploy: Callable[[], str]) -> None:
    deploy()
    desk.passed = timedelta(hours=3)
    spend = get_spend(desk.ctx)
    item = only(spend)
    assert item.overdue and item.idle is True
    assert rules(spend) == {"SV3": "warn", "SP1": "warn"}
    assert "overdue, idle" in spend.text() and "overdue or idle" in spend.next_step


def test_calls_within_the_hour_make_an_endpoint_busy(
    desk: "Desk", deploy: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    desk.passed = timedelta(hours=2)
    call = desk.ctx.aws.call
    asked: list[dict[str, Any]] = []

    def metered(service: str, operation: str, /, **request: Any) -> Any:
        if service == "cloudwatch":
            asked.append(request)
            return {"Label": "Invocations", "Datapoints": [{"Sum": 0.0}, {"Sum": 1.0}]}
        return call(service, operation, **request)

    monkeypatch.setattr(desk.ctx.aws, "call", metered)
    assert only(get_spend(desk.ctx)).idle is False
    assert asked[0]["MetricName"] == "Invocations" and asked[0]["EndTime"] - asked[0]["StartTime"] == timedelta(hours=1)


def test_an_endpoint_that_cannot_be_read_counts_as_running(
    desk: "Desk", deploy: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    break_call(desk, monkeypatch, "describe_endpoint")
    end = endpoint_row(desk).delete_after
    assert end is not None
    spend = at(desk, end)
    assert only(spend).status == "not checked" and spend.burn_usd_per_hour == RATE
    assert not only(spend).overdue and rules(spend) == {"SP2": "not_checked"}
    assert only(at(desk, end + timedelta(seconds=1))).overdue


def test_metrics_that_cannot_be_read_leave_idleness_open(
    desk: "Desk", deploy: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    desk.passed = timedelta(hours=2)
    break_call(desk, monkeypatch, "get_metric_statistics")
    spend = get_spend(desk.ctx)
    assert only(spend).idle is None and rules(spend)["SP2"] == "not_checked"


def test_after_the_cleanup_nothing_runs_and_the_cost_stays_on_record(desk: "Desk", deploy: Callable[[], str]) -> None:
    deploy()
    desk.passed = timedelta(minutes=15)
    assert desk.apply(plan_cleanup(desk.ctx, scope="all").plan_id).status == "started"
    desk.passed = timedelta(minutes=20)
    spend = get_spend(desk.ctx)
    assert spend.running == [] and spend.burn_usd_per_hour == 0 and spend.next_step == ""
    row = endpoint_row(desk)
    assert row.deleted_at is not None and row.deleted_at - row.created_at >= timedelta(minutes=15)
    assert spend.totals_usd["endpoints"] == cents(RATE * seconds(row.deleted_at - row.created_at) / 3600)


def test_an_endpoint_still_being_deleted_is_shown_until_it_is_gone(desk: "Desk", deploy: Callable[[], str]) -> None:
    name = deploy()
    live = desk.sandbox.endpoint.sandbox.hosting.endpoints[name]
    assert desk.apply(plan_cleanup(desk.ctx, scope="all").plan_id).status == "started"
    hosting = desk.sandbox.endpoint.sandbox.hosting
    hosting.endpoints[name] = live
    try:
        spend = get_spend(desk.ctx)
        assert only(spend).status == "Deleting" and "until nothing is running" in spend.next_step
        desk.passed = timedelta(hours=3)
        assert get_spend(desk.ctx).running == []
    finally:
        del hosting.endpoints[name]


def test_an_endpoint_deleted_elsewhere_leaves_the_ledger(desk: "Desk", deploy: Callable[[], str]) -> None:
    name = deploy()
    live = desk.sandbox.endpoint.sandbox.hosting.endpoints[name]
    desk.call("sagemaker", "delete_endpoint", EndpointName=name)
    assert live.gone.wait(120)
    assert get_spend(desk.ctx).running == []
    assert desk.ledger.resources(kind="sagemaker:endpoint") == []


def test_jobs_show_their_cost_and_only_those_that_bill_burn(
    desk: "Desk", job: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = job()
    waiting, running = job(phase="waiting", observed={}), job(phase="running", observed={})
    states = {
        waiting.job_id: JobState(phase="waiting", status="InProgress", stage="Pending"),
        running.job_id: JobState(phase="running", status="InProgress", stage="Training", billable_s=900),
    }

    def refresh(ctx: Any, row: JobRecord) -> tuple[JobRecord, JobState]:
        fresh = row.model_copy(update={"observed": states[row.job_id].model_dump(mode="json")})
        ctx.ledger.put_job(fresh)
        return fresh, states[row.job_id]

    monkeypatch.setattr("novaforge.tools.cleanup.jobs.refresh", refresh)
    spend = get_spend(desk.ctx)
    by_name = {item.name: item for item in spend.running}
    assert by_name.keys() == {waiting.job_id, running.job_id}
    assert (by_name[waiting.job_id].billing, by_name[running.job_id].billing) == (False, True)
    assert spend.burn_usd_per_hour == 120
    assert spend.jobs_usd == {done.job_id: 60, waiting.job_id: 0, running.job_id: 30}
    assert spend.totals_usd["jobs"] == 90


def test_a_job_that_cannot_be_asked_about_counts_as_not_ended(
    desk: "Desk", job: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = job(phase="running", observed={})
    break_call(desk, monkeypatch, "describe_training_job")
    spend = get_spend(desk.ctx)
    assert only(spend).name == row.job_id and spend.burn_usd_per_hour == 120
    assert rules(spend) == {"CL2": "not_checked"}


def test_a_job_that_ended_meanwhile_is_not_running(desk: "Desk", job: Callable[..., JobRecord]) -> None:
    job(phase="running", observed={})
    assert get_spend(desk.ctx).running == []


def test_budgets_are_shown_against_what_was_committed_today(desk: "Desk", deploy: Callable[[], str]) -> None:
    deploy()
    policy = Policy(max_usd_per_day=Decimal(100), max_usd_per_plan=Decimal(50))
    spend = get_spend(replace(desk.ctx, policy=policy))
    left = 100 - spend.totals_usd["committed_today"]
    assert spend.budgets_usd == {"per_plan": 50, "per_day": 100, "left_today": left}
    assert get_spend(desk.ctx).budgets_usd == {}


def test_what_a_failed_apply_left_behind_is_a_debt(desk: "Desk", reward: Callable[[], str]) -> None:
    reward()
    (row,) = desk.ledger.resources(kind="iam:role")
    desk.ledger.put_resource(row.model_copy(update={"detail": {"debt": "AccessDenied"}}))
    spend = get_spend(desk.ctx)
    assert spend.debts == {f"role {row.name}": "AccessDenied"}
    assert "plan_cleanup" in spend.next_step and "left behind" in spend.text()


def test_an_endpoint_of_unknown_price_is_named_and_left_out_of_the_sums(
    desk: "Desk", deploy: Callable[[], str]
) -> None:
    name = deploy()
    desk.ledger.put_resource(endpoint_row(desk).model_copy(update={"usd_per_hour": None}))
    spend = get_spend(desk.ctx)
    assert only(spend).usd_per_hour is None and only(spend).cost_usd is None
    assert spend.burn_usd_per_hour == 0 and spend.totals_usd["endpoints"] == 0
    assert name in next(finding.message for finding in spend.findings if finding.rule == "CO1")


@pytest.mark.parametrize("change", [{"region": "eu-west-2"}, {"account": "999988887777"}, {"plan_digest": "f" * 64}])
def test_an_endpoint_that_is_elsewhere_or_carries_another_tag_counts_until_somebody_says_it_is_gone(
    desk: "Desk", deploy: Callable[[], str], change: dict[str, Any]
) -> None:
    deploy()
    row = endpoint_row(desk)
    desk.ledger.put_resource(row.model_copy(update=change))
    spend = get_spend(desk.ctx)
    assert only(spend).status == "not checked" and spend.burn_usd_per_hour == RATE
    assert rules(spend) == {"SP2": "not_checked"}
    desk.ledger.put_resource(row.model_copy(update={**change, "deleted_at": desk.ctx.clock()}))
    assert get_spend(desk.ctx).running == []


def test_a_job_whose_cost_another_version_wrote_is_named(desk: "Desk", job: Callable[..., JobRecord]) -> None:
    row = job(observed={"written_by": "another version"})
    spend = get_spend(desk.ctx)
    (finding,) = spend.findings
    assert (finding.rule, finding.severity) == ("CO1", "not_checked") and row.job_id in finding.message
    assert spend.totals_usd["jobs"] == 0


def test_what_was_begun_counts_until_the_end_of_its_day(desk: "Desk", deploy: Callable[[], str]) -> None:
    deploy()
    begun = desk.ledger.execution(endpoint_row(desk).plan_digest)
    assert begun is not None
    ceiling = desk.plan(begun.plan_id).cost.ceiling_usd
    end = day_start(begun.intent_at) + timedelta(days=1)
    assert at(desk, end - timedelta(microseconds=1)).totals_usd["committed_today"] == ceiling > 0
    assert at(desk, end).totals_usd["committed_today"] == 0
