"""SageMaker runtime: invocations go to the endpoint's model server."""

import http.client
import json
from collections.abc import Callable, Iterator

from novaforge.server.sandbox import eventstream
from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.hosting import Endpoint
from novaforge.server.sandbox.settings import ACCOUNT, REGION
from novaforge.server.sandbox.wire import AwsFault, Call, Reply

BODY_BYTES = 6 * 1024 * 1024
"""SageMaker's limit for a request of a real-time endpoint."""
TIMEOUT_S = 60
"""SageMaker's limit for a response of a real-time endpoint."""
STREAM_TIMEOUT_S = 480
CHUNK_BYTES = 64 * 1024


def invoke(account: Account, call: Call) -> Reply:
    """InvokeEndpoint."""
    endpoint = _endpoint(account, call)
    connection, answer = _ask(endpoint, call, TIMEOUT_S)
    try:
        body = answer.read()
    except OSError as error:
        raise _model_error(endpoint, 0, f"the model server ended: {error}") from error
    finally:
        connection.close()
    headers = [
        ("Content-Type", answer.headers.get("Content-Type", "application/json")),
        ("Content-Length", str(len(body))),
        ("x-Amzn-Invoked-Production-Variant", endpoint.variant["VariantName"]),
        ("x-amzn-RequestId", call.request_id),
    ]
    return Reply(200, headers, [body])


def invoke_stream(account: Account, call: Call) -> Reply:
    """InvokeEndpointWithResponseStream: what the model server sends is passed on as it comes."""
    endpoint = _endpoint(account, call)
    connection, answer = _ask(endpoint, call, STREAM_TIMEOUT_S)
    headers = [
        ("Content-Type", "application/vnd.amazon.eventstream"),
        ("X-Amzn-SageMaker-Content-Type", answer.headers.get("Content-Type", "application/json")),
        ("x-Amzn-Invoked-Production-Variant", endpoint.variant["VariantName"]),
        ("x-amzn-RequestId", call.request_id),
    ]
    return Reply(200, headers, _parts(connection, answer))


def _endpoint(account: Account, call: Call) -> Endpoint:
    name = call.params["EndpointName"]
    endpoint = account.hosting.endpoints.get(name)
    if endpoint is None:
        raise _error("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.", 400)
    if endpoint.port is None:
        raise _error("ValidationError", f"Endpoint {name} is not in service: it is {endpoint.status}.", 400)
    if len(call.body) > BODY_BYTES:
        raise _error("ValidationError", f"The request body is larger than {BODY_BYTES} bytes.", 413)
    return endpoint


def _ask(endpoint: Endpoint, call: Call, timeout: float) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """Send the body to the model server; raises the ModelError of an answer that is not 200."""
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=timeout)
    headers = {"Content-Type": call.header("Content-Type") or "application/json"}
    try:
        connection.request("POST", "/invocations", call.body, headers)
        answer = connection.getresponse()
        if answer.status == 200:
            return connection, answer
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise _model_error(endpoint, 0, f"no answer within {timeout:.0f} s: {error}") from error
    connection.close()
    raise _model_error(endpoint, answer.status, text)


def _parts(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := answer.read1(CHUNK_BYTES):
            yield eventstream.event("PayloadPart", chunk)
    except (OSError, http.client.HTTPException) as error:
        told = {"Message": f"The model server broke off: {error}", "ErrorCode": "ModelInvocationTimeExceeded"}
        yield eventstream.exception("ModelStreamError", json.dumps(told).encode())
    finally:
        connection.close()


def _model_error(endpoint: Endpoint, status: int, text: str) -> AwsFault:
    variant = endpoint.variant["VariantName"]
    whose = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    return _error(
        "ModelError",
        f'Received {whose} error ({status}) from {variant} with message "{text[:2000]}".',
        424,
        OriginalStatusCode=status,
        OriginalMessage=text[:2000],
        LogStreamArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}",
    )


def _error(code: str, message: str, status: int, **members: object) -> AwsFault:
    return AwsFault(code, message, status, **members)


OPERATIONS: dict[str, Callable[[Account, Call], Reply]] = {
    "InvokeEndpoint": invoke,
    "InvokeEndpointWithResponseStream": invoke_stream,
}
