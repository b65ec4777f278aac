"""Cleanup deletes exactly what the ledger and the tags call ours, in an order AWS accepts, and says what it leaves."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import AwsError, InputError, RefusedError
from novaforge.guards.policy import Policy
from novaforge.tools.cleanup.plan import plan_cleanup
from novaforge.tools.plans.view import PlanView
from novaforge.tools.records import JobRecord, ResourceRecord

if TYPE_CHECKING:
    from tests.conftest import Desk

DELETING_A_DEPLOYMENT = ["delete_endpoint", "delete_endpoint_config", "delete_model", "describe_endpoint"]


def calls(plan: PlanView) -> list[str]:
    return [str(item["call"]).partition(":")[2] for item in plan.requests]


def said(plan: PlanView, rule: str, severity: str) -> str:
    return " | ".join(item.message for item in plan.findings if (item.rule, item.severity) == (rule, severity))


def row_of(desk: "Desk", kind: str) -> ResourceRecord:
    (row,) = desk.ledger.resources(kind=kind)
    return row


def test_everything_made_is_deleted_in_order_and_the_ledger_knows(
    desk: "Desk", deploy: Callable[[], str], reward: Callable[[], str]
) -> None:
    endpoint, function = deploy(), reward()
    role = row_of(desk, "iam:role").name
    plan = plan_cleanup(desk.ctx, scope="all")
    assert calls(plan) == [
        "delete_endpoint", "delete_endpoint_config", "delete_model", "delete_function", "delete_role_policy",
        "delete_role", "describe_endpoint",
    ]  # fmt: skip
    assert plan.state == "planned" and plan.ceiling_usd == 0 and "$16.69 per hour" in plan.cost_basis
    assert "escrow" in said(plan, "CL5", "info") and "include_artifacts" in said(plan, "CL5", "info")
    outcome = desk.apply(plan.plan_id)
    assert outcome.status == "started" and outcome.error == "", outcome.text()
    assert not desk.exists("sagemaker:endpoint", endpoint)
    assert not desk.exists("lambda:function", function) and not desk.exists("iam:role", role)
    assert desk.ledger.resources() == []
    with pytest.raises(RefusedError) as caught:
        plan_cleanup(desk.ctx, scope="all")
    assert caught.value.data["rule"] == "nothing-to-clean"


def test_an_empty_ledger_leaves_nothing_to_clean_even_when_the_account_is_full(desk: "Desk") -> None:
    with pytest.raises(RefusedError, match="nothing to delete"):
        plan_cleanup(desk.ctx, scope="all")
    assert desk.exists("iam:role", "NovaForgeExecution")


def test_scopes_pick_deployments_or_rewards(desk: "Desk", deploy: Callable[[], str], reward: Callable[[], str]) -> None:
    deploy(), reward()
    assert calls(plan_cleanup(desk.ctx, scope="deployments")) == DELETING_A_DEPLOYMENT
    assert calls(plan_cleanup(desk.ctx, scope="rewards")) == ["delete_function", "delete_role_policy", "delete_role"]


@pytest.mark.parametrize("attribute", ["name", "arn", "resource_id", "plan_id", "plan_digest"])
def test_ids_of_every_kind_pick_all_that_one_plan_made(desk: "Desk", deploy: Callable[[], str], attribute: str) -> None:
    kept, wanted = deploy(), deploy()
    row = desk.ledger.resource(f"sagemaker:endpoint/{wanted}")
    plan = plan_cleanup(desk.ctx, scope="all", ids=[getattr(row, attribute)])
    assert calls(plan) == DELETING_A_DEPLOYMENT
    assert kept not in str(plan.requests)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"scope": "all", "ids": ["somebody-elses"]}, "ids"),
        ({"scope": "all", "ids": [""]}, "ids"),
        ({"scope": "all", "ids": []}, "ids"),
        ({"scope": "plan"}, "ids"),
        ({"scope": "rewards", "include_artifacts": True}, "include_artifacts"),
    ],
)
def test_ids_that_are_not_ours_and_senseless_combinations_are_refused(
    desk: "Desk", arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        plan_cleanup(desk.ctx, **arguments)
    assert caught.value.data["field"] == field


def test_a_name_that_is_not_known_is_refused_with_those_that_are(desk: "Desk", reward: Callable[[], str]) -> None:
    function = reward()
    nameless = row_of(desk, "lambda:function").model_copy(update={"arn": "", "resource_id": "lambda:function/unmade"})
    desk.ledger.put_resource(nameless)
    for wrong in ("no-such\nname", ""):
        with pytest.raises(InputError) as caught:
            plan_cleanup(desk.ctx, scope="all", ids=[wrong])
        assert caught.value.data["value"] == [wrong]
        assert function in caught.value.fix and "\n" not in caught.value.message


def test_a_function_goes_although_its_role_is_somebody_elses(desk: "Desk", reward: Callable[[], str]) -> None:
    reward()
    role = row_of(desk, "iam:role").name
    desk.call("iam", "untag_role", RoleName=role, TagKeys=["novaforge:plan"])
    plan = plan_cleanup(desk.ctx, scope="all")
    assert calls(plan) == ["delete_function"] and role in said(plan, "CL1", "warn")
    assert desk.apply(plan.plan_id).status == "started"
    assert desk.exists("iam:role", role)


def test_a_cleanup_says_which_jobs_go_on(
    desk: "Desk", reward: Callable[[], str], job: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    reward()
    running = job(phase="running", observed={})
    monkeypatch.setattr("novaforge.tools.cleanup.jobs.refresh", lambda ctx, row: (row, None))
    plan = plan_cleanup(desk.ctx, scope="all")
    assert f"job {running.job_id} is running; a cleanup does not stop jobs" in said(plan, "CL2", "warn")


def test_a_resource_without_our_tag_is_never_deleted(desk: "Desk", reward: Callable[[], str]) -> None:
    function = reward()
    arn = row_of(desk, "lambda:function").arn
    desk.call("lambda", "untag_resource", Resource=arn, TagKeys=["novaforge:plan"])
    desk.call("lambda", "tag_resource", Resource=arn, Tags={"novaforge:plan": "0" * 64})
    with pytest.raises(RefusedError) as caught:
        plan_cleanup(desk.ctx, scope="all")
    rules = {finding["rule"]: finding["severity"] for finding in caught.value.data["findings"]}
    assert rules == {"CL1": "warn", "CL2": "warn"}, "the role stays too: the function needs it"
    assert desk.exists("lambda:function", function)


def test_a_foreign_resource_beside_ours_is_left_out_and_named(
    desk: "Desk", deploy: Callable[[], str], reward: Callable[[], str]
) -> None:
    deploy()
    function = reward()
    desk.call("lambda", "untag_resource", Resource=row_of(desk, "lambda:function").arn, TagKeys=["novaforge:plan"])
    plan = plan_cleanup(desk.ctx, scope="all")
    assert calls(plan) == DELETING_A_DEPLOYMENT
    assert function in said(plan, "CL1", "warn")
    assert desk.apply(plan.plan_id).status == "started"
    assert desk.exists("lambda:function", function)


def test_a_resource_that_changes_hands_after_planning_makes_the_plan_stale(
    desk: "Desk", reward: Callable[[], str]
) -> None:
    function = reward()
    plan = plan_cleanup(desk.ctx, scope="all")
    desk.call("lambda", "tag_resource", Resource=row_of(desk, "lambda:function").arn, Tags={"novaforge:plan": "other"})
    outcome = desk.apply(plan.plan_id)
    assert outcome.status == "stale" and outcome.differences[0]["path"] == "$.tag"
    assert desk.exists("lambda:function", function)


def test_what_is_already_gone_is_noted_and_the_rest_is_deleted(desk: "Desk", deploy: Callable[[], str]) -> None:
    endpoint = deploy()
    live = desk.sandbox.endpoint.sandbox.hosting.endpoints[endpoint]
    desk.call("sagemaker", "delete_endpoint", EndpointName=endpoint)
    assert live.gone.wait(120)
    desk.call("sagemaker", "delete_model", ModelName=row_of(desk, "sagemaker:model").name)
    plan = plan_cleanup(desk.ctx, scope="all")
    assert calls(plan) == ["delete_endpoint_config"]
    assert "endpoint" in said(plan, "CL2", "info") and "model" in said(plan, "CL2", "info")
    assert {row.kind for row in desk.ledger.resources()} == {"sagemaker:endpoint-config"}
    assert desk.apply(plan.plan_id).status == "started"


def test_a_resource_that_cannot_be_read_is_kept_with_all_that_hangs_on_it(
    desk: "Desk", deploy: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    call = desk.ctx.aws.call

    def denied(service: str, operation: str, /, **request: Any) -> Any:
        if operation == "describe_endpoint":
            raise AwsError("denied", operation=operation, code="AccessDeniedException")
        return call(service, operation, **request)

    monkeypatch.setattr(desk.ctx.aws, "call", denied)
    with pytest.raises(RefusedError) as caught:
        plan_cleanup(desk.ctx, scope="all")
    severities = [finding["severity"] for finding in caught.value.data["findings"]]
    assert severities == ["not_checked", "warn", "warn"]
    assert len(desk.ledger.resources()) == 3


def test_resources_of_another_region_are_not_taken_for_gone(desk: "Desk", reward: Callable[[], str]) -> None:
    reward()
    far = {"region": "eu-west-2", "name": "far", "resource_id": "lambda:function/far", "plan_digest": "e" * 64}
    desk.ledger.put_resource(row_of(desk, "lambda:function").model_copy(update=far))
    plan = plan_cleanup(desk.ctx, scope="rewards")
    assert calls(plan) == ["delete_function", "delete_role_policy", "delete_role"]
    assert "eu-west-2" in said(plan, "CL1", "not_checked")
    assert any(item.name == "far" for item in desk.ledger.resources())


def test_a_plan_still_being_carried_out_is_finished_first(desk: "Desk", reward: Callable[[], str]) -> None:
    reward()
    row = row_of(desk, "lambda:function")
    ledger = desk.ctx.ledger
    settled = ledger.execution(row.plan_digest)
    assert settled is not None
    waiting = settled.model_copy(update={"state": "unknown"})

    class Unsettled:
        def __getattr__(self, name: str) -> Any:
            return getattr(ledger, name)

        def execution(self, digest: str) -> Any:
            return waiting

    unsettled: Any = Unsettled()
    with pytest.raises(RefusedError, match="is not finished"):
        plan_cleanup(replace(desk.ctx, ledger=unsettled), scope="all")
    assert len(ledger.resources()) == 2


def test_an_endpoint_being_created_comes_last_with_a_warning(
    desk: "Desk", deploy: Callable[[], str], reward: Callable[[], str]
) -> None:
    endpoint = deploy()
    reward()
    desk.sandbox.endpoint.sandbox.hosting.endpoints[endpoint].status = "Creating"
    plan = plan_cleanup(desk.ctx, scope="all")
    assert calls(plan) == ["delete_function", "delete_role_policy", "delete_role", *DELETING_A_DEPLOYMENT]
    assert "Creating" in said(plan, "CL3", "warn")
    outcome = desk.apply(plan.plan_id)
    assert outcome.status == "refused" and "in-progress" in outcome.error
    assert {row.kind.partition(":")[0] for row in desk.ledger.resources()} == {"sagemaker"}
    desk.sandbox.endpoint.sandbox.hosting.endpoints[endpoint].status = "InService"
    assert desk.apply(plan_cleanup(desk.ctx, scope="all").plan_id).status == "started"
    assert desk.ledger.resources() == []


def test_policies_and_instance_profiles_come_off_a_role_before_it_goes(desk: "Desk", reward: Callable[[], str]) -> None:
    reward()
    row = row_of(desk, "iam:role")
    managed = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    desk.call("iam", "attach_role_policy", RoleName=row.name, PolicyArn=managed)
    ours, theirs = f"ours-{row.name[-12:]}", f"theirs-{row.name[-12:]}"
    for profile, tag in ((ours, row.plan_digest), (theirs, "other")):
        tags = [{"Key": "novaforge:plan", "Value": tag}]
        desk.call("iam", "create_instance_profile", InstanceProfileName=profile, Tags=tags)
        desk.call("iam", "add_role_to_instance_profile", InstanceProfileName=profile, RoleName=row.name)
    plan = plan_cleanup(desk.ctx, scope="all")
    assert calls(plan) == [
        "delete_function", "detach_role_policy", "delete_role_policy", "remove_role_from_instance_profile",
        "delete_instance_profile", "remove_role_from_instance_profile", "delete_role",
    ]  # fmt: skip
    assert theirs in said(plan, "CL1", "confirm")
    assert desk.apply(plan.plan_id).status == "started"
    assert not desk.exists("iam:role", row.name) and not desk.exists("iam:instance-profile", ours)
    assert desk.exists("iam:instance-profile", theirs)
    desk.call("iam", "get_policy", PolicyArn=managed)


def test_a_policy_attached_after_planning_makes_the_plan_stale(desk: "Desk", reward: Callable[[], str]) -> None:
    reward()
    row = row_of(desk, "iam:role")
    plan = plan_cleanup(desk.ctx, scope="all")
    managed = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    desk.call("iam", "attach_role_policy", RoleName=row.name, PolicyArn=managed)
    assert desk.apply(plan.plan_id).status == "stale"
    assert desk.exists("iam:role", row.name)


@pytest.mark.parametrize("by", ["name", "arn", "resource_id"])
def test_a_reward_function_that_a_running_job_calls_stays(
    desk: "Desk", reward: Callable[[], str], job: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    function = reward()
    given = getattr(row_of(desk, "lambda:function"), by)
    running = job(phase="running", observed={}, spec={"reward": given})
    monkeypatch.setattr("novaforge.tools.cleanup.jobs.refresh", lambda ctx, row: (row, None))
    with pytest.raises(RefusedError, match="uses it") as caught:
        plan_cleanup(desk.ctx, scope="rewards")
    assert running.job_id in caught.value.message and desk.exists("lambda:function", function)


def test_a_used_up_budget_never_stops_a_cleanup(desk: "Desk", deploy: Callable[[], str]) -> None:
    deploy()
    poor = replace(desk.ctx, policy=Policy(max_usd_per_day=1))  # type: ignore[arg-type]  # pydantic makes it a Decimal
    desk.ctx = poor
    plan = plan_cleanup(poor, scope="all")
    assert plan.state == "planned"
    assert desk.apply(plan.plan_id).status == "started"
