"""Reward files, rows and a context for the reward tools."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from novaforge.guards.policy import Policy
from novaforge.guards.values import JsonObject
from novaforge.server.ledger import open_ledger
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Audit, Mode, ToolContext

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LABELS = ("HQ", "LQ_EDIT", "LQ_CLOSE")

STRICT = """
import re

MARKERS = re.compile(r"<\\|(?:begin|end)_of_solution\\|>")

def answer_of(sample):
    content = sample["messages"][-1]["content"]
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return MARKERS.sub("", content).strip()

def lambda_handler(event, context):
    return [
        {"id": sample["id"], "aggregate_reward_score": 1.0 if answer_of(sample) == sample["reference_answer"] else -1.0}
        for sample in event
    ]
"""


class SilentAudit:
    """An audit log that keeps nothing."""

    def write(self, event: str, *, actor: str, plan_digest: str = "", detail: JsonObject | None = None) -> str:
        return ""

    def head(self) -> str:
        return ""


def rows(count: int = 30) -> list[JsonObject]:
    """Return RFT rows of a three-label task."""
    return [
        {
            "id": f"row-ü-{index}",
            "messages": [{"role": "user", "content": f"Rate question {index}: how do I sort a list?"}],
            "reference_answer": LABELS[index % 3],
        }
        for index in range(count)
    ]


@pytest.fixture
def offline(tmp_path: Path) -> ToolContext:
    """A context without AWS: any call to it fails the test."""
    aws = cast(Aws, None)
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db", lambda: NOW)
    audit: Audit = SilentAudit()
    return ToolContext(Mode(sandbox=True), Policy(), ledger, aws, Storage(aws, (tmp_path,)), audit, lambda: NOW)


@pytest.fixture
def reward_file(tmp_path: Path) -> Callable[[str], str]:
    """Write a reward file and return its path."""

    def write(code: str = STRICT) -> str:
        path = tmp_path / "reward.py"
        path.write_text(code, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def data_file(tmp_path: Path) -> Callable[..., str]:
    """Write JSON lines and return their path."""

    def write(items: list[Any] | None = None, name: str = "rft.jsonl") -> str:
        path = tmp_path / name
        path.write_text(
            "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items or rows()), encoding="utf-8"
        )
        return str(path)

    return write
