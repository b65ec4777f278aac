"""Rows of a log query or of the hub arrive as any others; limits are told, and nothing is asked for unsaid."""

import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from novaforge.guards.errors import AwsError, CancelledError, ConfigError, InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.reading import hub as hub_rows
from novaforge.tools.datasets.reading.logs_insights import MOST_ROWS, LogRows

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

unreachable = hub_rows.unreachable
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


class Logs:
    """Logs Insights over events at given seconds."""

    def __init__(self, seconds: list[int], status: str = "Complete") -> None:
        self.seconds = seconds
        self.status = status
        self.queries: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.polls = 0

    def call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        assert service == "logs"
        if operation == "start_query":
            self.queries.append(request)
            return {"queryId": str(len(self.queries) - 1)}
        if operation == "stop_query":
            self.stopped.append(request["queryId"])
            return {"success": True}
        self.polls += 1
        if self.polls % 2:
            return {"status": "Running", "results": []}
        asked = self.queries[int(request["queryId"])]
        found = [at for at in self.seconds if asked["startTime"] <= at <= asked["endTime"]][: asked["limit"]]
        cells = [[{"field": "@message", "value": f'{{"n":{at}}}'}, {"field": "@ptr", "value": "x"}] for at in found]
        return {"status": self.status, "results": cells}


def context(desk: "Desk", logs: Logs) -> ToolContext:
    return replace(desk.ctx, aws=cast(Any, logs))


def rows(desk: "Desk", logs: Logs, uri: str) -> tuple[list[Any], LogRows]:
    found = LogRows(context(desk, logs), uri, "source", pause=lambda seconds: None)
    return [json.loads(line) for line in found.lines()], found


URI = "cloudwatch:///aws/app?query=fields @message&start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"


def test_a_query_gives_rows_without_the_pointers(desk: "Desk") -> None:
    logs = Logs([START, START + 5])
    seen = desk.read(URI.replace(" ", "%20"), context(desk, logs))
    assert seen.rows == [{"@message": f'{{"n":{START}}}'}, {"@message": f'{{"n":{START + 5}}}'}]
    (asked,) = logs.queries
    assert asked == {
        "logGroupName": "/aws/app", "queryString": "fields @message", "limit": MOST_ROWS,
        "startTime": START, "endTime": START + 86400,
    }  # fmt: skip
    assert seen.source.format == "cloudwatch" and seen.identity.sha256 and seen.identity.bytes > 0
    assert seen.identity.rows == 2 and seen.numbers == [1, 2]


