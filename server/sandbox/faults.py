"""The fault plan: which calls and jobs go wrong, and how often still."""

import threading

from novaforge.server.sandbox.settings import Fault, JobFault
from novaforge.server.sandbox.wire import AwsFault, Call

THROTTLES = {
    "s3": ("SlowDown", 503),
    "lambda": ("TooManyRequestsException", 429),
    "iam": ("Throttling", 400),
    "sts": ("Throttling", 400),
}
"""Code and status of throttling where it is not ThrottlingException with 400."""

MESSAGES = {"SlowDown": "Please reduce your request rate."}


class Faults:
    """Faults that count down; the first that matches is taken."""

    def __init__(self, calls: list[Fault], jobs: list[JobFault]) -> None:
        self._lock = threading.Lock()
        self._calls = [fault.model_copy() for fault in calls]
        self._jobs = [fault.model_copy() for fault in jobs]

    def add(self, calls: list[Fault], jobs: list[JobFault]) -> None:
        """Append faults to the plan."""
        with self._lock:
            self._calls += [fault.model_copy() for fault in calls]
            self._jobs += [fault.model_copy() for fault in jobs]

    def clear(self) -> None:
        """Forget the plan."""
        with self._lock:
            self._calls, self._jobs = [], []

    def left(self) -> list[Fault]:
        """Return the call faults that have not been used up."""
        with self._lock:
            return [fault.model_copy() for fault in self._calls if fault.times]

    def for_call(self, service: str, operation: str) -> Fault | None:
        """Take the fault of one call, if any."""
        with self._lock:
            for fault in self._calls:
                if fault.times and fault.service in {"*", service} and fault.operation in {"*", operation}:
                    fault.times -= 1
                    return fault
        return None

    def for_job(self, name: str) -> JobFault:
        """Take the fault of one job; without one, a fault that does nothing."""
        with self._lock:
            for fault in self._jobs:
                if fault.times and fault.name_contains in name:
                    fault.times -= 1
                    return fault.model_copy()
        return JobFault()


def refusal(fault: Fault, call: Call) -> AwsFault | None:
    """Return the error a throttle or http500 fault answers; None for the other kinds."""
    if fault.kind == "throttle":
        code, status = THROTTLES.get(call.service, ("ThrottlingException", 400))
        return AwsFault(code, MESSAGES.get(code, "Rate exceeded"), status)
    if fault.kind == "http500":
        code = "InternalError" if call.service == "s3" else "InternalFailure"
        return AwsFault(code, "We encountered an internal error. Please try again.", 500)
    return None
