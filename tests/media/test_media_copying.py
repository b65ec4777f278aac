"""Media are copied beside the data: each once, proven, never over anything, and gone again when the rows are not published."""

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import AwsError, CancelledError, ConflictError, InputError
from novaforge.guards.policy import Policy
from novaforge.server.sandbox.settings import ACCESS_KEY, SECRET_KEY
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import split_s3
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.media.copying import MediaCopier, copy_media
from novaforge.tools.datasets.media.fetch import CopySettings
from novaforge.tools.datasets.media.outcome import Outcome
from novaforge.tools.datasets.media.references import data_uri_of, gen_qa_image, image_item
from novaforge.tools.datasets.media.register import Register
from novaforge.tools.datasets.media.target import MediaTarget
from novaforge.tools.datasets.output.outputs import Outputs
from novaforge.tools.datasets.output.recovery import recover
from novaforge.tools.datasets.rows import MediaRef

LOOPBACK = CopySettings(loopback=True, seconds=60)


@pytest.fixture
def target(prefix: str, tmp_path: Path) -> MediaTarget:
    return MediaTarget(f"{prefix}/media", "111122223333", str(tmp_path))


def ref_of(reference: str, target: MediaTarget, **more: Any) -> MediaRef:
    ref = image_item(reference, target, **more)[1]
    assert ref is not None
    return ref


def test_every_kind_of_source_is_copied_to_the_name_its_row_says(
    ctx: ToolContext, target: MediaTarget, put: Callable[[str, bytes], str], web: Any, make: Any, tmp_path: Path
) -> None:
    (tmp_path / "near.gif").write_bytes(make.gif())
    ctx.aws.call("s3", "create_bucket", Bucket="media-elsewhere")
    ctx.aws.call("s3", "put_object", Bucket="media-elsewhere", Key="clip.mp4", Body=make.mp4())
    wanted = {
        data_uri_of("png", make.png()): make.png(),
        "near.gif": make.gif(),
        "s3://media-elsewhere/clip.mp4": make.mp4(),
        web.give("/scan.pdf", make.pdf(), "application/pdf"): make.pdf(),
    }
    items = {reference: image_item(reference, target) for reference in wanted}
    refs = [ref for _, ref in items.values() if ref]
    assert copy_media(ctx, refs * 3, target, LOOPBACK) == {}
    for reference, (item, _) in items.items():
        (media,) = item.values()
        assert ctx.storage.read(media["source"]["s3Location"]["uri"]) == wanted[reference]
    assert len(ctx.storage.list(target.uri)) == 4 and len(web.asked) == 1, "each once"
    bucket, key = split_s3(f"{target.uri}/{refs[0].name}")
    assert ctx.aws.call("s3", "head_object", Bucket=bucket, Key=key)["ContentType"] == "image/png"


def test_a_large_video_goes_up_whole_and_one_too_large_does_not(
    ctx: ToolContext, target: MediaTarget, tmp_path: Path, make: Any
) -> None:
    for name, size in (("good.mp4", 20_000_000), ("big.mp4", 52_428_800)):
        (tmp_path / name).write_bytes(make.mp4(media=size))
    refs = [ref_of(name, target) for name in ("good.mp4", "big.mp4")]
    assert copy_media(ctx, refs, target) == {refs[1].name: "the video has more than 52428800 bytes"}
    assert ctx.storage.read(f"{target.uri}/{refs[0].name}") == (tmp_path / "good.mp4").read_bytes()


