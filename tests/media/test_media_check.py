"""Media that rows refer to are read once each and judged for every row; what cannot be read is never a pass."""

import dataclasses
import pickle
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import AwsError, CancelledError, ConfigError
from novaforge.guards.findings import Finding
from novaforge.guards.rules.sources import SOURCES
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.formats.converse import CONVERSE
from novaforge.tools.datasets.media.buckets import judge_bucket, judge_owner
from novaforge.tools.datasets.media.check import MediaCheck, MediaSettings
from novaforge.tools.datasets.media.references import data_uri_of
from novaforge.tools.datasets.media.rules import MEDIA_RULES

Put = Callable[[str, bytes], str]
OWNER = "123456789012"


def media(uri: str, name: str = "png", kind: str = "image", owner: str = "111122223333") -> dict[str, Any]:
    return {kind: {"format": name, "source": {"s3Location": {"uri": uri, "bucketOwner": owner}}}}


def row(*items: dict[str, Any]) -> dict[str, Any]:
    user, answer = (
        {"role": "user", "content": [{"text": "q"}, *items]},
        {"role": "assistant", "content": [{"text": "a"}]},
    )
    return {"schemaVersion": "bedrock-conversation-2024", "messages": [user, answer]}


def inspect(ctx: ToolContext, rows: Iterable[dict[str, Any]], **options: Any) -> dict[str, Finding]:
    check = MediaCheck(MediaSettings(**options))
    check.merge("", check.scan(enumerate(rows, start=1)))
    findings = check.inspect(ctx)
    check.close()
    assert len({finding.rule for finding in findings}) == len(findings), findings
    return {finding.rule: finding for finding in findings}


def test_good_files_of_every_format_break_no_rule(ctx: ToolContext, put: Put, make: Any) -> None:
    rows = [
        row(media(put("a.png", make.png())), media(put("b.jpg", make.jpeg()), "jpeg"), media(put("c.gif", make.gif()), "gif")),
        row(media(put("d.webp", make.webp()), "webp")),
        row(media(put("e.mp4", make.mp4(90)), "mp4", "video")),
        row(media(put("f.mkv", make.mkv(90)), "mkv", "video")),
        row(media(put("g.webm", make.mkv(1, b"webm")), "webm", "video")),
        row(media(put("h.mov", make.mp4(1, brand=b"qt  ", last=True)), "mov", "video")),
        row(media(put("i.pdf", make.pdf()), "pdf", "document")),
    ]  # fmt: skip
    assert inspect(ctx, rows, bucket="novaforge-sandbox") == {}


@pytest.mark.parametrize(
    ("rule", "kind", "name", "data"),
    [
        ("DA8-size", "image", "png", lambda make: make.png() + bytes(10_485_760)),
        ("DA8-size", "video", "mp4", lambda make: make.mp4(5, media=52_428_800)),
        ("DA8-magic", "image", "png", lambda make: make.jpeg()),
        ("DA8-magic", "image", "png", lambda make: b"just text"),
        ("DA8-magic", "image", "png", lambda make: b""),
        ("DA8-magic", "image", "jpeg", lambda make: make.mp4(1, brand=b"avif")),
        ("DA8-magic", "video", "mp4", lambda make: make.png()),
        ("DA8-magic", "document", "pdf", lambda make: b"PK\x03\x04 a zip"),
        ("DA8-container", "video", "mp4", lambda make: make.mp4(1, brand=b"qt  ")),
        ("DA8-container", "video", "mkv", lambda make: make.mkv(1, b"webm")),
        ("DA8-header", "image", "png", lambda make: make.png()[:20]),
        ("DA8-dimensions", "image", "png", lambda make: make.png(24, 300)),
        ("DA8-dimensions", "image", "gif", lambda make: make.gif(300, 24)),
        ("DA8-duration", "video", "mp4", lambda make: make.mp4(90.5)),
        ("DA8-long", "video", "webm", lambda make: make.mkv(900.5, b"webm")),
        ("DA8-files", "video", "mp4", lambda make: make.fragmented(None)),
        ("DA8-files", "video", "mp4", lambda make: make.mp4(5, last=True)[:90]),
    ],
)  # fmt: skip
def test_each_rule_is_found_in_the_file_itself(
    ctx: ToolContext, put: Put, make: Any, rule: str, kind: str, name: str, data: Callable[[Any], bytes]
) -> None:
    uri = put(f"file.{name}", data(make))
    found = inspect(ctx, [row(), row(media(uri, name, kind)), row(media(uri, name, kind))])
    assert set(found) == {rule}
    finding = found[rule]
    assert (finding.count, finding.line, finding.path) == (2, 2, f"$.messages[0].content[1].{kind}")
    assert finding.severity == MEDIA_RULES[rule][0] and finding.fix and "line 2" in finding.message
    assert uri not in finding.message and uri.rsplit("/", 1)[-1] not in finding.message


