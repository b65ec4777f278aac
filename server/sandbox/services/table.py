"""Every operation the sandbox plays itself; all others are moto's."""

from collections.abc import Callable, Mapping
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.services import (
    iam,
    lambda_functions,
    log_events,
    log_queries,
    pricing,
    quotas,
    runtime,
    sagemaker_hosting,
    sagemaker_hub,
    sagemaker_jobs,
    sagemaker_tags,
)
from novaforge.server.sandbox.wire import Call, Reply

Handler = Callable[[Account, Call], dict[str, Any] | Reply]

_PARTS: list[tuple[str, Mapping[str, Handler]]] = [
    ("sagemaker", sagemaker_jobs.OPERATIONS),
    ("sagemaker", sagemaker_hosting.OPERATIONS),
    ("sagemaker", sagemaker_hub.OPERATIONS),
    ("sagemaker", sagemaker_tags.OPERATIONS),
    ("sagemaker-runtime", runtime.OPERATIONS),
    ("lambda", lambda_functions.OPERATIONS),
    ("logs", log_events.OPERATIONS),
    ("logs", log_queries.OPERATIONS),
    ("iam", iam.OPERATIONS),
    ("sts", iam.STS_OPERATIONS),
    ("service-quotas", quotas.OPERATIONS),
    ("pricing", pricing.OPERATIONS),
]

HANDLERS: dict[tuple[str, str], Handler] = {
    (service, name): handler for service, operations in _PARTS for name, handler in operations.items()
}
"""(botocore service, operation) -> handler."""
