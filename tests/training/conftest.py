"""A tool context over the session's sandbox with a fresh ledger, and files to plan with."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.policy import Policy
from novaforge.server.ledger import open_ledger
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class QuietAudit:
    """An audit log that keeps nothing."""

    def write(self, event: str, *, actor: str, plan_digest: str = "", detail: Any = None) -> str:
        return ""

    def head(self) -> str:
        return ""


@pytest.fixture
def ctx(aws: Aws, tmp_path: Path) -> ToolContext:
    """Return a context of the sandbox with the execution role as its default."""
    return ToolContext(
        mode=Mode(sandbox=True, writes_allowed=True, owner="tester", default_role="NovaForgeExecution"),
        policy=Policy(),
        ledger=open_ledger(f"sqlite:///{tmp_path}/ledger.db", lambda: NOW),
        aws=aws,
        storage=Storage(aws, (tmp_path,)),
        audit=QuietAudit(),
        clock=lambda: NOW,
    )


def converse(index: int) -> dict[str, Any]:
    """Return one SFT row."""
    turns = [("user", f"Question {index}?"), ("assistant", f"label{index % 3}")]
    return {
        "schemaVersion": "bedrock-conversation-2024",
        "messages": [{"role": role, "content": [{"text": text}]} for role, text in turns],
    }


def prompt(index: int) -> dict[str, Any]:
    """Return one RFT row."""
    return {
        "id": f"row-{index}",
        "messages": [{"role": "user", "content": f"Question {index}?"}],
        "reference_answer": {"label": f"label{index % 3}"},
    }


def question(index: int) -> dict[str, Any]:
    """Return one gen_qa row."""
    return {"query": f"Question {index}?", "response": f"label{index % 3}"}


ROWS = {"SFT_LORA": converse, "RFT_LORA": prompt, "EVALUATION": question}


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a local data file for a method and returns its path."""

    def write(method: str, rows: int = 320, name: str = "train.jsonl") -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(ROWS[method](index)) + "\n" for index in range(rows)), encoding="utf-8")
        return str(path)

    return write


REWARD = b"""
def lambda_handler(event, context):
    return [{"id": sample["id"], "aggregate_reward_score": 1.0} for sample in event]
"""


@pytest.fixture(scope="session")
def reward_arn(aws: Aws) -> str:
    """Return the ARN of a reward function that exists in the sandbox."""
    import io
    import zipfile

    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.call("iam", "create_role", RoleName="planner-reward", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lambda_function.py", REWARD)
    made = aws.call(
        "lambda",
        "create_function",
        FunctionName="planner-reward",
        Runtime="python3.12",
        Role=role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": packed.getvalue()},
        Tags={"novaforge:reward": "yes"},
    )
    return str(made["FunctionArn"])
