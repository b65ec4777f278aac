"""S3 that fails in the middle of a publication: nothing is visible, no upload stays open, and the error says so."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from novaforge.guards.errors import AwsError, ConflictError
from novaforge.server.sandbox.settings import Fault
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.aws.uploads import PART_BYTES
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.output.outputs import Outputs
from novaforge.tools.datasets.output.recovery import recover

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

BUCKET = "novaforge-sandbox"
FILES = {"train.jsonl", "test.jsonl", "media/a.png", "manifest.json"}


@pytest.fixture
def ctx(desk: "Desk", storage: Storage, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> ToolContext:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)  # between the repetitions of a call
    writing = desk.context(mode=Mode(writes_allowed=True), storage=storage)
    return replace(writing, aws=aws, work_dir=desk.folder / "work")


@pytest.fixture
def target() -> str:
    return f"s3://{BUCKET}/publish/{uuid4().hex}"


@pytest.fixture
def faults(sandbox: Any) -> Iterator[Callable[..., None]]:
    def add(operation: str, kind: Any, times: int = 1) -> None:
        sandbox.add_faults(Fault(service="s3", operation=operation, kind=kind, times=times))

    yield add
    sandbox.clear_faults()


class Failing(Aws):
    """AWS whose chosen operation fails, the first time or a later one, before or after it was carried out."""

    def __init__(self, aws: Aws, operation: str, number: int = 1, *, after: bool = False) -> None:
        self._aws = aws
        self._fault = (operation, number)
        self._after = after
        self.calls: Counter[str] = Counter()

    def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
        self.calls[operation] += 1
        hit = (operation, self.calls[operation]) == self._fault
        if hit and self._after:
            self._aws.call(service, operation, region=region, **request)
        if hit:
            raise AwsError("did not answer", operation=f"s3:{operation}", code="ReadTimeoutError")
        return self._aws.call(service, operation, region=region, **request)

    def pages(self, service: str, operation: str, key: str, **request: Any) -> Iterator[dict[str, Any]]:
        return self._aws.pages(service, operation, key, **request)


def publish(ctx: ToolContext, target: str) -> None:
    with Outputs.of(ctx, target) as outputs:
        outputs.create("train", "train.jsonl").write(b"x" * (2 * PART_BYTES + 7), 9)
        outputs.create("test", "test.jsonl").write(b"{}\n")
        outputs.add_media("media/a.png", [b"\x89PNG", b"data"])
        outputs.create("manifest", "manifest.json").write(b"{}")
        outputs.commit()


def names(ctx: ToolContext, target: str) -> set[str]:
    return {uri.removeprefix(f"{target}/") for uri in ctx.storage.list(f"{target}/")}


def open_uploads(aws: Aws, target: str) -> list[str]:
    prefix = target.removeprefix(f"s3://{BUCKET}/")
    listed = aws.call("s3", "list_multipart_uploads", Bucket=BUCKET).get("Uploads", [])
    return [item["Key"] for item in listed if item["Key"].startswith(prefix)]


def journals(ctx: ToolContext) -> list[Any]:
    assert ctx.work_dir is not None
    return list((ctx.work_dir / "journals").iterdir())


def test_what_is_written_comes_back_and_names_its_publication(ctx: ToolContext, target: str, aws: Aws) -> None:
    publish(ctx, target)
    assert names(ctx, target) == FILES and open_uploads(aws, target) == [] and journals(ctx) == []
    assert ctx.storage.read(f"{target}/media/a.png") == b"\x89PNGdata"
    assert ctx.storage.stat(f"{target}/train.jsonl").bytes == 2 * PART_BYTES + 7


@pytest.mark.parametrize(
    ("operation", "number"),
    [
        ("create_multipart_upload", 1), ("create_multipart_upload", 2), ("upload_part", 1), ("upload_part", 2),
        ("upload_part", 4), ("put_object", 1), ("put_object", 2), ("complete_multipart_upload", 1),
        ("complete_multipart_upload", 2),
    ],
)  # fmt: skip
def test_a_call_that_fails_leaves_nothing(
    desk: "Desk", ctx: ToolContext, target: str, aws: Aws, operation: str, number: int
) -> None:
    failing = Failing(aws, operation, number)
    with pytest.raises(AwsError, match="did not answer") as caught:
        publish(replace(ctx, aws=failing, storage=Storage(failing, (desk.folder,))), target)
    assert failing.calls[operation] >= number and "left_behind" not in caught.value.data
    assert names(ctx, target) == set() and open_uploads(aws, target) == [] and journals(ctx) == []


@pytest.mark.parametrize(("operation", "number"), [("create_multipart_upload", 1), ("upload_part", 2)])
def test_a_call_whose_answer_is_lost_before_anything_shows_leaves_nothing(
    desk: "Desk", ctx: ToolContext, target: str, aws: Aws, operation: str, number: int
) -> None:
    failing = Failing(aws, operation, number, after=True)
    with pytest.raises(AwsError, match="did not answer"):
        publish(replace(ctx, aws=failing, storage=Storage(failing, (desk.folder,))), target)
    assert names(ctx, target) == set() and open_uploads(aws, target) == []


@pytest.mark.parametrize(("operation", "number"), [("put_object", 2), ("complete_multipart_upload", 1)])
def test_an_object_that_was_made_though_its_answer_was_lost_counts_as_made(
    desk: "Desk", ctx: ToolContext, target: str, aws: Aws, operation: str, number: int
) -> None:
    failing = Failing(aws, operation, number, after=True)
    publish(replace(ctx, aws=failing, storage=Storage(failing, (desk.folder,))), target)
    assert names(ctx, target) == FILES and open_uploads(aws, target) == []


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "PutObject", "CompleteMultipartUpload"])
@pytest.mark.parametrize("kind", ["lost_response", "http500", "throttle"])
def test_a_hiccup_is_repeated_and_leaves_no_second_upload(
    ctx: ToolContext, target: str, aws: Aws, faults: Callable[..., None], operation: str, kind: str
) -> None:
    faults(operation, kind)
    publish(ctx, target)
    assert names(ctx, target) == FILES and open_uploads(aws, target) == []


@pytest.mark.parametrize("operation", ["UploadPart", "PutObject", "CompleteMultipartUpload"])
def test_an_outage_is_an_error_that_leaves_nothing(
    ctx: ToolContext, target: str, aws: Aws, faults: Callable[..., None], operation: str
) -> None:
    faults(operation, "http500", times=8)
    with pytest.raises(AwsError, match="InternalError"):
        publish(ctx, target)
    assert names(ctx, target) == set() and open_uploads(aws, target) == [] and journals(ctx) == []


def test_what_cannot_be_removed_is_named_and_removed_by_the_next_call(
    desk: "Desk", ctx: ToolContext, target: str, aws: Aws
) -> None:
    class Stuck(Failing):
        def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
            if operation == "delete_object":
                raise AwsError("denied", operation="s3:DeleteObject", code="AccessDenied")
            return super().call(service, operation, region=region, **request)

    stuck = Stuck(aws, "put_object", 2)
    with pytest.raises(AwsError, match="did not answer") as caught:
        publish(replace(ctx, aws=stuck, storage=Storage(stuck, (desk.folder,))), target)
    assert "could not be removed" in caught.value.message
    left = {f"{target}/train.jsonl", f"{target}/test.jsonl", f"{target}/media/a.png"}
    assert set(caught.value.data["left_behind"]) == left == set(ctx.storage.list(f"{target}/"))
    assert len(journals(ctx)) == 1
    publish(ctx, f"{target}-next")
    assert names(ctx, target) == set() and journals(ctx) == [] and names(ctx, f"{target}-next") == FILES


def test_an_object_that_appears_meanwhile_is_kept_and_the_others_go(ctx: ToolContext, target: str, aws: Aws) -> None:
    def interfere(name: str) -> None:
        if name == "publish:sealed":
            ctx.storage.put(f"{target}/manifest.json", b"theirs")

    with pytest.raises(ConflictError):
        publish(replace(ctx, checkpoint=interfere), target)
    assert names(ctx, target) == {"manifest.json"} and ctx.storage.read(f"{target}/manifest.json") == b"theirs"


def test_a_prefix_that_holds_anything_is_refused_with_a_fresh_one(ctx: ToolContext, target: str) -> None:
    ctx.storage.put(f"{target}/notes.txt", b"mine")
    with Outputs.of(ctx, f"{target}/") as outputs, pytest.raises(ConflictError) as caught:
        outputs.refuse_existing()
    assert caught.value.fix.endswith(f"{target}-2")
    with Outputs.of(ctx, target[:-1]) as outputs:
        outputs.refuse_existing()  # equal beginnings are no folder


def test_objects_made_by_other_means_go_with_a_failed_publication(ctx: ToolContext, target: str, aws: Aws) -> None:
    with Outputs.of(ctx, target) as outputs:
        for name in ("a.png", "b.png"):
            outputs.expect(f"{target}/{name}")
        key = f"{target}/a.png".removeprefix(f"s3://{BUCKET}/")
        marked = {"novaforge-publication": outputs.token}
        aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=b"x", Metadata=marked)
        ctx.storage.put(f"{target}/b.png", b"somebody else's")
    assert names(ctx, target) == {"b.png"} and journals(ctx) == []


class Swallowing(Aws):
    """AWS that takes every part and keeps none."""

    def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
        return {"UploadId": "u", "ETag": '"e"', "ResponseMetadata": {}}

    def pages(self, service: str, operation: str, key: str, **request: Any) -> Iterator[dict[str, Any]]:
        return iter(())


def test_memory_is_bounded_by_one_part_a_file(target: str) -> None:
    import tracemalloc

    with Outputs(Storage(Swallowing(), ()), target) as outputs:
        file = outputs.create("train", "train.jsonl")
        file.write(b"x" * PART_BYTES)
        tracemalloc.start()
        for _ in range(4 * PART_BYTES // 100_000):
            file.write(b"y" * 100_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2.5 * PART_BYTES


def test_recovery_that_cannot_reach_s3_tries_again_later(desk: "Desk", ctx: ToolContext, target: str, aws: Aws) -> None:
    stuck = Failing(aws, "put_object", 2, after=True)
    original = stuck.call

    def never_deletes(service: str, operation: str, /, **request: Any) -> dict[str, Any]:
        if operation in {"delete_object", "head_object"}:
            raise AwsError("no network", operation="s3:HeadObject", code="EndpointConnectionError")
        return original(service, operation, **request)

    stuck.call = never_deletes  # type: ignore[method-assign]  # only here
    offline = replace(ctx, aws=stuck, storage=Storage(stuck, (desk.folder,)))
    with pytest.raises(AwsError):
        publish(offline, target)
    assert recover(offline) == [] and len(journals(ctx)) == 1
    recover(ctx)
    assert journals(ctx) == [] and names(ctx, target) in (set(), FILES)
