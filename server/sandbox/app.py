"""The endpoint as a WSGI application: control, then faults, then our services, then moto."""

import contextlib
import socket
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from novaforge.server.sandbox import control
from novaforge.server.sandbox.faults import refusal
from novaforge.server.sandbox.life import Sandbox
from novaforge.server.sandbox.routes import identify, model
from novaforge.server.sandbox.services import s3
from novaforge.server.sandbox.services.table import HANDLERS
from novaforge.server.sandbox.settings import REGION
from novaforge.server.sandbox.wire import AwsFault, Call, Reply, failure, success
from novaforge.tools.aws.shapes import check_request

LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
ONE_REGION = {"sagemaker", "sagemaker-runtime", "lambda", "service-quotas"}
"""Services whose resources exist in the account's region only."""

StartResponse = Callable[..., Any]


class Dropped(ConnectionError):
    """The connection was closed on purpose, without an answer."""


class App:
    """One sandbox behind HTTP."""

    def __init__(self, sandbox: Sandbox, shut_down: Callable[[], None]) -> None:
        self.sandbox = sandbox
        self._shut_down = shut_down

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        reply = self._answer(environ)
        start_response(f"{reply.status} {_PHRASES.get(reply.status, 'Status')}", reply.headers)
        return reply.body

    def _answer(self, environ: dict[str, Any]) -> Reply:
        if _from_a_web_page(environ):
            return control.plain(403, "The sandbox answers programs on this machine, not web pages.")
        if environ["PATH_INFO"].startswith(control.PREFIX):
            return control.handle(self.sandbox, environ, self._shut_down)
        call = identify(environ)
        if call is None:
            return control.plain(403, "Requests must be signed (AWS Signature Version 4); see /_novaforge/health.")
        return self._with_faults(call)

    def _with_faults(self, call: Call) -> Reply:
        fault = self.sandbox.faults.for_call(call.service, call.operation)
        if fault is None:
            return self._safely(call)
        if fault.delay_s:
            time.sleep(fault.delay_s)
        refused = refusal(fault, call)
        if refused is not None:
            return failure(call, refused)
        reply = self._safely(call)
        if fault.kind == "lost_response":
            _hang_up(call)
        return reply

    def _safely(self, call: Call) -> Reply:
        try:
            return self._dispatch(call)
        except AwsFault as fault:
            return failure(call, fault)
        except Exception:  # noqa: BLE001 - whatever it was, the caller gets an answer in AWS's form
            traceback.print_exc()  # goes to the sandbox's log file
            return failure(call, AwsFault("InternalFailure", "The sandbox failed; its log file says why.", 500))

    def _dispatch(self, call: Call) -> Reply:
        if call.service == "s3":
            s3.guard(self.sandbox, call)
        handler = HANDLERS.get((call.service, call.operation))
        if call.service in ONE_REGION and call.region != REGION:
            raise AwsFault("AccessDeniedException", f"The sandbox account is enabled in {REGION} only.", 403)
        if handler is None:
            return self._behind(call)
        if call.protocol == "json":
            _validate(call)
        answer = handler(self.sandbox, call)
        return answer if isinstance(answer, Reply) else success(call, answer)

    def _behind(self, call: Call) -> Reply:
        try:
            return Reply(*self.sandbox.moto(call.environ))
        except NotImplementedError as error:
            name = f"{call.service}:{call.operation}"
            # 501 and not 500, which clients would take for a hiccup and try again.
            raise AwsFault("UnknownOperationException", f"The sandbox does not play {name}.", 501) from error


_PHRASES = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


def _validate(call: Call) -> None:
    """Check a JSON request against the service model and answer as AWS's front end does."""
    problems = check_request(model(call.service), call.operation, call.json())
    if problems:
        errors = "; ".join(
            f"Value at '{problem.path.removeprefix('$.')}' failed to satisfy constraint: {problem.message}"
            for problem in problems
        )
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise AwsFault("ValidationException", f"{count}: {errors}")


def _from_a_web_page(environ: dict[str, Any]) -> bool:
    """Tell a browser's request, a rebound host name included: code may be run here, and no page has business with that."""
    host = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST", "")
    return "HTTP_ORIGIN" in environ or host not in LOOPBACK


def _hang_up(call: Call) -> None:
    """Close the connection after the work is done, so that the caller cannot know that it was."""
    connection = call.environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    raise Dropped