def test_what_cannot_be_used_is_named_with_a_reason_and_the_rest_is_copied(
    ctx: ToolContext, target: MediaTarget, web: Any, make: Any, tmp_path: Path, silent_port: int
) -> None:
    (tmp_path / "liar.png").write_bytes(make.jpeg())
    (tmp_path / "text.png").write_bytes(b"just text")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "large.png").write_bytes(make.png() + bytes(10_485_760))
    (tmp_path / "good.png").write_bytes(make.png())
    reasons = {
        "liar.png": "the bytes are jpeg, not png",
        "text.png": "of no known media format, not png",
        "empty.png": "is empty",
        "large.png": "the image has more than 10485760 bytes",
        "missing.png": "no such local file",
        "/etc/passwd.png": "outside the folders",
        "s3://no-such-bucket-here/x.png": "S3 answered NoSuchBucket",
        "s3://novaforge-sandbox-2/x.png": "S3 answered NoSuchBucket",
        web.give("/page.png", b"<html>", "text/html"): "content type",
        web.give("/gone.png", b"", status=410): "answered 410",
        f"http://127.0.0.1:{silent_port}/x.png": "longer than 0.3 s",
        "http://10.0.0.1/x.png": "not a public one",
    }
    refs = {reference: ref_of(reference, target) for reference in [*reasons, "good.png"]}
    problems = copy_media(ctx, refs.values(), target, dataclasses.replace(LOOPBACK, seconds=0.3))
    assert set(problems) == {refs[reference].name for reference in reasons}
    for reference, reason in reasons.items():
        assert reason in problems[refs[reference].name], reference
        assert reference not in problems[refs[reference].name]
    assert ctx.storage.list(target.uri) == [f"{target.uri}/{refs['good.png'].name}"]


def test_loopback_is_open_in_the_sandbox_only_and_only_when_set(
    ctx: ToolContext, target: MediaTarget, web: Any, make: Any
) -> None:
    ref = ref_of(web.give("/x.png", make.png()), target)
    outside = dataclasses.replace(ctx, mode=Mode(sandbox=False, writes_allowed=True))
    assert "not a public one" in copy_media(outside, [ref], target, LOOPBACK)[ref.name]
    assert "not a public one" in copy_media(ctx, [ref], target)[ref.name]
    assert not web.asked
    assert copy_media(ctx, [ref], target, LOOPBACK) == {}


def test_the_policys_buckets_bind_sources_in_rows(ctx: ToolContext, target: MediaTarget) -> None:
    bound = dataclasses.replace(ctx, policy=Policy(buckets=("novaforge-sandbox",)))
    ref = ref_of("s3://somebody-elses/x.png", target)
    assert copy_media(bound, [ref], target) == {ref.name: "the policy does not allow the object's bucket"}


def test_denied_access_to_a_source_is_a_reason_and_to_the_target_an_error(
    ctx: ToolContext, target: MediaTarget, make: Any
) -> None:
    class Denied:
        def __init__(self, operation: str) -> None:
            self.operation = operation

        def call(self, service: str, operation: str, **request: Any) -> Any:
            if operation == self.operation:
                raise AwsError("no", operation="s3", code="AccessDenied")
            return ctx.aws.call(service, operation, **request)

    refs = [ref_of("s3://elsewhere/x.png", target), ref_of(data_uri_of("png", make.png()), target)]
    closed: Any = Denied("get_object")
    problems = copy_media(dataclasses.replace(ctx, aws=closed), refs, target)
    assert problems == {refs[0].name: "S3 answered AccessDenied"}
    closed = Denied("put_object")
    with pytest.raises(AwsError):
        copy_media(dataclasses.replace(ctx, aws=closed), [ref_of(data_uri_of("gif", make.gif()), target)], target)
    assert len(ctx.storage.list(target.uri)) == 1


def test_a_local_target_is_refused_with_the_fix(ctx: ToolContext, make: Any) -> None:
    ref = ref_of(data_uri_of("png", make.png()), MediaTarget())
    with pytest.raises(InputError, match="have to lie in S3"):
        copy_media(ctx, [ref], MediaTarget())
    assert copy_media(ctx, [], MediaTarget()) == {}


def test_without_keep_everything_copied_is_removed_again(
    ctx: ToolContext, target: MediaTarget, make: Any, work: Path
) -> None:
    refs = [ref_of(data_uri_of("png", make.png(width)), target) for width in range(30, 60)]
    inside = dataclasses.replace(ctx, work_dir=work)

    def fail() -> None:
        with MediaCopier(inside, target) as copier:
            copier.add(refs)
            assert copier.finish().problem([ref.name for ref in refs]) == ""
            assert len(ctx.storage.list(target.uri)) == 30
            raise KeyError("a later step failed")

    with pytest.raises(KeyError):
        fail()
    assert ctx.storage.list(target.uri) == [] and list(work.iterdir()) == []


