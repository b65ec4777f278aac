"""Functions deployed to the sandbox really run, inside Lambda's limits, and fail as Lambda's do."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from novaforge.guards.errors import AwsError, ConflictError, NotFoundError
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws

Make = Callable[..., str]

REWARD = """
def lambda_handler(event, context):
    return [
        {"id": row["id"], "aggregate_reward_score": 1 if row["messages"][-1]["content"] == row["reference_answer"] else -1}
        for row in event
    ]
"""


def invoke(aws: Aws, name: str, event: Any = None, **more: Any) -> tuple[Any, str | None, str]:
    answer = aws.call("lambda", "invoke", FunctionName=name, Payload=json.dumps(event), LogType="Tail", **more)
    log = base64.b64decode(answer["LogResult"]).decode()
    return json.loads(answer["Payload"].read()), answer.get("FunctionError"), log


def test_a_reward_function_scores_rows(aws: Aws, function: Make) -> None:
    rows = [
        {"id": "1", "messages": [{"role": "assistant", "content": "münchen"}], "reference_answer": "münchen"},
        {"id": "2", "messages": [{"role": "assistant", "content": "x"}], "reference_answer": "y"},
    ]
    scores, error, _ = invoke(aws, function(REWARD), rows)
    assert error is None
    assert [row["aggregate_reward_score"] for row in scores] == [1, -1]


def test_the_arn_is_as_good_as_the_name(aws: Aws, function: Make) -> None:
    name = function("def lambda_handler(event, context):\n    return context.invoked_function_arn\n")
    arn = aws.call("lambda", "get_function", FunctionName=name)["Configuration"]["FunctionArn"]
    assert invoke(aws, arn)[0] == arn


def test_a_function_sees_its_settings_and_prints_to_its_log(aws: Aws, function: Make) -> None:
    source = """
import os
def lambda_handler(event, context):
    print("working on", event["x"])
    return [os.environ["COLOUR"], context.function_name, context.memory_limit_in_mb, os.environ.get("HOME") == os.getcwd()]
