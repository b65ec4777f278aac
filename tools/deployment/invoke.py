"""Send one conversation to an endpoint this server made, and read the answer as it streams."""

import json
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import AwsError, InputError, NotFoundError
from novaforge.guards.text import clean, one_line
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.deadline import DeadlinePassed, stream_within
from novaforge.tools.aws.errors import translate
from novaforge.tools.context import ToolContext
from novaforge.tools.deployment.results import Invocation
from novaforge.tools.deployment.sse import Answer, events, lines
from novaforge.tools.records import resource_id

KIND = "sagemaker:endpoint"
RUNTIME, INVOKE = "sagemaker-runtime", "invoke_endpoint_with_response_stream"
OPERATION = "sagemaker-runtime:InvokeEndpointWithResponseStream"
OUT_OF_TIME = "time"
ROLES = ("system", "user", "assistant")
MAX_BODY_BYTES = 6 * 1024 * 1024
MAX_TEXT = 20_000
READ_S = 38.0
"""Stop reading here, so that the tool answers within its 45 s."""


def invoke_model(
    ctx: ToolContext,
    *,
    deployment_id: str,
    messages: list[JsonObject],
    max_tokens: int = 256,
    temperature: float = 0.0,
) -> Invocation:
    """Return the model's answer to one conversation; while the endpoint is not in service, its status instead.

    Raises InputError for an endpoint that is not in the ledger or messages that cannot be sent, AwsError when AWS refuses.
    """
    name = _known(ctx, deployment_id)
    body = _body(messages, max_tokens, temperature)
    status, reason = _status(ctx, name)
    if status != "InService":
        return Invocation(deployment_id=name, status=status, next_step=_waiting(status, reason))
    started = time.monotonic()
    answer, first = _read(ctx, name, body, started, max_tokens)
    return _result(name, answer, first, started)


def _known(ctx: ToolContext, deployment_id: str) -> str:
    name = deployment_id.rsplit("/", 1)[-1]
    resource = ctx.ledger.resource(resource_id(KIND, name))
    if resource is not None and resource.deleted_at is None:
        return name
    known = [item.name for item in ctx.ledger.resources(kind=KIND)]
    state = "was deleted" if resource else "is not one this server made"
    raise InputError(
        f"The deployment {one_line(deployment_id)} {state}.",
        field="deployment_id",
        value=deployment_id,
        fix=f"use one of: {', '.join(known)}" if known else "make one with plan_deployment and apply_plan",
    )