def test_only_the_files_that_published_rows_use_are_kept(ctx: ToolContext, target: MediaTarget, make: Any) -> None:
    refs = [ref_of(data_uri_of("png", make.png(width)), target) for width in (30, 31, 32)]
    with MediaCopier(ctx, target) as copier:
        copier.add(refs)
        outcome = copier.finish()
        outcome.use([refs[1].name])
        assert copier.tidy() == 0
        copier.keep()
    assert ctx.storage.list(target.uri) == [f"{target.uri}/{refs[1].name}"]


def test_nothing_is_overwritten_and_the_same_bytes_are_left_as_they_are(
    ctx: ToolContext, target: MediaTarget, make: Any
) -> None:
    same, other = (ref_of(data_uri_of("png", make.png(width)), target) for width in (30, 31))
    ctx.storage.put(f"{target.uri}/{same.name}", make.png(30))
    ctx.storage.put(f"{target.uri}/{other.name}", b"somebody's")
    with pytest.raises(ConflictError, match="holds something else"):
        copy_media(ctx, [same, other], target)
    assert ctx.storage.read(f"{target.uri}/{other.name}") == b"somebody's"
    assert ctx.storage.read(f"{target.uri}/{same.name}") == make.png(30), "it was there before"


class Journal:
    """The publication as the output package keeps it."""

    token = "t-1"

    def __init__(self) -> None:
        self.expected: list[str] = []

    def expect(self, uri: str) -> None:
        self.expected.append(uri)


def test_a_publication_that_fails_takes_the_media_with_it_and_one_that_succeeds_keeps_them(
    ctx: ToolContext, prefix: str, make: Any, work: Path
) -> None:
    inside, target = dataclasses.replace(ctx, work_dir=work), MediaTarget(f"{prefix}/out/media", "111122223333")
    refs = [ref_of(data_uri_of("png", make.png(width)), target) for width in (30, 31)]

    def publish(*, fail: bool) -> None:
        with Outputs.of(inside, f"{prefix}/out") as outputs:
            outputs.refuse_existing()
            outputs.create("train", "train.jsonl").write(b"{}\n")
            with MediaCopier(inside, target, outputs=outputs) as copier:
                copier.add(refs)
                copier.finish()
                if fail:
                    raise KeyError("a later step failed")
                outputs.commit()
                copier.keep()

    with pytest.raises(KeyError):
        publish(fail=True)
    assert ctx.storage.list(prefix) == []
    publish(fail=False)
    assert len(ctx.storage.list(prefix)) == 3


