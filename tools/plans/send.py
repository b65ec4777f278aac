"""Make one AWS call of a plan and find out what became of it, also when the answer was lost or the name was taken."""

from typing import Any, NamedTuple

from novaforge.guards.errors import AwsError, ConfigError, ConflictError, InputError, NotFoundError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import AwsStep, CreatedResource
from novaforge.tools.aws.resources import Seen, look
from novaforge.tools.aws.shapes import plain
from novaforge.tools.plans.run import Paused, Run, StepFailed, Unclear, say

TRANSPORT = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "EndpointConnectionError",
    "ReadTimeoutError",
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "ServiceException",
    "ServiceFailure",
    "ServiceFailureException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "500",
    "502",
    "503",
    "504",
}
"""Error codes after which a call may or may not have taken effect."""

SETTLING_WORDS = ("cannot be assumed by", "could not assume role", "unable to assume role")
"""AWS needs some seconds before other services see a new IAM role; only these words in the error say so."""
SETTLING_PAUSE_S = 3.0

_ARN_PATHS = {
    "sagemaker:training-job": "TrainingJobArn",
    "sagemaker:model": "ModelArn",
    "sagemaker:endpoint-config": "EndpointConfigArn",
    "sagemaker:endpoint": "EndpointArn",
    "lambda:function": "FunctionArn",
    "iam:role": "Role.Arn",
}


class Made(NamedTuple):
    """What a create call led to."""

    arn: str
    request_id: str
    adopted: bool


def create(run: Run, step: AwsStep, made: CreatedResource) -> Made:
    """Make the call that creates something, or adopt what it turns out to have created already.

    Raises StepFailed (refused, or the name belongs to somebody else), Unclear (nobody can tell) or Paused.
    """
    for last in (False, True):
        try:
            response = _call(run, step)
            return Made(value_at(response, _ARN_PATHS.get(made.kind, "")), _request_id(response), adopted=False)
        except Exception as error:  # noqa: BLE001  # whatever went wrong, what it left behind decides
            if seen := _aftermath(run, step, made, error, last=last):
                return Made(seen.arn, "", adopted=True)
    raise AssertionError("the second failure always raises")


def ours(run: Run, step: AwsStep, made: CreatedResource) -> Seen | None:
    """Look for what a step makes: ours, or None when it is not there.

    Raises StepFailed with an alarm when the name carries another tag, Unclear when AWS does not say.
    """
    try:
        seen = look(run.ctx, made.kind, made.name)
    except Exception as error:
        raise Unclear(step.name, f"whether {made.kind} {made.name} exists cannot be read: {say(error)}") from error
    if seen is not None and seen.plan_tag != run.plan.digest:
        raise foreign(run, step.name, made.kind, made.name)
    return seen


def foreign(run: Run, step: str, kind: str, name: str) -> StepFailed:
    """Return the alarm that a resource of our name is not ours; it is left exactly as it is."""
    run.audit("resource.foreign", step=step, resource=f"{kind}/{name}")
    message = f"{kind} {name} exists but does not carry this server's tag for it; it was not touched"
    finding = Finding(rule="foreign-resource", severity="block", message=message, fix="find out who made it")
    return StepFailed(step, f"{message}.", finding)


def simple(run: Run, step: AwsStep, *, missing_is_fine: bool) -> str:
    """Make a call that may safely be repeated; returns the request id. Raises StepFailed or Unclear."""
    for last in (False, True):
        try:
            return _request_id(_call(run, step))
        except NotFoundError as error:
            if missing_is_fine:
                return ""
            raise StepFailed(step.name, say(error)) from error
        except Exception as error:
            if not ambiguous(error):
                raise StepFailed(step.name, say(error)) from error
            if last:
                raise Unclear(step.name, say(error)) from error
    raise AssertionError("the second failure always raises")


def ambiguous(error: Exception) -> bool:
    """Tell whether a failed call may have taken effect all the same."""
    if isinstance(error, AwsError):
        return error.code in TRANSPORT or int(error.data.get("http_status", 0)) >= 500
    return not isinstance(error, ConfigError | InputError | RefusedError)


def value_at(value: Any, path: str) -> str:
    """Return the text at a dotted path of a response, or "" when there is none."""
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _call(run: Run, step: AwsStep) -> dict[str, Any]:
    """Call; while a role this plan made is not known everywhere yet, wait and call again."""
    while True:
        try:
            return run.ctx.aws.call(step.service, step.operation, **plain(step.request))
        except AwsError as error:
            if not _settling(run, error):
                raise
            if not run.pace.pause(SETTLING_PAUSE_S):
                raise Paused(step.name, say(error), sent=False) from error
            run.renew()


def _settling(run: Run, error: AwsError) -> bool:
    makes_role = any(made.kind == "iam:role" for made in run.plan.created())
    return makes_role and any(word in error.message.lower() for word in SETTLING_WORDS)


def _aftermath(run: Run, step: AwsStep, made: CreatedResource, error: Exception, *, last: bool) -> Seen | None:
    """Return what a failed call made after all; None when calling once more is safe, since it is known to be absent."""
    if isinstance(error, Paused | ConfigError | InputError | RefusedError):
        raise error if isinstance(error, Paused) else StepFailed(step.name, say(error)) from error
    try:
        seen = ours(run, step, made)
    except Unclear as unclear:
        # A plain refusal such as AccessDenied stays one, even if looking is refused too.
        if not ambiguous(error) and not isinstance(error, ConflictError) and not ambiguous_cause(unclear):
            raise StepFailed(step.name, say(error)) from error
        raise Unclear(step.name, f"{say(error)} {unclear.why}") from error
    if seen is not None:
        return seen
    # "Exists already" and "not found" at once: what our own lost call made may not be visible yet.
    if not ambiguous(error) and not isinstance(error, ConflictError):
        raise StepFailed(step.name, say(error)) from error
    if last:
        raise Unclear(step.name, say(error)) from error
    return None


def ambiguous_cause(stop: Unclear) -> bool:
    """Tell whether the failure behind a stop says nothing about what is there."""
    cause = stop.__cause__
    return not isinstance(cause, Exception) or ambiguous(cause)


def _request_id(response: dict[str, Any]) -> str:
    meta = response.get("ResponseMetadata")
    return str(meta.get("RequestId", "")) if isinstance(meta, dict) else ""