def _body(messages: Sequence[JsonObject], max_tokens: int, temperature: float) -> bytes:
    if max_tokens < 1:
        raise InputError(f"max_tokens is {max_tokens}.", field="max_tokens", value=max_tokens, fix="give 1 or more")
    if not 0 <= temperature <= 2:
        raise InputError(f"temperature is {temperature}.", field="temperature", value=temperature, fix="give 0 to 2")
    _check_messages(messages)
    request: dict[str, Any] = {
        "messages": list(messages),
        "max_tokens": max_tokens,
        "temperature": temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body = json.dumps(request, ensure_ascii=False).encode()
    if len(body) > MAX_BODY_BYTES:
        fix = f"shorten the conversation below {MAX_BODY_BYTES} bytes"
        raise InputError(f"The request has {len(body)} bytes.", field="messages", value=len(body), fix=fix)
    return body


def _check_messages(messages: Sequence[JsonObject]) -> None:
    problems = [problem for index, item in enumerate(messages) if (problem := _message_problem(index, item))]
    if not messages:
        problems = ["there are none"]
    elif not problems and messages[-1]["role"] != "user":
        problems = [f"$[{len(messages) - 1}].role: the last message must be the user's"]
    if problems:
        raise InputError(
            f"The messages cannot be sent: {'; '.join(problems[:5])}.",
            field="messages",
            value=len(messages),
            fix='write [{"role": "user", "content": "..."}]',
        )


def _message_problem(index: int, item: JsonObject) -> str:
    unknown = sorted(item.keys() - {"role", "content"})
    if unknown:
        return f"$[{index}]: unknown key {one_line(unknown[0], 40)}"
    if item.get("role") not in ROLES:
        return f"$[{index}].role: must be one of {', '.join(ROLES)}"
    if item["role"] == "system" and index:
        return f"$[{index}].role: a system message comes first"
    return "" if _has_content(item.get("content")) else f"$[{index}].content: must be text that is not empty"


def _has_content(content: JsonValue) -> bool:
    return bool(content) and isinstance(content, str | list)


def _status(ctx: ToolContext, name: str) -> tuple[str, str]:
    try:
        found = ctx.aws.call("sagemaker", "describe_endpoint", EndpointName=name)
    except NotFoundError:
        return "Gone", ""
    return str(found["EndpointStatus"]), clean(str(found.get("FailureReason", "")), 300)


def _waiting(status: str, reason: str) -> str:
    """Say what to do about an endpoint that does not answer."""
    if status in {"Creating", "Updating", "SystemUpdating", "RollingBack"}:
        return "Not ready yet; a Nova endpoint takes 10 to 30 minutes. get_spend shows its status; then call again."
    if status == "Gone":
        return "AWS has no endpoint of this name any more; make a new one with plan_deployment."
    said = f' AWS says (text from outside): "{reason}".' if reason else ""
    return f'It will not answer and may still bill.{said} Delete it with plan_cleanup(scope="deployments").'


def _read(ctx: ToolContext, name: str, body: bytes, started: float, max_tokens: int) -> tuple[Answer, int | None]:
    """Call and read until the stream or the time ends, reporting each piece as progress."""
    answer, first = Answer(), None
    try:
        for data in events(lines(stream_within(READ_S, partial(_chunks, ctx, name, body, answer)))):
            piece = answer.take(data)
            if piece:
                first = first if first is not None else _ms(started)
                ctx.progress(float(len(answer.pieces)), float(max_tokens), clean(piece, 200))
    except DeadlinePassed:
        answer.finish_reason = OUT_OF_TIME
    return answer, first


def _chunks(ctx: ToolContext, name: str, body: bytes, answer: Answer) -> Iterator[bytes]:
    """Call the endpoint and yield the bytes of its answer; what is no payload is noted as an error of the answer."""
    kind = "application/json"
    response = ctx.aws.call(RUNTIME, INVOKE, EndpointName=name, ContentType=kind, Accept=kind, Body=body)
    stream: Any = response["Body"]
    try:
        for event in stream:
            if "PayloadPart" in event:
                yield event["PayloadPart"]["Bytes"]
            else:
                answer.error = answer.error or f"the stream broke: {', '.join(event)}"
    except Exception as error:
        raise translate(error, OPERATION) from error
    finally:
        stream.close()


def _result(name: str, answer: Answer, first: int | None, started: float) -> Invocation:
    if answer.finish_reason == OUT_OF_TIME and not answer.text:
        raise AwsError(
            f"{name} sent nothing within {READ_S:.0f} s.",
            operation=OPERATION,
            code="Timeout",
            fix="call again; a cold or busy endpoint answers late. Fewer max_tokens help.",
        )
    if answer.error and not answer.text:
        raise AwsError(
            f"{name} answered with an error (text from outside): {clean(answer.error, 300)}",
            operation=OPERATION,
            code="ModelError",
            fix="correct the messages or max_tokens; the endpoint's log group is /aws/sagemaker/Endpoints/" + name,
        )
    problem = f"The answer is incomplete: {clean(answer.error, 200)}. " if answer.error else ""
    cut = {"length": "It stopped at max_tokens. ", OUT_OF_TIME: f"Reading stopped after {READ_S:.0f} s. "}
    return Invocation(
        deployment_id=name,
        status="InService",
        untrusted_text=clean(answer.text, MAX_TEXT),
        finish_reason=one_line(answer.finish_reason, 40),
        usage=answer.usage,
        latency_ms=_ms(started),
        first_token_ms=first,
        next_step=f'{problem}{cut.get(answer.finish_reason, "")}It bills until deleted: plan_cleanup(scope="deployments").',
    )


def _ms(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
