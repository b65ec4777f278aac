"""The sandbox's own small API under /_novaforge/: health, settings, faults, reset, shutdown."""

import json
import os
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from novaforge.server.sandbox.jobs import ENDED
from novaforge.server.sandbox.life import Sandbox
from novaforge.server.sandbox.settings import ACCOUNT, REGION, Fault, JobFault, SandboxSettings
from novaforge.server.sandbox.wire import Reply

PREFIX = "/_novaforge/"
_CALLS, _JOBS = TypeAdapter(list[Fault]), TypeAdapter(list[JobFault])


def handle(sandbox: Sandbox, environ: dict[str, Any], shut_down: Callable[[], None]) -> Reply:
    """Answer one control request; changes are POST, reads are GET."""
    name, method = environ["PATH_INFO"].removeprefix(PREFIX).strip("/"), environ["REQUEST_METHOD"]
    try:
        if (method, name) == ("POST", "shutdown"):
            shut_down()
            return _json(202, {"stopping": os.getpid()})
        if (method, name) in _ROUTES:
            body = json.loads(_body(environ) or b"{}")
            return _json(200, _ROUTES[method, name](sandbox, body))
    except (ValueError, ValidationError) as error:
        return _json(400, {"error": str(error)})
    return _json(
        404, {"error": f"There is no {method} {environ['PATH_INFO']}.", "routes": sorted(map(" ".join, _ROUTES))}
    )


def plain(status: int, text: str) -> Reply:
    """Return a short text."""
    return Reply(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))], [text.encode()])


def health(sandbox: Sandbox, body: Any) -> dict[str, Any]:
    """Say who answers: process, folder, life, and what is running."""
    return {
        "ok": True,
        "pid": os.getpid(),
        "folder": str(sandbox.folder),
        "life": sandbox.life,
        "account": ACCOUNT,
        "region": REGION,
        "running_jobs": sorted(job.name for job in list(sandbox.jobs.values()) if job.status not in ENDED),
        "endpoints": sorted(sandbox.hosting.endpoints),
        "children": sandbox.children.pids(),
    }


def set_faults(sandbox: Sandbox, body: Any) -> dict[str, Any]:
    """Add call faults and job faults; {"clear": true} forgets the earlier ones first."""
    if body.get("clear"):
        sandbox.faults.clear()
    calls, jobs = _CALLS.validate_python(body.get("calls", [])), _JOBS.validate_python(body.get("jobs", []))
    sandbox.faults.add(calls, jobs)
    return read_faults(sandbox, body)


def read_faults(sandbox: Sandbox, body: Any) -> dict[str, Any]:
    """Return the call faults not used up yet."""
    return {"calls": [fault.model_dump() for fault in sandbox.faults.left()]}


def read_settings(sandbox: Sandbox, body: Any) -> dict[str, Any]:
    """Return the settings in force."""
    return sandbox.settings.model_dump()


def change_settings(sandbox: Sandbox, body: Any) -> dict[str, Any]:
    """Change some settings; jobs and endpoints that run already keep what they started with."""
    sandbox.settings = SandboxSettings.model_validate(sandbox.settings.model_dump() | body)
    return sandbox.settings.model_dump()


def reset(sandbox: Sandbox, body: Any) -> dict[str, Any]:
    """Become a fresh account."""
    sandbox.reset()
    return {"life": sandbox.life}


_ROUTES: dict[tuple[str, str], Callable[[Sandbox, Any], dict[str, Any]]] = {
    ("GET", "health"): health,
    ("GET", "faults"): read_faults,
    ("POST", "faults"): set_faults,
    ("GET", "settings"): read_settings,
    ("POST", "settings"): change_settings,
    ("POST", "reset"): reset,
}


def _body(environ: dict[str, Any]) -> bytes:
    return bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))


def _json(status: int, value: dict[str, Any]) -> Reply:
    data = json.dumps(value, indent=1).encode()
    return Reply(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], [data])
