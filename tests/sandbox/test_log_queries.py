"""Logs Insights queries over the sandbox's log groups answer as CloudWatch does, and refuse what they cannot play."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from novaforge.guards.errors import AwsError
from novaforge.tools.aws.session import Aws

T0 = (int(time.time()) - 3600) * 1000  # CloudWatch takes no events older than two weeks
Ask = Callable[..., list[dict[str, str]]]
_made: list[str] = []


@pytest.fixture
def group(aws: Aws) -> str:
    name = f"/app/{len(_made)}"
    _made.append(name)
    aws.call("logs", "create_log_group", logGroupName=name)
    for stream, texts in (("one", ["alpha 1", "beta 2", 'say | "pipe"']), ("two", ["alpha 3"])):
        aws.call("logs", "create_log_stream", logGroupName=name, logStreamName=stream)
        events = [{"timestamp": T0 + len(texts) * 1000 + place, "message": text} for place, text in enumerate(texts)]
        aws.call("logs", "put_log_events", logGroupName=name, logStreamName=stream, logEvents=events)
    return name


@pytest.fixture
def ask(aws: Aws, group: str) -> Ask:
    def run(query: str, first: int = 0, last: int = T0, **more: Any) -> list[dict[str, str]]:
        started = aws.call(
            "logs", "start_query", logGroupName=group, startTime=first, endTime=last, queryString=query, **more
        )["queryId"]
        assert aws.call("logs", "get_query_results", queryId=started)["status"] == "Running"
        answer = aws.call("logs", "get_query_results", queryId=started)
        assert answer["status"] == "Complete"
        return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]

    return run


def _texts(rows: list[dict[str, str]]) -> list[str]:
    return [row["@message"] for row in rows]


def test_a_plain_query_gives_newest_first_with_times_as_cloudwatch_writes_them(ask: Ask) -> None:
    rows = ask("fields @timestamp, @message, @logStream")
    assert _texts(rows) == ['say | "pipe"', "beta 2", "alpha 1", "alpha 3"]
    assert rows[-1]["@timestamp"] == f"{datetime.fromtimestamp(T0 / 1000 + 1, UTC):%Y-%m-%d %H:%M:%S}.000"
    assert rows[-1]["@logStream"] == "two" and all(row["@ptr"] for row in rows)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("fields @message | filter @message like /^alpha/ | sort @timestamp asc", ["alpha 3", "alpha 1"]),
        ("fields @message | filter @message like 'a 2'", ["beta 2"]),
        ("fields @message | filter @message = 'say | \"pipe\"'", ['say | "pipe"']),
        ("fields @message | filter @message not like /a/ or @message = 'beta 2' | limit 1", ["beta 2"]),
        ("filter @logStream = 'two' and not (@message like 'x')", ["alpha 3"]),
        ("sort @message asc | limit 2", ["alpha 1", "alpha 3"]),
    ],
)
def test_filters_order_and_limit_are_followed(ask: Ask, query: str, wanted: list[str]) -> None:
    assert _texts(ask(query)) == wanted


def test_the_limit_of_the_call_and_the_times_hold_too(ask: Ask) -> None:
    assert len(ask("fields @message", limit=2)) == 2
    assert _texts(ask("fields @message", first=T0 // 1000, last=T0 // 1000 + 2)) == ["alpha 3"]


def test_fields_of_json_messages_are_discovered(aws: Aws, group: str, ask: Ask) -> None:
    message = json.dumps({"prompt": "why?", "usage": {"tokens": 7}, "parts": ["a"]})
    events = [{"timestamp": T0 + 9000, "message": message}]
    aws.call("logs", "put_log_events", logGroupName=group, logStreamName="two", logEvents=events)
    (row,) = ask(
        "fields prompt, usage.tokens as tokens, parts.0, absent | filter ispresent(prompt) and usage.tokens > 6"
    )
    assert {name: value for name, value in row.items() if name != "@ptr"} == {
        "prompt": "why?",
        "tokens": "7",
        "parts.0": "a",
    }


@pytest.mark.parametrize("query", ["stats count(*) by bin(5m)", "fields", "fields @message | limit x", "filter a ~ 1"])
def test_what_is_not_played_is_refused(aws: Aws, group: str, query: str) -> None:
    with pytest.raises(AwsError) as refused:
        aws.call("logs", "start_query", logGroupName=group, startTime=0, endTime=9, queryString=query)
    assert refused.value.code == "MalformedQueryException"


def test_unknown_groups_and_queries_are_not_found_and_an_ended_query_cannot_be_stopped(aws: Aws, group: str) -> None:
    asked: dict[str, Any] = {"startTime": 0, "endTime": T0, "queryString": "limit 1"}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("start_query", asked | {"logGroupName": "/nowhere"}),
        ("get_query_results", {"queryId": "nothing"}),
        ("stop_query", {"queryId": "nothing"}),
    ]
    for operation, request in wrong:
        with pytest.raises(AwsError) as missing:
            aws.call("logs", operation, **request)
        assert missing.value.code == "ResourceNotFoundException"
    with pytest.raises(AwsError):
        aws.call("logs", "start_query", **asked)
    query = aws.call("logs", "start_query", logGroupName=group, **asked)["queryId"]
    assert aws.call("logs", "stop_query", queryId=query)["success"]
    assert aws.call("logs", "get_query_results", queryId=query)["status"] == "Cancelled"


def test_ten_thousand_events_are_read_through_pages(aws: Aws, group: str, ask: Ask) -> None:
    for part in range(3):
        events = [{"timestamp": T0 + 10_000 + part, "message": f"line {part} {place}"} for place in range(4_000)]
        aws.call("logs", "put_log_events", logGroupName=group, logStreamName="two", logEvents=events)
    assert len(ask("fields @message | filter @message like 'line'")) == 10_000
    assert len(ask("fields @message | filter @message like 'line' | limit 12000")) == 12_000