def test_sizes_and_seconds_at_the_limit_pass(ctx: ToolContext, put: Put, make: Any) -> None:
    image = make.png(25, 25)
    exact = image + bytes(10_485_760 - len(image))
    video = make.mp4(90)
    rows = [
        row(media(put("a.png", exact))),
        row(media(put("b.mp4", video + bytes(52_428_800 - len(video))), "mp4", "video")),
    ]
    assert inspect(ctx, rows) == {}


def test_missing_files_and_uris_that_name_none_are_found(ctx: ToolContext, prefix: str) -> None:
    rows = [row(media(f"{prefix}/nothing.png")), row(media("s3://no-such-bucket-here/x.png"))]
    rows += [
        row(media(uri))
        for uri in ("s3://novaforge-sandbox", "s3://novaforge-sandbox/", "https://h/x.png", "s3://a b/x", "")
    ]
    check = MediaCheck()
    check.merge("", check.scan(enumerate(rows, start=1)))
    counts: dict[str, int] = {}
    for finding in check.inspect(ctx):
        counts[finding.rule] = counts.get(finding.rule, 0) + finding.count
    check.close()
    assert counts["DA8-missing"] == 2 and counts["DA8-uri"] == 5


@given(uri=st.text(max_size=20).map("s3://".__add__) | st.from_regex(r"s3://[A-Za-z0-9_.:/%-]{0,80}", fullmatch=True))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_uri_of_a_row_is_judged_and_crashes_nothing(ctx: ToolContext, uri: str) -> None:
    assert set(inspect(ctx, [row(media(uri))])) <= {"DA8-uri", "DA8-missing", "DA8-files", "DA9-bucket"}


