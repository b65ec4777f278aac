"""CloudWatch Logs is moto's, apart from queries (log_queries.py) and FilterLogEvents, whose stream prefix moto ignores."""

from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.wire import AwsFault, Call

Answer = dict[str, Any]


def filter_events(account: Account, call: Call) -> Answer:
    """FilterLogEvents over the streams named, those with a prefix, or all; events come in time order."""
    request = call.json()
    client = account.moto.client("logs")
    prefix, names = request.pop("logStreamNamePrefix", None), request.get("logStreamNames")
    group = request.get("logGroupName") or str(request.pop("logGroupIdentifier", "")).rpartition(":")[2]
    request |= {"logGroupName": group, "interleaved": True}
    request.pop("startFromHead", None)
    if prefix is not None and names is not None:
        message = "LogStreamNamePrefix and LogStreamNames are mutually exclusive parameters"
        raise AwsFault("InvalidParameterException", message)
    try:
        if prefix is not None:
            names = _names(client, group, prefix)
            if not names:
                return {"events": [], "searchedLogStreams": []}
            request["logStreamNames"] = names
        answer: Answer = client.filter_log_events(**request)
    except client.exceptions.ClientError as error:
        told = error.response["Error"]
        raise AwsFault(told["Code"], told["Message"]) from error
    del answer["ResponseMetadata"]
    return answer


def _names(client: Any, group: str, prefix: str) -> list[str]:
    pages = client.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=prefix)
    return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]


OPERATIONS: dict[str, Callable[[Account, Call], Answer]] = {"FilterLogEvents": filter_events}
