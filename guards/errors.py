"""The one error tree.

NovaForgeError
    InputError      an argument or a file the caller can correct
    RefusedError    a guard says no, or the combination is not supported
    ConfigError     the server's own installation or settings
    CancelledError  the caller no longer wants the result
    RunningError    something else has to end first, and goes on by itself
    AwsError        an AWS call failed
        NotFoundError   the thing asked for does not exist
        ConflictError   a thing of that name exists already
"""

from typing import Any

__all__ = [
    "AwsError",
    "CancelledError",
    "ConfigError",
    "ConflictError",
    "InputError",
    "NotFoundError",
    "NovaForgeError",
    "RefusedError",
    "RunningError",
]


class NovaForgeError(Exception):
    """An anticipated failure: a message for people and the same facts as data."""

    kind = "error"

    def __init__(self, message: str, *, fix: str = "", **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.data = data

    def as_data(self) -> dict[str, Any]:
        """Return the failure as JSON-ready data."""
        return {"error": self.kind, "message": self.message, "fix": self.fix, **self.data}

    def as_text(self) -> str:
        """Return one or two sentences: what is wrong and how to correct it."""
        stop = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.message}{stop} Fix: {self.fix}" if self.fix else self.message


class InputError(NovaForgeError):
    """An argument or input file is wrong; names the field, the value and the fix."""

    kind = "input"

    def __init__(self, message: str, *, field: str, value: Any = None, fix: str = "", **data: Any) -> None:
        super().__init__(message, fix=fix, field=field, value=value, **data)


class RefusedError(NovaForgeError):
    """A guard, a policy or the supported matrix refuses; names the rule."""

    kind = "refused"

    def __init__(self, message: str, *, rule: str, fix: str = "", **data: Any) -> None:
        super().__init__(message, fix=fix, rule=rule, **data)


class ConfigError(NovaForgeError):
    """The server is not set up for what was asked: a missing extra, credential, region or flag."""

    kind = "config"


class CancelledError(NovaForgeError):
    """The call was cancelled or its job stopped; nothing half-written is left."""

    kind = "cancelled"


class RunningError(NovaForgeError):
    """What the call needs is still being worked on by a job; the same call works when that has ended."""

    kind = "running"


class AwsError(NovaForgeError):
    """An AWS call failed; carries operation, AWS error code and request id."""

    kind = "aws"

    def __init__(
        self, message: str, *, operation: str, code: str, request_id: str = "", fix: str = "", **data: Any
    ) -> None:
        super().__init__(message, fix=fix, operation=operation, code=code, request_id=request_id, **data)
        self.operation = operation
        self.code = code


class NotFoundError(AwsError):
    """The AWS resource does not exist."""

    kind = "not_found"


class ConflictError(AwsError):
    """An AWS resource of that name exists already."""

    kind = "conflict"