def test_a_file_many_rows_share_is_read_once(
    ctx: ToolContext, put: Put, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, other = put("a.png", make.png(5, 5)), put("b.mp4", make.mp4(5, media=200_000, last=True))
    calls: list[str] = []
    real = ctx.aws.call

    def counting(service: str, operation: str, **request: Any) -> Any:
        calls.append(operation)
        return real(service, operation, **request)

    monkeypatch.setattr(ctx.aws, "call", counting)
    found = inspect(ctx, [row(media(uri), media(uri)) for _ in range(200)] + [row(media(other, "mp4", "video"))] * 50)
    assert found["DA8-dimensions"].count == 400
    assert calls.count("get_object") == 3 and calls.count("head_bucket") == 2 and "get_bucket_location" not in calls


def test_another_bucket_than_the_datas_is_found(ctx: ToolContext, put: Put, make: Any) -> None:
    rows = [row(media(put("a.png", make.png())))]
    assert set(inspect(ctx, rows, bucket="data-bucket")) == {"DA9"}


def test_a_bucket_of_another_region_is_found(ctx: ToolContext, make: Any) -> None:
    where = {"LocationConstraint": "eu-west-2"}
    ctx.aws.call("s3", "create_bucket", Bucket="media-in-london", CreateBucketConfiguration=where)
    ctx.aws.call("s3", "put_object", Bucket="media-in-london", Key="a.png", Body=make.png())
    found = inspect(ctx, [row(media("s3://media-in-london/a.png"))])
    assert set(found) == {"DA9-region"}
    assert "media-in-london is in eu-west-2, the job in us-east-1" in found["DA9-region"].message


def test_an_owner_who_is_none_or_not_the_caller_is_found(ctx: ToolContext, put: Put, make: Any) -> None:
    uri = put("a.png", make.png())
    assert set(inspect(ctx, [row(media(uri, owner="me"))])) == {"DA9-owner"}
    assert set(inspect(ctx, [row(media(uri, owner="١٢٣٤٥٦٧٨٩٠١٢"))])) == {"DA9-owner"}
    assert set(inspect(ctx, [row(media(uri, owner=OWNER)), row(media(uri))])) == {"DA9-account"}


class Answers:
    """AWS whose S3 answers are functions or errors by operation."""

    region = "us-east-1"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[str] = []

    def call(self, service: str, operation: str, **request: Any) -> Any:
        self.calls.append(operation)
        answer = self.answers.get(operation, {"ResponseMetadata": {}, "BucketRegion": self.region})
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def principal(self) -> Any:
        raise ConfigError("no credentials")


def denied(request: Any = None) -> AwsError:
    return AwsError("no", operation="s3", code="AccessDenied")


def test_a_bucket_of_another_owner_is_told_from_one_that_may_not_be_asked() -> None:
    def wrong(request: dict[str, Any]) -> Any:
        return AwsError("no", operation="s3", code="403") if "ExpectedBucketOwner" in request else {}

    aws: Any = Answers(head_bucket=wrong)
    assert [verdict.rule for verdict in judge_owner(aws, "b", OWNER, OWNER)] == ["DA9-owner"]
    aws = Answers(head_bucket=denied)
    assert [verdict.rule for verdict in judge_owner(aws, "b", OWNER, OWNER)] == ["DA9-bucket"]
    assert [verdict.rule for verdict in judge_bucket(aws, "b")] == ["DA9-bucket"]


@pytest.mark.parametrize(
    ("constraint", "region"), [(None, "us-east-1"), ("EU", "eu-west-1"), ("us-west-2", "us-west-2")]
)
def test_a_region_is_asked_for_when_the_head_does_not_tell(constraint: str | None, region: str) -> None:
    aws: Any = Answers(head_bucket={"ResponseMetadata": {}}, get_bucket_location={"LocationConstraint": constraint})
    aws.region = region
    assert judge_bucket(aws, "b") == []
    aws.region = "ap-northeast-1"
    assert [verdict.rule for verdict in judge_bucket(aws, "b")] == ["DA9-region"]


def test_denied_access_is_not_checked_with_the_reason(ctx: ToolContext) -> None:
    aws: Any = Answers(get_object=denied)
    found = inspect(dataclasses.replace(ctx, aws=aws), [row(media("s3://buck/x.png")), row(media("s3://buck/y.png"))])
    assert set(found) == {"DA8-files"}
    assert (found["DA8-files"].severity, found["DA8-files"].count) == ("not_checked", 2)
    assert "S3 answered AccessDenied" in found["DA8-files"].message


@pytest.mark.parametrize(
    "error",
    [ConfigError("No AWS region is configured."), AwsError("late", operation="s3", code="EndpointConnectionError")],
)
def test_without_aws_no_file_passes_and_the_wait_is_short(ctx: ToolContext, error: Exception) -> None:
    aws: Any = Answers(get_object=error, head_bucket=error)
    rows = [row(media(f"s3://buck/{index}.png")) for index in range(500)]
    found = inspect(dataclasses.replace(ctx, aws=aws), rows, threads=2)
    assert found["DA8-files"].count == 500 and found["DA8-files"].severity == "not_checked"
    assert aws.calls.count("get_object") <= 12, "one file that cannot be reached is enough"


def test_a_body_that_breaks_off_is_not_checked(ctx: ToolContext) -> None:
    class Body:
        def read(self, size: int) -> bytes:
            raise ConnectionResetError("reset")

        def close(self) -> None:
            pass

    aws: Any = Answers(get_object={"Body": Body(), "ContentLength": 10})
    found = inspect(dataclasses.replace(ctx, aws=aws), [row(media("s3://buck/x.png"))])
    assert "S3 answered ConnectionResetError" in found["DA8-files"].message


def test_files_beyond_the_stated_number_are_not_checked(ctx: ToolContext, put: Put, make: Any) -> None:
    rows = [row(media(put(f"{index}.png", make.png()))) for index in range(5)]
    found = inspect(ctx, rows, most_files=3)
    assert set(found) == {"DA8-files"} and found["DA8-files"].count == 2
    assert "only the first 3 distinct files are read" in found["DA8-files"].message


def test_a_kind_that_does_not_fit_the_file_is_judged_for_each_row(ctx: ToolContext, put: Put, make: Any) -> None:
    uri = put("a.png", make.png())
    found = inspect(ctx, [row(media(uri)), row(media(uri, "jpeg")), row(media(uri))])
    assert set(found) == {"DA8-magic"}
    assert (found["DA8-magic"].line, found["DA8-magic"].count) == (2, 1)
    assert "png for jpeg" in found["DA8-magic"].message


def test_images_inside_gen_qa_rows_are_judged_in_place(ctx: ToolContext, make: Any) -> None:
    images = [
        data_uri_of("png", make.png()), data_uri_of("png", make.png(3, 3)), data_uri_of("png", make.jpeg()), "data:image/png;base64,%%",
        "https://h/x.png", data_uri_of("pdf", make.pdf()), data_uri_of("png", make.png()[:18]), data_uri_of("gif", make.gif() + bytes(10_485_760)),
    ]  # fmt: skip
    check = MediaCheck()
    result = check.scan((line, {"query": "q", "images": [{"data": uri}]}) for line, uri in enumerate(images, start=1))
    check.merge("", pickle.loads(pickle.dumps(result)))
    found = {(finding.rule, finding.line) for finding in check.inspect(ctx)}
    assert found == {
        ("DA8-dimensions", 2), ("DA8-data", 3), ("DA8-data", 4), ("DA8-data", 5), ("DA8-data", 6), ("DA8-header", 7), ("DA8-size", 8),
    }  # fmt: skip


def test_lines_of_several_files_carry_the_files_name(ctx: ToolContext, put: Put, make: Any) -> None:
    small = put("a.png", make.png(3, 3))
    check = MediaCheck()
    for file, lines in (("part-1.jsonl", (3, 9)), ("part-2.jsonl", (1, 2))):
        check.merge(file, check.scan((line, row(media(small))) for line in lines))
    check.merge("part-3.jsonl", check.scan([(1, row())]))
    (finding,) = check.inspect(ctx)
    check.close()
    assert finding.count == 4 and finding.line is None and "part-1.jsonl:3" in finding.message


def test_rows_without_media_touch_nothing(ctx: ToolContext) -> None:
    nothing: Any = None
    check = MediaCheck()
    assert check.scan([(1, row()), (2, {"messages": [{"content": None}]}), (3, {})]) is None
    check.merge("", None)
    assert check.inspect(dataclasses.replace(ctx, aws=nothing)) == []
    check.close()


def test_a_result_is_small_whatever_the_number_of_rows(ctx: ToolContext) -> None:
    result = MediaCheck().scan((line, row(media("s3://b/x.png"))) for line in range(10_000))
    assert result is not None and len(result.references) == 1 and len(pickle.dumps(result)) < 1000


def test_progress_is_told_and_a_cancelled_check_ends(
    ctx: ToolContext, put: Put, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("novaforge.tools.datasets.media.inspection._EVERY_S", 0)
    told: list[str] = []
    rows = [row(media(put(f"{index}.png", make.png()))) for index in range(3)]
    assert inspect(dataclasses.replace(ctx, progress=lambda done, total, message: told.append(message)), rows) == {}
    assert told[-1] == "3 of 3 media files checked"
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError):
        inspect(dataclasses.replace(ctx, cancelled=cancelled.is_set), rows)


def test_lone_surrogates_in_a_uri_are_no_crash(ctx: ToolContext) -> None:
    assert set(inspect(ctx, [row(media("s3://novaforge-sandbox/\ud800.png", "png\udfff", owner="\ud800"))])) <= {
        "DA8-uri", "DA8-missing", "DA9-owner",
    }  # fmt: skip


def test_throttled_reads_are_tried_again(ctx: ToolContext, put: Put, make: Any, sandbox: RunningSandbox) -> None:
    from novaforge.server.sandbox.settings import Fault

    rows = [row(media(put("a.png", make.png())))]
    sandbox.add_faults(Fault(service="s3", operation="GetObject", kind="throttle", times=1))
    try:
        assert inspect(ctx, rows) == {}
    finally:
        sandbox.clear_faults()


def test_eleven_images_and_mixed_kinds_are_found_by_the_rows_format(make: Any) -> None:
    many = row(*[media(f"s3://b/{index}.png") for index in range(11)])
    mixed = row(media("s3://b/a.png"), media("s3://b/a.mp4", "mp4", "video"))
    assert {hit.rule for hit in CONVERSE.check(many)} == {"DA8-count"}
    assert "DA8-kinds" in {hit.rule for hit in CONVERSE.check(mixed)}
    assert CONVERSE.check(row(*[media(f"s3://b/{index}.png") for index in range(10)])) == []


def test_every_rule_says_what_to_do_and_where_it_comes_from() -> None:
    for severity, message, fix, source in MEDIA_RULES.values():
        assert severity and message and fix and all(key in SOURCES for key in source.split(","))
