"""Run reward code in a process of its own. Started as a script by the runner; nothing of the server imports it.

Usage: python -I -S child.py JOB OUT. JOB is a JSON file {code, events, call_s, memory_bytes, paths}; OUT gets JSON lines:
first {"loaded": true} or {"load_error": text}, then one {"ms", "value"} or {"ms", "error"} per event.
"""

import contextlib
import importlib.util
import json
import os
import signal
import sys
import time
from typing import Any

FILE_BYTES = 16 * 1024 * 1024
OPEN_FILES = 64


class Overtime(BaseException):
    """A call ran longer than allowed; not an Exception, so that reward code cannot catch it by accident."""


class Context:
    """What AWS Lambda passes as the second argument, as far as reward code uses it."""

    function_name = "local"
    function_version = "$LATEST"
    memory_limit_in_mb = "512"
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:local"

    def __init__(self, call_s: float) -> None:
        self._end = time.monotonic() + call_s

    def get_remaining_time_in_millis(self) -> int:
        """Return how long this call may still run, in milliseconds."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Cap memory, CPU time, file size and open files, as far as the system knows these limits."""
    try:
        import resource  # Unix only
    except ImportError:
        return
    for name, value in (
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_CPU", cpu_s),
        ("RLIMIT_FSIZE", FILE_BYTES),
        ("RLIMIT_NOFILE", OPEN_FILES),
        ("RLIMIT_CORE", 0),
    ):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            resource.setrlimit(getattr(resource, name), (value, value))


def load(path: str) -> Any:
    """Import the reward file and return its lambda_handler."""
    spec = importlib.util.spec_from_file_location("lambda_function", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{os.path.basename(path)} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["lambda_function"] = module
    spec.loader.exec_module(module)
    handler = getattr(module, "lambda_handler", None)
    if not callable(handler):
        raise TypeError("lambda_handler(event, context) is not defined")
    return handler


def describe(error: BaseException) -> str:
    """Return an exception as one short text."""
    if isinstance(error, Overtime):
        return "Timeout: the call ran longer than allowed"
    return f"{type(error).__name__}: {error}"[:2000]


def call(handler: Any, event: Any, call_s: float) -> dict[str, Any]:
    """Call the handler once under the time limit; the answer must survive JSON, as it must on Lambda."""
    started = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, call_s)
        value = json.loads(json.dumps(handler(event, Context(call_s))))
        signal.setitimer(signal.ITIMER_REAL, 0)
        outcome = {"value": value}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit and Overtime too: whatever the code does is a result
        signal.setitimer(signal.ITIMER_REAL, 0)
        outcome = {"error": describe(error)}
    return {"ms": round((time.perf_counter() - started) * 1000, 3), **outcome}


def overtime(number: int, frame: Any) -> None:
    """Turn the alarm into an exception in the running call."""
    raise Overtime


def main(job_path: str, out_path: str) -> None:
    """Load the code once and call it with each event."""
    with open(job_path, encoding="utf-8") as file:
        job = json.load(file)
    sys.path[:0] = job["paths"]
    sys.dont_write_bytecode = True
    with open(out_path, "w", encoding="utf-8") as out:
        limit(job["memory_bytes"], job["cpu_s"])
        signal.signal(signal.SIGALRM, overtime)

        def tell(line: dict[str, Any]) -> None:
            out.write(json.dumps(line) + "\n")
            out.flush()

        try:
            signal.setitimer(signal.ITIMER_REAL, job["call_s"])
            handler = load(job["code"])
            signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException as error:  # noqa: BLE001 - import-time exits and overruns are results too
            signal.setitimer(signal.ITIMER_REAL, 0)
            tell({"load_error": describe(error)})
            return
        tell({"loaded": True})
        for event in job["events"]:
            tell(call(handler, event, job["call_s"]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
