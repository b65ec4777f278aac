"""Lambda: moto keeps the functions, the sandbox keeps their code and runs it."""

import base64
import binascii
import json
import threading
from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox import functions
from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.routes import model
from novaforge.server.sandbox.services import permissions
from novaforge.server.sandbox.wire import AwsFault, Call, Reply
from novaforge.tools.aws.shapes import check_request

PAYLOAD_BYTES = 6 * 1024 * 1024
"""Lambda's limit for a synchronous request."""


def create(account: Account, call: Call) -> Reply:
    """CreateFunction."""
    request = call.json()
    problems = check_request(model("lambda"), "CreateFunction", request)
    if problems:
        listed = "; ".join(f"Value at '{item.path.removeprefix('$.')}' {item.message}" for item in problems)
        raise AwsFault("ValidationException", f"{len(problems)} validation error(s) detected: {listed}")
    if not permissions.assumable(account.moto, request["Role"], "lambda.amazonaws.com"):
        message = "The role defined for the function cannot be assumed by Lambda."
        raise AwsFault("InvalidParameterValueException", message, Type="User")
    functions.store(account, _package(account, request.get("Code", {})))
    return Reply(*account.moto(call.environ))


def update_code(account: Account, call: Call) -> Reply:
    """UpdateFunctionCode."""
    functions.store(account, _package(account, call.json()))
    return Reply(*account.moto(call.environ))


def invoke(account: Account, call: Call) -> Reply:
    """Invoke: RequestResponse runs and answers, Event runs and answers at once, DryRun only looks."""
    kind = call.header("X-Amz-Invocation-Type", "RequestResponse")
    configuration = _configuration(account, call)
    if len(call.body) > PAYLOAD_BYTES:
        limit = f"Request must be smaller than {PAYLOAD_BYTES} bytes for the InvokeFunction operation"
        raise AwsFault("RequestTooLargeException", limit, 413, Type="User")
    payload = call.body or b"null"
    try:
        json.loads(payload)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise AwsFault("InvalidRequestContentException", message, Type="User") from error
    if kind == "DryRun":
        return Reply(204, [("x-amzn-RequestId", call.request_id)], [])
    arguments = (account, configuration, payload, call.request_id)
    if kind == "Event":
        threading.Thread(target=functions.invoke, args=arguments, daemon=True).start()
        return _reply(call, 202, b"", [])
    outcome = functions.invoke(*arguments)
    headers = [("X-Amz-Executed-Version", str(configuration.get("Version", "$LATEST")))]
    if outcome.failed:
        headers.append(("X-Amz-Function-Error", "Unhandled"))
    if call.header("X-Amz-Log-Type") == "Tail":
        tail = outcome.log.encode()[-functions.TAIL_BYTES :]
        headers.append(("X-Amz-Log-Result", base64.b64encode(tail).decode()))
    return _reply(call, 200, outcome.payload, headers)


def _configuration(account: Account, call: Call) -> dict[str, Any]:
    client = account.moto.client("lambda")
    name, qualifier = call.params["FunctionName"], call.params.get("Qualifier")
    wanted = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
    try:
        found: dict[str, Any] = client.get_function(**wanted)["Configuration"]
    except client.exceptions.ResourceNotFoundException as error:
        raise AwsFault("ResourceNotFoundException", error.response["Error"]["Message"], 404, Type="User") from error
    if not str(found.get("Runtime", "")).startswith("python"):
        message = f"The sandbox runs Python functions only, not {found.get('Runtime')}."
        raise AwsFault("InvalidRuntimeException", message, 502, Type="Server")
    return found


def _package(account: Account, code: dict[str, Any]) -> bytes:
    try:
        if "ZipFile" in code:
            return base64.b64decode(code["ZipFile"], validate=True)
        if "S3Bucket" in code and "S3Key" in code:
            found = account.moto.client("s3").get_object(Bucket=code["S3Bucket"], Key=code["S3Key"])
            return bytes(found["Body"].read())
    except (binascii.Error, account.moto.client("s3").exceptions.ClientError) as error:
        message = f"Error occurred while GetObject or decoding of the package: {error}"
        raise AwsFault("InvalidParameterValueException", message) from error
    raise AwsFault("InvalidParameterValueException", "Please provide a source for function code.")


def _reply(call: Call, status: int, body: bytes, headers: list[tuple[str, str]]) -> Reply:
    common = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Reply(status, [*common, ("x-amzn-RequestId", call.request_id), *headers], [body])


OPERATIONS: dict[str, Callable[[Account, Call], Reply]] = {
    "CreateFunction": create,
    "UpdateFunctionCode": update_code,
    "Invoke": invoke,
}
