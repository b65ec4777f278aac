"""What a sandbox is told: waiting times, quotas, worker, faults. One JSON file in its folder, overlaid by one environment variable."""

import json
import os
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from novaforge.guards.errors import ConfigError
from novaforge.guards.values import JsonObject

ACCOUNT = "111122223333"
REGION = "us-east-1"
ACCESS_KEY = "sandbox"
SECRET_KEY = "sandbox"
BUCKET = "novaforge-sandbox"
ROLE_NAME = "NovaForgeExecution"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}"
ESCROW_BUCKET = f"customer-escrow-{ACCOUNT}-smtj-5a9db0c4"
HUB_ACCOUNT = "708977205387"
"""Owner of what AWS itself publishes in the sandbox, so that it does not appear among the account's own buckets."""

SETTINGS_FILE = "settings.json"
SETTINGS_VARIABLE = "NOVAFORGE_SANDBOX_SETTINGS"

QUOTAS: dict[str, float] = {
    "ml.p5.48xlarge for training job usage": 8,
    "ml.p4d.24xlarge for training job usage": 2,
    "ml.p5.48xlarge for endpoint usage": 2,
    "ml.g6.48xlarge for endpoint usage": 2,
}


class Strict(BaseModel):
    """Base of settings: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Fault(Strict):
    """One way calls go wrong; `*` matches any service or operation, `times` counts the calls still to be hit."""

    service: str = "*"
    operation: str = "*"
    times: int = Field(default=1, ge=0)
    kind: Literal["throttle", "http500", "lost_response", "slow"]
    delay_s: float = Field(default=0.0, ge=0, le=120)


class JobFault(Strict):
    """One way training jobs go wrong; `name_contains` picks the jobs, `times` counts those still to be hit."""

    name_contains: str = ""
    times: int = Field(default=1, ge=0)
    capacity_error: bool = False
    fail_at_step: int | None = Field(default=None, ge=0)
    slow_start_s: float = Field(default=0.0, ge=0)


class SandboxSettings(Strict):
    """Settings of one sandbox; seconds are real seconds, quotas are instances by Service Quotas name."""

    waiting_s: float = Field(default=1.5, ge=0, description="seconds a job or endpoint waits for capacity, unbilled")
    stop_grace_s: float = Field(default=10.0, gt=0, description="seconds between SIGTERM and SIGKILL of a worker")
    endpoint_start_s: float = Field(default=180.0, gt=0, description="seconds a model server may take to come up")
    lambda_timeout_cap_s: float = Field(default=60.0, gt=0, description="no function runs longer than this")
    quotas: dict[str, float] = Field(default_factory=QUOTAS.copy)
    worker_command: list[str] = Field(default_factory=lambda: [sys.executable, "-m", "novaforge.server.sandbox.worker"])
    stand_in: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue], description="handed to the worker")
    faults: list[Fault] = Field(default_factory=list[Fault])
    job_faults: list[JobFault] = Field(default_factory=list[JobFault])


def load(folder: Path) -> SandboxSettings:
    """Read the settings of a folder; raises ConfigError that names what is wrong."""
    merged: JsonObject = {}
    for source, text in _sources(folder):
        try:
            part = json.loads(text)
            SandboxSettings.model_validate(part)
        except (ValueError, ValidationError) as error:
            raise ConfigError(f"The sandbox settings in {source} are not valid: {error}", fix="correct them") from error
        merged |= part
    return SandboxSettings.model_validate(merged)


def save(folder: Path, settings: SandboxSettings) -> None:
    """Write the settings a sandbox started over this folder will use."""
    (folder / SETTINGS_FILE).write_text(settings.model_dump_json(indent=2, exclude_unset=True), encoding="utf-8")


def _sources(folder: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    path = folder / SETTINGS_FILE
    if path.is_file():
        found.append((str(path), path.read_text(encoding="utf-8")))
    if os.environ.get(SETTINGS_VARIABLE):
        found.append((SETTINGS_VARIABLE, os.environ[SETTINGS_VARIABLE]))
    return found
