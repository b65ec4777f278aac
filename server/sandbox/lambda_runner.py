"""Run one Lambda invocation: `lambda_runner.py SPEC.json`, with nothing imported but the standard library.

Reads the event, calls the handler under a memory limit, writes the outcome. What the handler may import is what Lambda's Python
runtime brings: the standard library, the function's own files, and boto3 with what it needs.
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

RUNTIME_PACKAGES = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"}
TASK_ROOT = "/var/task"
"""Where Lambda unpacks a function; stack traces name files there."""
RESPONSE_BYTES = 6 * 1024 * 1024


class RuntimePackages(importlib.abc.MetaPathFinder):
    """Finds the packages of Lambda's runtime, and no others, in the sandbox's own installation."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a top-level package of the runtime."""
        if path is None and fullname in RUNTIME_PACKAGES:
            return importlib.machinery.PathFinder.find_spec(fullname, [self._folder])
        return None


class Context:
    """What Lambda's context object tells a handler."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.function_name = spec["function_name"]
        self.function_version = spec["version"]
        self.invoked_function_arn = spec["arn"]
        self.memory_limit_in_mb = str(spec["memory_mb"])
        self.aws_request_id = spec["request_id"]
        self.log_group_name = spec["log_group"]
        self.log_stream_name = spec["log_stream"]
        self.identity = None
        self.client_context = None
        self._deadline = time.monotonic() + spec["timeout_s"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class Refusal(Exception):
    """The runtime itself says no; carries Lambda's error type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Return {"payload": JSON text} or {"error": {...}} or {"out_of_memory": true}."""
    try:
        handler = _handler(spec)
        with open(spec["event"], encoding="utf-8") as file:
            event = json.load(file)
        limit = spec["memory_mb"] * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        return {"payload": _marshal(handler(event, Context(spec)))}
    except MemoryError:
        return {"out_of_memory": True}
    except Refusal as refusal:
        return {"error": _error(spec, refusal.kind, str(refusal), [])}
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is reported to its caller
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        frames = [frame.replace(spec["code"], TASK_ROOT) for frame in frames]
        print(f"[ERROR] {type(error).__name__}: {error}\n" + "".join(frames), flush=True)
        return {"error": _error(spec, type(error).__name__, str(error), frames)}


def _handler(spec: dict[str, Any]) -> Callable[[Any, Context], Any]:
    module_name, _, function = spec["handler"].rpartition(".")
    sys.path.insert(0, spec["code"])
    sys.meta_path.append(RuntimePackages(spec["packages"]))
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Refusal("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        kind = "Runtime.UserCodeSyntaxError"
        raise Refusal(kind, f"Syntax error in module '{module_name}': {error}") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise Refusal("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'")
    return found  # type: ignore[no-any-return] # whatever the module calls its handler


def _marshal(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise Refusal("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    if len(text.encode()) > RESPONSE_BYTES:
        kind = "Function.ResponseSizeTooLarge"
        raise Refusal(kind, f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes).")
    return text


def _error(spec: dict[str, Any], kind: str, message: str, frames: list[str]) -> dict[str, Any]:
    return {"errorMessage": message, "errorType": kind, "requestId": spec["request_id"], "stackTrace": frames}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as told:
        given = json.load(told)
    outcome = run(given)
    with open(given["outcome"], "w", encoding="utf-8") as answer:
        json.dump(outcome, answer, ensure_ascii=False)
