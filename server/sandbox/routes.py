"""Tell which operation of which service a request asks for, from its signature, headers, path and query."""

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session

from novaforge.server.sandbox.wire import Call

SERVICES = {"servicequotas": "service-quotas", "monitoring": "cloudwatch"}
"""Signing names that differ from botocore's service name."""

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@lru_cache(maxsize=1)
def _session() -> Any:
    return botocore.session.get_session()


@lru_cache(maxsize=32)
def model(service: str) -> Any:
    """Return botocore's model of a service."""
    return _session().get_service_model(service)


def identify(environ: dict[str, Any]) -> Call | None:
    """Read who calls what; None when the request is not a signed AWS call."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) or _SCOPE.search(_presigned(environ))
    if scope is None:
        return None
    access_key, region, signer = scope.groups()
    call = Call(SERVICES.get(signer, signer), "", region, access_key, environ)
    if signer == "sagemaker" and environ["PATH_INFO"].startswith("/endpoints/"):
        call.service = "sagemaker-runtime"
    if call.service != "s3":
        call.body = _take_body(environ)
    call.operation, call.params = _operation(call)
    return call


def _presigned(environ: dict[str, Any]) -> str:
    credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
    return f"Credential={credential}"


def _take_body(environ: dict[str, Any]) -> bytes:
    """Read the body and leave a fresh copy for whoever handles the request next."""
    length = environ.get("CONTENT_LENGTH")
    stream = environ["wsgi.input"]
    body = stream.read(int(length)) if length else (stream.read() if environ.get("wsgi.input_terminated") else b"")
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return bytes(body)


def _operation(call: Call) -> tuple[str, dict[str, str]]:
    target = call.header("X-Amz-Target")
    if target:
        return target.rpartition(".")[2], {}
    if call.protocol == "query":
        form = {key: values[0] for key, values in parse_qs(call.body.decode(), keep_blank_values=True).items()}
        return form.get("Action", ""), form
    if call.protocol == "cbor":
        return call.environ["PATH_INFO"].rpartition("/")[2], {}
    return _rest(call) if call.protocol.startswith("rest") else ("", {})


@dataclass(frozen=True)
class _Rule:
    """How one REST operation is recognised; the more it demands, the better it fits."""

    name: str
    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    headers: frozenset[str]


def _rest(call: Call) -> tuple[str, dict[str, str]]:
    query = parse_qs(call.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    best: tuple[int, str, dict[str, str]] = (-1, "", {})
    for rule in _rules(call.service):
        found = (
            rule.path.fullmatch(call.environ["PATH_INFO"]) if rule.method == call.environ["REQUEST_METHOD"] else None
        )
        fits = found and rule.query <= query.keys() and all(call.header(name) for name in rule.headers)
        score = 10 * len(rule.query) + len(rule.headers)
        if found and fits and score > best[0]:
            uri = {key: unquote(value) for key, value in found.groupdict().items() if value is not None}
            best = (score, rule.name, uri | {key: values[0] for key, values in query.items()})
    return best[1], best[2]


@lru_cache(maxsize=8)
def _rules(service: str) -> list[_Rule]:
    described = model(service)
    return [_rule(described.operation_model(name)) for name in described.operation_names]


def _rule(operation: Any) -> _Rule:
    path, _, literal = operation.http["requestUri"].partition("?")
    query = {part.partition("=")[0] for part in literal.split("&") if part}
    headers: set[str] = set()
    shape = operation.input_shape
    for name in shape.required_members if shape else []:
        place = shape.members[name].serialization
        if place.get("location") == "querystring":
            query.add(place["name"])
        elif place.get("location") == "header":
            headers.add(place["name"])
    return _Rule(operation.name, operation.http["method"], _path(path), frozenset(query), frozenset(headers))


def _path(template: str) -> re.Pattern[str]:
    """Turn /a/{B}/{C+} into a pattern with groups B and C; a trailing slash is optional, as in S3's path style."""
    parts = re.split(r"\{([^}]+)\}", template.rstrip("/"))
    text = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            text += re.escape(part)
        else:
            text += f"(?P<{part.rstrip('+')}>{'.+' if part.endswith('+') else '[^/]+'})"
    return re.compile(text + "/?")
