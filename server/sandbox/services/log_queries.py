"""Logs Insights: StartQuery, GetQueryResults, StopQuery over the log groups moto keeps."""

import uuid
from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.services.insights import Event, parse
from novaforge.server.sandbox.services.running_query import Running
from novaforge.server.sandbox.wire import AwsFault, Call

Answer = dict[str, Any]
MOST_QUERIES = 200
"""How many queries are remembered; older ones are forgotten, as CloudWatch does after days."""


def start(account: Account, call: Call) -> Answer:
    """StartQuery over one or several log groups."""
    request = call.json()
    if request.get("queryLanguage", "CWLI") != "CWLI":
        raise AwsFault("InvalidParameterException", "The sandbox plays the Logs Insights query language (CWLI) only.")
    first, last = request["startTime"], request["endTime"]
    if first > last:
        raise AwsFault("InvalidParameterException", "Query's start time must not be after its end time.")
    query = parse(request["queryString"])
    events = [event for group in _groups(request) for event in _events(account, group, first * 1000, last * 1000 + 999)]
    rows, matched = query.rows(events, request.get("limit"))
    size = sum(len(event.message.encode()) for event in events)
    number = str(uuid.uuid4())
    with account.lock:
        account.log_queries[number] = Running(query, rows, matched, len(events), size)
        while len(account.log_queries) > MOST_QUERIES:
            del account.log_queries[next(iter(account.log_queries))]
    return {"queryId": number}


def results(account: Account, call: Call) -> Answer:
    """GetQueryResults: nothing yet at first, then the rows."""
    running = _running(account, call.json()["queryId"])
    running.asked += 1
    if running.status == "Running" and running.asked > 1:
        running.status = "Complete"
    rows = running.rows if running.status == "Complete" else []
    counts = {
        "recordsMatched": float(running.matched),
        "recordsScanned": float(running.scanned),
        "bytesScanned": float(running.bytes),
    }
    shown = [running.query.show(event) for event in rows]
    return {"queryLanguage": "CWLI", "results": shown, "statistics": counts, "status": running.status}


def stop(account: Account, call: Call) -> Answer:
    """StopQuery: refused for one that has ended."""
    running = _running(account, call.json()["queryId"])
    if running.status != "Running":
        raise AwsFault("InvalidParameterException", "Query is not in running or scheduled status.")
    running.status = "Cancelled"
    return {"success": True}


def _running(account: Account, number: str) -> Running:
    with account.lock:
        found = account.log_queries.get(number)
    if found is None:
        raise AwsFault("ResourceNotFoundException", "Query not found.")
    return found


def _groups(request: dict[str, Any]) -> list[str]:
    named = [name for key in ("logGroupNames", "logGroupIdentifiers") for name in request.get(key, ())]
    named += [request["logGroupName"]] if "logGroupName" in request else []
    kinds = sum(key in request for key in ("logGroupName", "logGroupNames", "logGroupIdentifiers"))
    if kinds != 1 or not named:
        raise AwsFault("InvalidParameterException", "Give one of logGroupName, logGroupNames, logGroupIdentifiers.")
    return [name.removesuffix(":*").rpartition(":log-group:")[2] for name in named]


def _events(account: Account, group: str, first_ms: int, last_ms: int) -> list[Event]:
    client = account.moto.client("logs")
    try:
        pages = list(client.get_paginator("describe_log_streams").paginate(logGroupName=group))
    except client.exceptions.ResourceNotFoundException as error:
        told = f"Log group '{group}' does not exist for account ID."
        raise AwsFault("ResourceNotFoundException", told) from error
    found: list[Event] = []
    for name in (stream["logStreamName"] for page in pages for stream in page["logStreams"]):
        for event in _stream(client, group, name):
            if first_ms <= event["timestamp"] <= last_ms:
                pointer = f"{name}:{len(found)}"
                found.append(Event(event["timestamp"], event["message"], name, group, pointer))
    return found


def _stream(client: Any, group: str, name: str) -> list[Answer]:
    found: list[Answer] = []
    token: dict[str, str] = {}
    while True:
        answer = client.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True, **token)
        if not answer["events"]:
            return found
        found += answer["events"]
        token = {"nextToken": answer["nextForwardToken"]}


OPERATIONS: dict[str, Callable[[Account, Call], Answer]] = {
    "StartQuery": start,
    "GetQueryResults": results,
    "StopQuery": stop,
}
