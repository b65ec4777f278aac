"""What goes over the wire: one parsed call, answers and errors in the form each AWS protocol has."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

PROTOCOLS = {
    "lambda": "rest-json",
    "sagemaker-runtime": "rest-json",
    "iam": "query",
    "sts": "query",
    "s3": "rest-xml",
}
"""Every service not named here speaks JSON with an X-Amz-Target header."""

NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


class AwsFault(Exception):
    """An answer that says no, with AWS's error code, message, HTTP status and further members."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.members = code, message, status, members


def invalid(message: str) -> AwsFault:
    """Return the ValidationException most services answer to a wrong request."""
    return AwsFault("ValidationException", message)


@dataclass
class Call:
    """One request: who asks which operation of which service, and its body or JSON members."""

    service: str
    operation: str
    region: str
    access_key: str
    environ: dict[str, Any]
    params: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    request_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def protocol(self) -> str:
        """The protocol the client speaks; CloudWatch metrics has three."""
        if self.header("Smithy-Protocol") == "rpc-v2-cbor":
            return "cbor"
        if self.service == "cloudwatch" and not self.header("X-Amz-Target"):
            return "query"
        return PROTOCOLS.get(self.service, "json")

    def header(self, name: str, default: str = "") -> str:
        """Return a request header."""
        key = name.upper().replace("-", "_")
        return str(self.environ.get(key if key == "CONTENT_TYPE" else f"HTTP_{key}", default))

    def json(self) -> dict[str, Any]:
        """Return the JSON body; raises AwsFault when it is not an object."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise AwsFault("SerializationException", f"The request body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise AwsFault("SerializationException", "The request body is not a JSON object.")
        return value


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes]


def success(call: Call, result: dict[str, Any]) -> Reply:
    """Return a result in the protocol of its service."""
    if call.protocol == "query":
        name, space = call.operation, NAMESPACES.get(call.service, "")
        inner = "".join(_xml(key, value) for key, value in result.items())
        text = (
            f'<{name}Response xmlns="{space}"><{name}Result>{inner}</{name}Result>'
            f"<ResponseMetadata><RequestId>{call.request_id}</RequestId></ResponseMetadata></{name}Response>"
        )
        return _reply(call, 200, text.encode(), "text/xml")
    return _reply(call, 200, encode(result), _json_type(call))


def failure(call: Call, fault: AwsFault) -> Reply:
    """Return an error in the protocol of its service, so that botocore reads code and message."""
    if call.protocol in {"query", "rest-xml"}:
        return _reply(call, fault.status, _xml_error(call, fault).encode(), "text/xml")
    if call.protocol == "cbor":
        body = _cbor_map({"__type": fault.code, "message": fault.message})
        reply = _reply(call, fault.status, body, "application/cbor")
        reply.headers.append(("smithy-protocol", "rpc-v2-cbor"))
        return reply
    members = {"__type": fault.code, "message": fault.message, "Message": fault.message} | fault.members
    reply = _reply(call, fault.status, encode(members), _json_type(call))
    reply.headers.append(("x-amzn-errortype", fault.code))
    return reply


def encode(value: Any) -> bytes:
    """Write JSON the way AWS does: times as epoch seconds, bytes as base64."""
    return json.dumps(value, default=_json_default, ensure_ascii=False).encode()


def _json_type(call: Call) -> str:
    return "application/json" if call.protocol == "rest-json" else "application/x-amz-json-1.1"


def _reply(call: Call, status: int, body: bytes, kind: str) -> Reply:
    headers = [("Content-Type", kind), ("x-amzn-RequestId", call.request_id)]
    if call.service == "s3":
        headers.append(("x-amz-request-id", call.request_id))
    if call.environ.get("REQUEST_METHOD") == "HEAD":
        return Reply(status, headers, [])
    return Reply(status, [*headers, ("Content-Length", str(len(body)))], [body])


def _xml_error(call: Call, fault: AwsFault) -> str:
    code, message = escape(fault.code), escape(fault.message)
    if call.protocol == "rest-xml":
        return f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{call.request_id}</RequestId></Error>"
    kind = "Receiver" if fault.status >= 500 else "Sender"
    inner = f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    space = NAMESPACES.get(call.service, "")
    return f'<ErrorResponse xmlns="{space}">{inner}<RequestId>{call.request_id}</RequestId></ErrorResponse>'


def _xml(name: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = "".join(_xml(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(_xml("member", item) for item in value)
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def _json_default(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _cbor_map(texts: dict[str, str]) -> bytes:
    """Encode a small map of texts as CBOR (RFC 8949), which the CloudWatch metrics client reads."""

    def text(value: str) -> bytes:
        raw = value.encode()[:65535]
        return b"\x79" + len(raw).to_bytes(2, "big") + raw

    return bytes([0xA0 + len(texts)]) + b"".join(text(key) + text(value) for key, value in texts.items())