"""
    name = function(source, Environment={"Variables": {"COLOUR": "blue"}}, MemorySize=256)
    answer, _, log = invoke(aws, name, {"x": 5})
    assert answer == ["blue", name, "256", True]
    assert "working on 5" in log and "REPORT RequestId" in log
    events = aws.call("logs", "filter_log_events", logGroupName=f"/aws/lambda/{name}")["events"]
    assert "working on 5" in [event["message"] for event in events]


def test_secrets_of_the_sandbox_process_do_not_reach_a_function(
    aws: Aws, function: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real-token")
    monkeypatch.setenv("MY_PASSWORD", "hunter2")
    name = function("import os\ndef lambda_handler(event, context):\n    return dict(os.environ)\n")
    seen = invoke(aws, name)[0]
    assert not {"AWS_SESSION_TOKEN", "MY_PASSWORD"} & seen.keys()
    assert seen["AWS_ACCESS_KEY_ID"] == "sandbox"


def test_an_exception_is_reported_as_lambda_does(aws: Aws, function: Make) -> None:
    name = function("def lambda_handler(event, context):\n    raise ValueError('no such label: ü')\n")
    error, kind, log = invoke(aws, name)
    assert kind == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such label: ü")
    assert '/var/task/lambda_function.py", line 2' in error["stackTrace"][0]
    assert "[ERROR] ValueError" in log


@pytest.mark.parametrize(
    ("source", "changes", "kind", "words"),
    [
        (
            "import numpy\ndef lambda_handler(e, c): return 1",
            {},
            "Runtime.ImportModuleError",
            "No module named 'numpy'",
        ),
        ("def lambda_handler(e, c) return 1", {}, "Runtime.UserCodeSyntaxError", "Syntax error"),
        ("def other(e, c): return 1", {}, "Runtime.HandlerNotFound", "Handler 'lambda_handler' missing"),
        ("def lambda_handler(e, c): return {1, 2}", {}, "Runtime.MarshalError", "not JSON serializable"),
        (
            "def lambda_handler(e, c): return 'x' * 7000000",
            {"MemorySize": 512},
            "Function.ResponseSizeTooLarge",
            "6291456",
        ),
        ("def lambda_handler(e, c): return len(bytearray(400_000_000))", {}, "Runtime.ExitError", "signal: killed"),
        ("import os\ndef lambda_handler(e, c): os._exit(3)", {}, "Runtime.ExitError", "exit status 3"),
        (
            "import time\ndef lambda_handler(e, c): time.sleep(60)",
            {"Timeout": 1},
            "Sandbox.Timedout",
            "timed out after 1.00",
        ),
    ],
)
def test_what_goes_wrong_has_lambdas_words(
    aws: Aws, function: Make, source: str, changes: dict[str, Any], kind: str, words: str
) -> None:
    error, told, _ = invoke(aws, function(source, **changes))
    assert told == "Unhandled"
    assert error["errorType"] == kind
    assert words in error["errorMessage"]


def test_a_function_that_times_out_leaves_no_process(sandbox: RunningSandbox, aws: Aws, function: Make) -> None:
    source = "import subprocess\ndef lambda_handler(e, c): subprocess.run(['sleep', '60'])"
    invoke(aws, function(source, Timeout=1))
    assert sandbox.endpoint.sandbox.children.pids() == []


def test_the_sandbox_caps_long_timeouts(sandbox: RunningSandbox, aws: Aws, function: Make) -> None:
    with sandbox.settings(lambda_timeout_cap_s=0.5):
        error, _, _ = invoke(aws, function("import time\ndef lambda_handler(e, c): time.sleep(60)", Timeout=900))
    assert "after 0.50 seconds" in error["errorMessage"]


def test_new_code_runs_after_an_update(aws: Aws, function: Make, package: Callable[..., bytes]) -> None:
    name = function("def lambda_handler(e, c): return 'old'")
    before = aws.call("lambda", "get_function", FunctionName=name)["Configuration"]["CodeSha256"]
    aws.call(
        "lambda", "update_function_code", FunctionName=name, ZipFile=package("def lambda_handler(e, c): return 'new'")
    )
    assert invoke(aws, name)[0] == "new"
    assert aws.call("lambda", "get_function", FunctionName=name)["Configuration"]["CodeSha256"] != before


def test_boto3_inside_a_function_reaches_the_sandbox_account(aws: Aws, function: Make) -> None:
    source = """
import boto3
def lambda_handler(event, context):
    return boto3.client("sts").get_caller_identity()["Account"]
"""
    assert invoke(aws, function(source, MemorySize=512, Timeout=30))[0] == "111122223333"


def test_a_dry_run_runs_nothing(aws: Aws, function: Make) -> None:
    name = function("def lambda_handler(e, c): raise ValueError")
    assert aws.call("lambda", "invoke", FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204


def test_a_function_that_does_not_exist_is_not_found(aws: Aws) -> None:
    with pytest.raises(NotFoundError):
        invoke(aws, "no-such-function")


def test_a_package_that_is_no_zip_file_is_refused(aws: Aws, function: Make) -> None:
    with pytest.raises(AwsError, match="Could not unzip"):
        function("", Code={"ZipFile": b"not a zip"})


def test_a_package_cannot_write_outside_its_folder(
    sandbox: RunningSandbox, aws: Aws, function: Make, package: Callable[..., bytes]
) -> None:
    packed = package("def lambda_handler(e, c): return 1", **{"../../../escaped.py": ""})
    assert invoke(aws, function("", Code={"ZipFile": packed}))[0] == 1
    assert not list(sandbox.folder.glob("escaped.py")) and not list(sandbox.folder.parent.glob("escaped.py"))


def test_a_role_that_lambda_cannot_assume_is_refused(aws: Aws, function: Make) -> None:
    for role in ("arn:aws:iam::111122223333:role/NovaForgeExecution", "arn:aws:iam::111122223333:role/none"):
        with pytest.raises(AwsError, match="cannot be assumed by Lambda") as refused:
            function("def lambda_handler(e, c): return 1", Role=role)
        assert refused.value.code == "InvalidParameterValueException"


def test_a_function_name_is_used_once(aws: Aws, function: Make) -> None:
    name = function("def lambda_handler(e, c): return 1")
    with pytest.raises(ConflictError):
        function("def lambda_handler(e, c): return 1", FunctionName=name)
