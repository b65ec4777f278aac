"""`doctor`: what is installed, configured and reachable, in plain words with the fix."""

import argparse
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from novaforge.guards.errors import NovaForgeError
from novaforge.server.app import own_version
from novaforge.server.cli.ledger import audit_state
from novaforge.server.settings import Settings, without_password
from novaforge.server.state import AppState

EXTRAS = {
    "sandbox": ("moto", "torch", "transformers", "trl", "peft", "datasets", "accelerate"),
    "postgres": ("psycopg",),
    "sagemaker": ("sagemaker",),
}


class Line(NamedTuple):
    """One line of the report; "off" is a thing that is absent but not needed for what was asked."""

    mark: Literal["ok", "fix", "off"]
    text: str


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print the report; exit code 1 when something needs fixing."""
    lines = list(examine(settings))
    for line in lines:
        print(f"[{line.mark:>3}] {line.text}")
    return 1 if any(line.mark == "fix" for line in lines) else 0


def examine(settings: Settings) -> Iterator[Line]:
    """Yield the report's lines."""
    yield Line("ok", f"novaforge-mcp {own_version()} on Python {platform.python_version()}, {sys.platform}")
    yield from _extras(settings)
    yield _step("ledger", lambda: _ledger(settings))
    yield _step("audit log", lambda: _audit(settings))
    yield from _aws(settings)


def _extras(settings: Settings) -> Iterator[Line]:
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        needed = extra == "sandbox" and settings.sandbox
        if not missing:
            yield Line("ok", f"extra {extra}: installed")
        else:
            text = f'extra {extra}: {", ".join(missing)} missing; pip install "novaforge-mcp[{extra}]"'
            yield Line("fix" if needed else "off", text)


def _ledger(settings: Settings) -> str:
    state = AppState(settings)
    plans, jobs = state.ledger.plans(limit=1000), state.ledger.jobs(limit=1000)
    return f"{without_password(settings.ledger)}: {len(plans)} plans, {len(jobs)} jobs, {len(state.ledger.unsettled())} unsettled"


def _audit(settings: Settings) -> str:
    intact, text = audit_state(AppState(settings), settings)
    if not intact:
        raise NovaForgeError(text, fix="keep the file as evidence and find out who changed it")
    return text


def _aws(settings: Settings) -> Iterator[Line]:
    if settings.sandbox:
        yield _step("sandbox", lambda: _caller(settings))
        return
    if not (settings.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        yield Line("off", "AWS_REGION is not set; a profile may name a region")
    yield _step("AWS", lambda: _caller(settings))
    yield Line(
        "ok" if settings.writes_allowed else "off",
        "changes to AWS: "
        + ("allowed after approval" if settings.writes_allowed else "off; serve --allow-write turns them on"),
    )


def _caller(settings: Settings) -> str:
    principal = AppState(settings).aws.principal()
    return f"{principal.arn} in {principal.region}"


def _step(name: str, work: Callable[[], str]) -> Line:
    try:
        return Line("ok", f"{name}: {work()}")
    except NovaForgeError as error:
        return Line("fix", f"{name}: {error.as_text()}")
