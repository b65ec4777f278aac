"""Call a reward function: local code in a limited process, deployed code through Lambda."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import RefusedError
from novaforge.guards.text import one_line
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.deadline import DeadlinePassed, within
from novaforge.tools.aws.resources import PLAN_TAG
from novaforge.tools.context import ToolContext

CALL_S = 5.0
"""Longest single local call. A reward slower than this fails rule RL6 anyway."""
MEMORY_BYTES = 512 * 1024 * 1024
"""Address space of the local process: the memory size that plan_reward asks Lambda for."""
REWARD_TAG = "novaforge:reward"
"""Put by its owner on a Lambda function made elsewhere, with any value: it may be called without an approval."""
PAYLOAD_BYTES = 6 * 1024 * 1024
"""Lambda's limit for the request and the response of a synchronous call."""

Event = list[JsonObject]


@dataclass(frozen=True)
class Call:
    """One call: the answer, or an error text; `ran` is False when time was up before its turn."""

    value: JsonValue = None
    ms: float = 0.0
    error: str = ""
    ran: bool = True

    @property
    def ok(self) -> bool:
        """Whether an answer came back."""
        return self.ran and not self.error


Runner = Callable[[Sequence[Event], float], list[Call]]
"""(events, seconds in all) -> one Call per event."""


def local_runner(code: bytes, *, needs_boto3: bool = False, call_s: float = CALL_S) -> Runner:
    """Return a runner that starts a fresh process for the code each time it is called."""

    def run(events: Sequence[Event], total_s: float) -> list[Call]:
        with tempfile.TemporaryDirectory(prefix="novaforge-reward-") as folder:
            return _run_in(Path(folder), code, events, total_s, call_s, needs_boto3)

    return run


def deployed_runner(ctx: ToolContext, function: str) -> Runner:
    """Return a runner that invokes a Lambda function once per event; it raises AwsError when AWS refuses the call.

    Raises RefusedError for a function that neither this server made nor its owner tagged for it: a call can do anything.
    """
    tags = ctx.aws.call("lambda", "get_function", FunctionName=function).get("Tags", {})
    if PLAN_TAG not in tags and REWARD_TAG not in tags:
        raise RefusedError(
            f"The function {one_line(function)} is not called: nothing says that it is a reward function.",
            rule="not-a-reward",
            fix=f"deploy one with plan_reward, or have its owner tag it {REWARD_TAG}",
        )

    def run(events: Sequence[Event], total_s: float) -> list[Call]:
        end = time.monotonic() + total_s
        calls: list[Call] = []
        for event in events:
            left = end - time.monotonic()
            if left <= 0:
                break
            try:
                calls.append(within(left, partial(_invoke, ctx, function, event)))
            except DeadlinePassed:
                calls.append(Call(error=f"Timeout: no answer within {left:.0f} s"))
        return calls + [Call(ran=False)] * (len(events) - len(calls))

    return run


def _run_in(
    folder: Path, code: bytes, events: Sequence[Event], total_s: float, call_s: float, needs_boto3: bool
) -> list[Call]:
    (folder / "lambda_function.py").write_bytes(code)
    job = {
        "code": str(folder / "lambda_function.py"),
        "events": list(events),
        "call_s": min(call_s, total_s),
        "cpu_s": int(total_s) + 1,
        "memory_bytes": MEMORY_BYTES,
        # Lambda's runtime has boto3 beside the standard library and nothing else of what is installed here.
        "paths": [_site_of_boto3()] if needs_boto3 else [],
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    ended = _start(folder, total_s)
    return _outcomes(folder / "out.jsonl", len(events), ended)


def _start(folder: Path, total_s: float) -> str:
    """Run the child to its end or the time limit; return why it ended early, or an empty text."""
    child = Path(__file__).with_name("child.py")
    command = [sys.executable, "-I", "-S", str(child), str(folder / "job.json"), str(folder / "out.jsonl")]
    with open(folder / "printed.txt", "wb") as printed:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=total_s)
        except subprocess.TimeoutExpired:
            return f"Timeout: stopped after {total_s:g} s"
        finally:
            # The whole group, so that processes the code started end with it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return "" if code == 0 else f"the process ended with code {code}"


def _outcomes(path: Path, count: int, ended: str) -> list[Call]:
    lines: list[dict[str, Any]] = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the last line of a killed process may be cut
                lines.append(json.loads(line))
    if not lines or "load_error" in lines[0]:
        reason = lines[0]["load_error"] if lines else ended or "the process wrote nothing"
        return [Call(error=f"{reason} (while the file was loaded)")] * count
    calls = [Call(line.get("value"), line["ms"], line.get("error", "")) for line in lines[1 : count + 1]]
    if len(calls) < count and ended and not ended.startswith("Timeout"):
        calls.append(Call(error=ended))
    return calls + [Call(ran=False)] * (count - len(calls))


def _invoke(ctx: ToolContext, function: str, event: Event) -> Call:
    payload = json.dumps(event, ensure_ascii=False).encode()
    if len(payload) > PAYLOAD_BYTES:
        return Call(error=f"PayloadTooLarge: the event has {len(payload)} bytes, Lambda takes {PAYLOAD_BYTES}")
    started = time.perf_counter()
    response = ctx.aws.call(
        "lambda", "invoke", FunctionName=function, InvocationType="RequestResponse", Payload=payload
    )
    body = response["Payload"].read()
    ms = _ms_since(started)
    try:
        value = json.loads(body)
    except ValueError:
        return Call(ms=ms, error="InvalidResponse: the answer is not JSON")
    if response.get("FunctionError"):
        return Call(ms=ms, error=_failure(value))
    return Call(value, ms)


def _failure(value: Any) -> str:
    detail = value if isinstance(value, dict) else {}
    return f"{detail.get('errorType', 'FunctionError')}: {detail.get('errorMessage', '')}"[:2000]


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def _site_of_boto3() -> str:
    import importlib.util

    spec = importlib.util.find_spec("boto3")
    return str(Path(spec.origin).parents[1]) if spec and spec.origin else ""