KILLED = """
import os, sys
from pathlib import Path
from novaforge.guards.policy import Policy
from novaforge.server.sandbox.settings import ACCESS_KEY, SECRET_KEY
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.media.copying import MediaCopier
from novaforge.tools.datasets.media.register import Register
from novaforge.tools.datasets.media.target import MediaTarget
from novaforge.tools.datasets.output.outputs import Outputs
from novaforge.tools.datasets.output.outputs import Outputs
from novaforge.tools.datasets.output.recovery import recover
from novaforge.tools.datasets.rows import MediaRef
from datetime import UTC, datetime
url, work, prefix, key, secret = sys.argv[1:]
aws = Aws(region="us-east-1", endpoint=lambda: url, credentials=(key, secret))
ctx = ToolContext(Mode(sandbox=True, writes_allowed=True), Policy(), None, aws, Storage(aws, ()), None,
                  lambda: datetime.now(UTC), work_dir=Path(work))
outputs = Outputs.of(ctx, prefix)
copier = MediaCopier(ctx, MediaTarget(prefix + "/media", "1"), outputs=outputs)
copier.add([MediaRef("document", "", f"{n}.pdf", b"%PDF-1.7 " + bytes([n])) for n in range(12)])
copier.finish()
print(len(ctx.storage.list(prefix)), flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_copied_is_removed_by_the_next_call(
    ctx: ToolContext, sandbox: RunningSandbox, prefix: str, work: Path
) -> None:
    arguments = [sandbox.url, str(work), prefix, ACCESS_KEY, SECRET_KEY]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], check=False, capture_output=True, text=True, timeout=300
    )
    assert (killed.stdout, killed.returncode) == ("12\n", -9), killed.stderr
    assert len(ctx.storage.list(prefix)) == 12
    left = [path for path in work.rglob("*") if path.is_file()]
    assert [path.suffix for path in left] == [".jsonl"], "the journal alone"
    recover(dataclasses.replace(ctx, work_dir=work))
    assert ctx.storage.list(prefix) == [] and not [path for path in work.rglob("*") if path.is_file()]


@given(text=st.text(), more=st.text())
def test_settling_changes_nothing_but_the_media_of_a_row(text: str, more: str) -> None:
    target = MediaTarget("s3://bucket/out/media", "1")
    item, ref = image_item("https://example.com/picture", target)
    assert ref is not None
    row = {"system": more, "messages": [{"content": [{"text": text}, item, {"text": orjson.dumps(item).decode()}]}]}
    register = Register()
    register.new(ref.name)
    register.copied(ref.name, "0.webp", 1, ours=True)
    settled = orjson.loads(Outcome(target, register, None).settle(orjson.dumps(row)))
    register.close()
    located = settled["messages"][0]["content"][1]["image"]
    assert located == {"format": "webp", "source": {"s3Location": {"uri": f"{target.uri}/0.webp", "bucketOwner": "1"}}}
    settled["messages"][0]["content"][1] = item
    assert settled == row


def test_each_object_is_announced_before_it_is_written_and_marked(
    ctx: ToolContext, target: MediaTarget, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, ref = Journal(), ref_of(data_uri_of("png", make.png()), target)
    real = ctx.aws.call
    lost = [1]

    def losing(service: str, operation: str, **request: Any) -> Any:
        assert operation != "put_object" or journal.expected == [f"{target.uri}/{ref.name}"]
        answer = real(service, operation, **request)
        if operation == "put_object" and lost:
            lost.pop()
            return real(service, operation, **request)
        return answer

    monkeypatch.setattr(ctx.aws, "call", losing)
    with MediaCopier(ctx, target, outputs=journal) as copier:
        copier.add([ref])
        assert copier.finish().problem([ref.name]) == ""
        bucket, key = split_s3(f"{target.uri}/{ref.name}")
        head = real("s3", "head_object", Bucket=bucket, Key=key)
        assert head["Metadata"] == {"novaforge-publication": "t-1"} and not lost
    assert ctx.storage.list(target.uri) == [], "an object written before a lost answer is ours, hence removed"


def test_a_format_the_reference_does_not_tell_is_found_out_and_written_into_the_row(
    ctx: ToolContext, target: MediaTarget, web: Any, make: Any
) -> None:
    references = [web.give("/one", make.webp(), "image/webp"), web.give("/two", make.png()), web.give("/page", b"text")]
    made = [image_item(reference, target) for reference in references]
    text = '"format":"jpeg","source":{"s3Location":{"uri":"x-guess.jpeg"}} ü 12345678901234567890123 1.10'
    content = [item for item, _ in made[:2]]
    row = {"messages": [{"role": "user", "content": [{"text": text}, *content]}]}
    data = orjson.dumps(row) + b"\n"
    refs = [ref for _, ref in made if ref]
    with MediaCopier(ctx, target, settings=LOOPBACK) as copier:
        copier.add(refs)
        outcome = copier.finish()
        copier.keep()
        assert outcome.problem([refs[0].name, refs[1].name]) == ""
        assert "of no known media format" in outcome.problem([refs[0].name, refs[2].name])
        assert outcome.problem(["never-given.png"]) == "the file was not copied"
        settled = outcome.settle(data)
        assert outcome.settle(b'{"a":1}') == b'{"a":1}'
    seen = orjson.loads(settled)["messages"][0]["content"]
    assert seen[0] == {"text": text} and settled.endswith(b"\n")
    assert [item["image"]["format"] for item in seen[1:]] == ["webp", "png"]
    for item, body in zip(seen[1:], (make.webp(), make.png()), strict=True):
        location = item["image"]["source"]["s3Location"]
        assert ctx.storage.read(location["uri"]) == body and location["bucketOwner"] == "111122223333"
        assert location["uri"].endswith(f".{item['image']['format']}") and "guess" not in location["uri"]


def test_images_of_gen_qa_rows_become_data_uris_inside_the_row(
    ctx: ToolContext, web: Any, make: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.gif").write_bytes(make.gif())
    here = MediaTarget(base=str(tmp_path))
    references = ["a.gif", web.give("/x", make.webp(), "image/webp"), data_uri_of("png", make.png()), "missing.png"]
    made = [gen_qa_image(reference, here) for reference in references]
    refs = [ref for _, ref in made if ref]
    row = {"query": "q", "response": "r", "images": [item for item, _ in made[:3]]}
    with MediaCopier(ctx, here, inline=True, settings=LOOPBACK) as copier:
        copier.add(refs)
        outcome = copier.finish()
        assert "no such local file" in outcome.problem([refs[2].name])
        with pytest.raises(ValueError, match="no such local file"):
            outcome.settle(orjson.dumps({"images": [made[3][0]]}))
        settled = orjson.loads(outcome.settle(orjson.dumps(row)))
        copier.keep()
    wanted = [("gif", make.gif()), ("webp", make.webp()), ("png", make.png())]
    assert settled == {**row, "images": [{"data": data_uri_of(name, data)} for name, data in wanted]}


def test_a_cancelled_call_stops_and_removes_what_it_copied(ctx: ToolContext, target: MediaTarget, make: Any) -> None:
    cancelled = threading.Event()
    stopping = dataclasses.replace(ctx, cancelled=cancelled.is_set)
    first, second = (ref_of(data_uri_of("png", make.png(width)), target) for width in (30, 31))

    def cancel() -> None:
        with MediaCopier(stopping, target) as copier:
            copier.add([first])
            copier.finish()
            cancelled.set()
            copier.add([second])

    with pytest.raises(CancelledError):
        cancel()
    assert ctx.storage.list(target.uri) == []


def test_what_cannot_be_removed_is_said(ctx: ToolContext, target: MediaTarget, aws: Aws, make: Any) -> None:
    class Keeping(type(ctx.storage)):  # type: ignore[misc]  # the class of the fixture
        def withdraw(self, uri: str, token: str) -> bool:
            raise AwsError("no", operation="s3:DeleteObject", code="AccessDenied")

    keeping = dataclasses.replace(ctx, storage=Keeping(aws, ()))

    def fail() -> None:
        with MediaCopier(keeping, target) as copier:
            copier.add([ref_of(data_uri_of("png", make.png()), target)])
            copier.finish()
            raise AwsError("a later step failed.", operation="x", code="y")

    with pytest.raises(AwsError) as caught:
        fail()
    assert caught.value.data["media_left_behind"] == 1 and "could not be removed" in caught.value.message


def test_many_copies_wait_for_each_other_instead_of_filling_the_memory(
    ctx: ToolContext, target: MediaTarget, monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    under_way: list[int] = []
    told: list[str] = []
    monkeypatch.setattr("novaforge.tools.datasets.media.copying._EVERY_S", 0)
    watched = dataclasses.replace(ctx, progress=lambda done, total, message: told.append(message))
    with MediaCopier(watched, target, settings=CopySettings(threads=2)) as copier:
        for width in range(30, 60):
            copier.add([ref_of(data_uri_of("png", make.png(width)), target)])
            under_way.append(len(copier._running))  # pyright: ignore[reportPrivateUsage]  # the bound has no other sign
        copier.finish()
        copier.keep()
    assert max(under_way) <= 4 and len(ctx.storage.list(target.uri)) == 30
    assert told[-1] == "30 of 30 media files copied"