def test_a_time_with_more_rows_than_a_query_returns_is_cut_in_halves(desk: "Desk") -> None:
    seconds = [START + index // 2 for index in range(25_000)]
    found, source = rows(desk, Logs(seconds), URI)
    assert [json.loads(row["@message"])["n"] for row in found] == seconds and not source.notes


@pytest.mark.parametrize("query", ["fields @message | limit 20000", "stats count(*) by x", "fields a | sort a"])
def test_a_query_whose_parts_are_not_the_whole_is_not_cut_and_the_limit_is_told(desk: "Desk", query: str) -> None:
    logs = Logs([START + index for index in range(MOST_ROWS + 1)])
    found, source = rows(desk, logs, URI.replace("fields @message", query))
    assert len(found) == MOST_ROWS and len(logs.queries) == 1
    assert "at most 10000 rows" in source.notes[0].message and source.notes[0].severity == "warn"


def test_one_second_with_more_rows_than_a_query_returns_is_told(desk: "Desk") -> None:
    found, source = rows(desk, Logs([START] * (MOST_ROWS + 7) + [START + 50]), URI)
    assert len(found) == MOST_ROWS + 1 and "in one second" in source.notes[0].message


@pytest.mark.parametrize("status", ["Failed", "Timeout", "Cancelled"])
def test_a_query_that_fails_is_an_error(desk: "Desk", status: str) -> None:
    logs = Logs([START], status)
    with pytest.raises(AwsError, match=status):
        rows(desk, logs, URI)


def test_a_cancelled_call_stops_its_query(desk: "Desk") -> None:
    logs = Logs([START])
    ctx = replace(context(desk, logs), cancelled=lambda: bool(logs.queries))
    with pytest.raises(CancelledError):
        list(LogRows(ctx, URI, "source").lines())
    assert logs.stopped == ["0"]


@pytest.mark.parametrize(
    "uri",
    [
        "cloudwatch://", "cloudwatch:///aws/app", "cloudwatch://g?query=x", "cloudwatch://g?query=x&start=soon",
        "cloudwatch://g?query=x&start=5&end=4", "cloudwatch://g?query=x&start=1&colour=red", "cloudwatch://g?query= &start=1",
    ],
)  # fmt: skip
def test_a_uri_that_lacks_something_is_an_error_that_shows_one(desk: "Desk", uri: str) -> None:
    with pytest.raises(InputError) as caught:
        desk.read(uri, context(desk, Logs([])))
    assert "cloudwatch://LOG-GROUP" in caught.value.fix


def test_times_may_be_seconds_or_iso_with_or_without_a_zone(desk: "Desk") -> None:
    logs = Logs([])
    for start in (str(START), "2026-01-01T00:00:00", "2026-01-01T01:00:00+01:00", "2026-01-01"):
        rows(desk, logs, f"cloudwatch://g?query=x&start={start}")
    assert {asked["startTime"] for asked in logs.queries} == {START}
    assert {asked["endTime"] for asked in logs.queries} == {int(desk.ctx.clock().timestamp())}


class Hub(ModuleType):
    """Stands for the datasets library."""

    def __init__(self, answer: Any) -> None:
        super().__init__("datasets")
        self.answer = answer
        self.asked: list[Any] = []
        self.config = SimpleNamespace(STREAMING_OPEN_MAX_RETRIES=20, STREAMING_READ_MAX_RETRIES=2)

    def load_dataset(self, path: str, **options: Any) -> Any:
        self.asked.append((path, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub([{"q": "a", "n": 1}, {"q": "b", "price": Decimal("1.5"), "at": datetime(2026, 1, 2) + timedelta(0)}])
    monkeypatch.setitem(sys.modules, "datasets", made)
    monkeypatch.setattr(hub_rows, "unreachable", lambda: ("https://hub", None))
    yield made


def test_a_dataset_of_the_hub_is_streamed(desk: "Desk", hub: Hub) -> None:
    seen = desk.read("hf://owner/name@v1?config=main#train")
    assert seen.rows == [{"q": "a", "n": 1}, {"q": "b", "price": "1.5", "at": "2026-01-02T00:00:00"}]
    assert hub.asked == [("owner/name", {"streaming": True, "name": "main", "revision": "v1", "split": "train"})]
    assert seen.identity.version_id == "v1" and seen.source.format == "huggingface" and not seen.notes


def test_without_a_revision_it_is_said_that_it_may_change(desk: "Desk", hub: Hub) -> None:
    assert "newest" in desk.read("hf://owner/name").notes["source-revision"]


def test_splits_have_to_be_chosen_from_unless_there_is_one(desk: "Desk", hub: Hub) -> None:
    hub.answer = {"train": hub.answer}
    assert len(desk.read("hf://owner/name").rows) == 2
    hub.answer = {"train": [], "test": []}
    with pytest.raises(InputError, match="splits train, test"):
        desk.read("hf://owner/name")


def test_values_json_cannot_hold_are_rejects(desk: "Desk", hub: Hub) -> None:
    hub.answer = [{"image": object()}, {"x": float("nan")}, {"b": b"x"}, {"q": "fine"}]
    seen = desk.read("hf://owner/name@1")
    assert seen.rows == [{"q": "fine"}] and [reject.line for reject in seen.rejects] == [1, 2, 3]


def test_failures_of_the_hub_and_a_missing_library_are_clear(
    desk: "Desk", hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.answer = FileNotFoundError("secret path")
    with pytest.raises(InputError, match="FileNotFoundError") as caught:
        desk.read("hf://owner/name")
    assert "secret" not in caught.value.message
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ConfigError, match="extra huggingface") as missing:
        desk.read("hf://owner/name")
    assert "novaforge-mcp[huggingface]" in missing.value.fix


def test_a_stream_of_the_hub_that_breaks_off_writes_nothing(desk: "Desk", hub: Hub) -> None:
    def broken() -> Iterator[dict[str, str]]:
        yield {"query": "a", "response": "b"}
        raise ConnectionError("secret address")

    hub.answer = broken()
    with pytest.raises(InputError, match="ConnectionError") as caught:
        desk.transform("hf://owner/name")
    assert "secret" not in caught.value.message and not (desk.folder / "out").exists()


def test_a_transfer_that_breaks_off_is_taken_up_again_a_few_times_only(desk: "Desk", hub: Hub) -> None:
    desk.read("hf://owner/name")
    assert vars(hub.config) == {"STREAMING_OPEN_MAX_RETRIES": 3, "STREAMING_READ_MAX_RETRIES": 2}


@pytest.mark.parametrize("listens", [False, True], ids=["closed", "silent"])
def test_a_hub_that_does_not_answer_is_an_error_at_once(
    desk: "Desk", hub: Hub, monkeypatch: pytest.MonkeyPatch, *, listens: bool
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(hub_rows, "unreachable", unreachable)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as taken:
        # Bound, nobody else can listen there; a listening one takes the connection and says nothing.
        taken.bind(("127.0.0.1", 0))
        if listens:
            taken.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:\d+ cannot be reached") as caught:
            desk.read("hf://owner/name")
    assert "HF_HUB_ETAG_TIMEOUT" in caught.value.fix and not hub.asked


def test_an_offline_environment_is_honoured_and_named(desk: "Desk", hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(hub_rows, "unreachable", unreachable)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.get_session", lambda: pytest.fail("the hub was asked"))
    assert len(desk.read("hf://owner/name").rows) == 2  # what the library kept is used
    hub.answer = ConnectionError("x")
    with pytest.raises(InputError, match="HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set"):
        desk.read("hf://owner/name")


@pytest.mark.parametrize("uri", ["hf://", "hf://name", "hf://a/b/c", "hf://a/b#", "hf://a/b@", "hf://a/b?x=1"])
def test_a_uri_that_names_no_dataset_is_an_error(desk: "Desk", hub: Hub, uri: str) -> None:
    with pytest.raises(InputError, match="names no dataset"):
        desk.read(uri)
    assert not hub.asked


def test_logs_in_the_sandbox_are_queried_as_in_the_cloud(desk: "Desk", aws: Any) -> None:
    group, now = f"/app/{uuid4().hex}", int(datetime.now(UTC).timestamp())
    aws.call("logs", "create_log_group", logGroupName=group)
    aws.call("logs", "create_log_stream", logGroupName=group, logStreamName="s")
    events = [{"timestamp": (now - 60 + index) * 1000, "message": f"message {index}"} for index in range(5)]
    aws.call("logs", "put_log_events", logGroupName=group, logStreamName="s", logEvents=events)
    ctx = replace(desk.ctx, aws=aws, clock=lambda: datetime.now(UTC))
    seen = desk.read(f"cloudwatch://{group}?query=fields @message&start={now - 100}", ctx)
    assert sorted(row["@message"] for row in seen.rows) == [f"message {index}" for index in range(5)]
    with pytest.raises(AwsError):
        desk.read(f"cloudwatch://{group}-not?query=fields @message&start={now - 100}", ctx)
