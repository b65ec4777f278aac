"""IAM simulation decides as IAM does, and the caller is the sandbox account."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import NotFoundError
from novaforge.server.sandbox.services.permissions import Policy, decide, trusts
from novaforge.server.sandbox.settings import ROLE_ARN
from novaforge.tools.aws.session import Aws


def policy(*statements: dict[str, Any]) -> Policy:
    return Policy("p", "role", {"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources} | more


def deny(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resources} | more


ONE = "arn:aws:s3:::bucket/key"


@pytest.mark.parametrize(
    ("statements", "action", "resource", "outcome"),
    [
        ([], "s3:GetObject", ONE, "implicitDeny"),
        ([allow("s3:GetObject")], "s3:GetObject", ONE, "allowed"),
        ([allow("S3:getobject")], "s3:GetObject", ONE, "allowed"),
        ([allow("s3:Get*")], "s3:GetObject", ONE, "allowed"),
        ([allow("s3:Get?bject")], "s3:GetObject", ONE, "allowed"),
        ([allow("s3:Get*")], "s3:PutObject", ONE, "implicitDeny"),
        ([allow("s3:*", "arn:aws:s3:::bucket/*")], "s3:GetObject", ONE, "allowed"),
        ([allow("s3:*", "arn:aws:s3:::Bucket/*")], "s3:GetObject", ONE, "implicitDeny"),
        ([allow("s3:*", "arn:aws:s3:::bucket/*")], "s3:GetObject", "*", "implicitDeny"),
        ([allow("*"), deny("s3:Get*")], "s3:GetObject", ONE, "explicitDeny"),
        ([allow("*"), deny("s3:*", "arn:aws:s3:::other/*")], "s3:GetObject", ONE, "allowed"),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "s3:GetObject", ONE, "allowed"),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "iam:GetRole", "*", "implicitDeny"),
        (
            [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::bucket/*"}],
            "s3:GetObject",
            ONE,
            "implicitDeny",
        ),
    ],
)
def test_allow_deny_and_wildcards(statements: list[dict[str, Any]], action: str, resource: str, outcome: str) -> None:
    assert decide([policy(*statements)], action, resource, {}).outcome == outcome


PASS = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


@pytest.mark.parametrize(
    ("condition", "context", "outcome"),
    [
        (PASS, {"iam:passedtoservice": ["sagemaker.amazonaws.com"]}, "allowed"),
        (PASS, {"iam:passedtoservice": ["lambda.amazonaws.com"]}, "implicitDeny"),
        (PASS, {}, "implicitDeny"),
        ({"StringEqualsIfExists": PASS["StringEquals"]}, {}, "allowed"),
        ({"StringLike": {"a:b": ["x*", "y*"]}}, {"a:b": ["yes"]}, "allowed"),
        ({"StringNotEquals": {"a:b": "x"}}, {"a:b": ["x"]}, "implicitDeny"),
        ({"StringNotEquals": {"a:b": "x"}}, {"a:b": ["y"]}, "allowed"),
        ({"Bool": {"a:b": "true"}}, {"a:b": ["True"]}, "allowed"),
        ({"Null": {"a:b": "true"}}, {}, "allowed"),
        ({"Null": {"a:b": "false"}}, {}, "implicitDeny"),
        ({"NumericLessThan": {"a:b": "5"}}, {"a:b": ["3"]}, "implicitDeny"),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, list[str]], outcome: str) -> None:
    found = decide([policy(allow("iam:PassRole", Condition=condition))], "iam:PassRole", "*", context)
    assert found.outcome == outcome


def test_a_context_value_that_was_not_given_is_named() -> None:
    assert decide([policy(allow("*", Condition=PASS))], "iam:PassRole", "*", {}).missing == {"iam:PassedToService"}


@given(st.text(), st.text())
def test_a_pattern_without_wildcards_matches_itself_only(pattern: str, value: str) -> None:
    literal = pattern.replace("*", "").replace("?", "")
    outcome = decide([policy(allow("s3:GetObject", literal))], "s3:GetObject", value, {}).outcome
    assert outcome == ("allowed" if value == literal else "implicitDeny")


@given(st.lists(st.sampled_from(["s3:*", "s3:GetObject", "*", "iam:*"]), max_size=4))
def test_a_deny_of_everything_beats_any_allow(actions: list[str]) -> None:
    policies = [policy(*map(allow, actions)), policy(deny("*"))]
    assert decide(policies, "s3:GetObject", ONE, {}).outcome == "explicitDeny"


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"Service": "sagemaker.amazonaws.com"}, True),
        ({"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]}, True),
        ({"Service": "lambda.amazonaws.com"}, False),
        ({"AWS": "arn:aws:iam::111122223333:root"}, False),
        ("*", True),
    ],
)
def test_trust(principal: Any, trusted: bool) -> None:
    document = {"Statement": {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}}
    assert trusts(document, "sagemaker.amazonaws.com") is trusted


def test_the_execution_role_may_do_what_jobs_need_and_no_more(aws: Aws) -> None:
    actions = [
        "s3:GetObject",
        "s3:PutObject",
        "s3:ListBucket",
        "logs:PutLogEvents",
        "lambda:InvokeFunction",
        "s3:DeleteObject",
    ]
    found = aws.call("iam", "simulate_principal_policy", PolicySourceArn=ROLE_ARN, ActionNames=actions)
    decisions = {row["EvalActionName"]: row["EvalDecision"] for row in found["EvaluationResults"]}
    assert decisions == dict.fromkeys(actions[:5], "allowed") | {"s3:DeleteObject": "implicitDeny"}


def test_simulation_reads_inline_attached_and_boundary_policies(aws: Aws) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow(["s3:*", "iam:GetRole"])]})
    bound = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*")]})
    boundary = aws.call("iam", "create_policy", PolicyName="boundary", PolicyDocument=bound)["Policy"]["Arn"]
    arn = aws.call(
        "iam", "create_role", RoleName="bounded", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary
    )["Role"]["Arn"]
    aws.call("iam", "put_role_policy", RoleName="bounded", PolicyName="inline", PolicyDocument=document)
    managed = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    aws.call("iam", "attach_role_policy", RoleName="bounded", PolicyArn=managed)
    found = aws.call(
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=arn,
        ActionNames=["s3:GetObject", "iam:GetRole", "logs:PutLogEvents"],
        ResourceArns=[ONE, "*"],
    )["EvaluationResults"]
    decisions = [(row["EvalActionName"], row["EvalDecision"]) for row in found]
    assert decisions == [("s3:GetObject", "allowed")] * 2 + [
        (action, "implicitDeny") for action in ("iam:GetRole", "logs:PutLogEvents") for _ in range(2)
    ]


def test_a_role_that_does_not_exist_is_not_found(aws: Aws) -> None:
    with pytest.raises(NotFoundError):
        aws.call("iam", "simulate_principal_policy", PolicySourceArn=ROLE_ARN + "x", ActionNames=["s3:GetObject"])


def test_the_caller_is_the_sandbox_account(aws: Aws) -> None:
    aws.forget_principal()
    principal = aws.principal()
    assert (principal.account, principal.arn) == ("111122223333", "arn:aws:iam::111122223333:user/sandbox")
