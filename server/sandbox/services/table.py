"""Every operation the sandbox plays itself; all others are moto's."""

from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.services import sagemaker_hub, sagemaker_jobs, sagemaker_tags
from novaforge.server.sandbox.wire import Call, Reply

Handler = Callable[[Account, Call], dict[str, Any] | Reply]


def _table() -> dict[tuple[str, str], Handler]:
    modules = {"sagemaker": (sagemaker_jobs, sagemaker_hub, sagemaker_tags)}
    found: dict[tuple[str, str], Handler] = {}
    for service, parts in modules.items():
        for part in parts:
            found |= {(service, name): handler for name, handler in part.OPERATIONS.items()}
    return found


HANDLERS = _table()
"""(botocore service, operation) -> handler."""
