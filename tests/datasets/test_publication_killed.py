"""A process killed at any moment leaves the old state or complete files, and the next one takes back the rest."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.output.outputs import POINTS, Outputs
from novaforge.tools.datasets.output.recovery import recover

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

BUCKET = "novaforge-sandbox"
FILES = {"train.jsonl", "test.jsonl", "media/a.png", "manifest.json"}
LOCAL = [
    "publish:begun#1", "journal:staging#1", "publish:staged#1", "publish:created#1", "publish:created#4",
    "journal:sealed#1", "publish:sealed#1", "publish:before_rename#1",
]  # fmt: skip
LOCAL_SHOWN = ["publish:after_rename#1", "publish:done#1"]
S3 = [
    "publish:begun#1", "publish:created#1", "journal:upload#1", "journal:uploading#1", "publish:created#2",
    "journal:upload#2", "journal:uploading#2", "publish:sealed#1", "publish:before_object#1", "journal:object#1",
    "publish:before_object#2", "journal:object#3", "journal:object#4", "publish:before_object#4",
]  # fmt: skip
SOME_SHOWN = ["publish:before_object#2", "journal:object#3", "journal:object#4", "publish:before_object#4"]
S3_SHOWN = ["publish:after_objects#1", "publish:done#1"]


def kill(work_dir: Path, root: Path, url: str, children: dict[str, str]) -> None:
    """Run one child for each target and moment."""
    script = str(Path(__file__).with_name("publish_and_die.py"))
    words = [f"{target}={moment}" for target, moment in children.items()]
    command = [sys.executable, script, str(work_dir), str(root), url, *words]
    subprocess.run(command, check=True, timeout=600)


def test_the_moments_below_are_all_there_are() -> None:
    assert {moment.partition("#")[0] for moment in [*LOCAL, *LOCAL_SHOWN, *S3, *S3_SHOWN]} == set(POINTS)


def test_a_local_folder_is_there_whole_or_not_at_all_and_leftovers_go(desk: "Desk") -> None:
    work_dir = desk.folder / "work"
    desk.write("kept/notes.txt", "mine")
    targets = {
        str(desk.folder / "kept" / f"new-{n}" / "out"): moment for n, moment in enumerate([*LOCAL, *LOCAL_SHOWN])
    }
    kill(work_dir, desk.folder, "", targets)
    for target, moment in targets.items():
        found = {str(path.relative_to(target)) for path in Path(target).rglob("*") if path.is_file()}
        assert found == (FILES if moment in LOCAL_SHOWN else set()), moment
    for number, (target, moment) in enumerate(targets.items()):
        staged = list(Path(target).parent.glob(".out.novaforge-*"))
        removed = recover(replace(desk.ctx, work_dir=work_dir / str(number)))
        assert {str(path) for path in staged} <= set(removed) and not any(path.exists() for path in staged)
        assert bool(staged) == (moment in LOCAL[2:])
    shown = {name: data for name, data in desk.tree().items() if not name.startswith("work/")}
    assert len(shown) == len(FILES) * len(LOCAL_SHOWN) + 1 and shown["kept/notes.txt"] == b"mine"
    assert sorted(path.name for path in (desk.folder / "kept").iterdir()) == ["new-8", "new-9", "notes.txt"]
    assert not list(work_dir.glob("*/journals/*"))


def test_a_prefix_in_s3_is_complete_once_its_manifest_is_there_and_leftovers_go(
    desk: "Desk", aws: Aws, storage: Storage, sandbox: Any
) -> None:
    work_dir, base = desk.folder / "work", f"s3://{BUCKET}/killed/{uuid4().hex}"
    targets = {f"{base}/{n}/out": moment for n, moment in enumerate([*S3, *S3_SHOWN])}
    kill(work_dir, desk.folder, sandbox.url, targets)
    assert open_uploads(aws, base)
    for target, moment in targets.items():
        found = {uri.removeprefix(f"{target}/") for uri in storage.list(f"{target}/")}
        assert ("manifest.json" in found) == (moment in S3_SHOWN), moment
    storage.put(f"{base}/0/out/train.jsonl", b"somebody else's by now")
    writing = replace(desk.context(mode=Mode(writes_allowed=True), storage=storage), aws=aws)
    for number, moment in enumerate(targets.values()):
        ctx = replace(writing, work_dir=work_dir / str(number))
        assert recover(ctx, remote=False) == recover(replace(ctx, mode=Mode())) == []
        assert bool(recover(ctx)) == (moment in SOME_SHOWN), moment
    shown = {f"{target}/{name}" for target, moment in targets.items() if moment in S3_SHOWN for name in FILES}
    assert set(storage.list(f"{base}/")) == shown | {f"{base}/0/out/train.jsonl"}
    assert open_uploads(aws, base) == [] and not list(work_dir.glob("*/journals/*"))


def open_uploads(aws: Aws, base: str) -> list[str]:
    prefix = base.removeprefix(f"s3://{BUCKET}/")
    listed = aws.call("s3", "list_multipart_uploads", Bucket=BUCKET).get("Uploads", [])
    return [item["Key"] for item in listed if item["Key"].startswith(prefix)]


def test_the_next_transform_takes_back_what_a_killed_one_left(desk: "Desk") -> None:
    work_dir = desk.folder / "work"
    kill(work_dir, desk.folder, "", {str(desk.folder / "deep" / "new" / "out"): "publish:sealed#1"})
    assert list((desk.folder / "deep" / "new").glob(".out.novaforge-*"))
    desk.transform(desk.csv([("q", "a")]), "other", ctx=replace(desk.ctx, work_dir=work_dir / "0"))
    assert not (desk.folder / "deep").exists() and not list(work_dir.glob("*/journals/*"))


def test_what_a_living_process_prepares_is_left_alone(desk: "Desk") -> None:
    ctx = replace(desk.ctx, work_dir=desk.folder / "work")
    with Outputs.of(ctx, str(desk.folder / "out")) as outputs:
        outputs.create("train", "train.jsonl").write(b"{}\n")
        assert recover(ctx) == []
        with Outputs.of(ctx, str(desk.folder / "other")) as others:
            others.create("train", "train.jsonl").write(b"{}\n")
            others.commit()
        outputs.commit()
    assert (desk.folder / "out" / "train.jsonl").read_bytes() == b"{}\n"
    assert not list((desk.folder / "work" / "journals").iterdir())


@pytest.mark.parametrize(
    "spoil",
    [lambda text: "", lambda text: text[: len(text) // 2], lambda text: "{}\n" + text, lambda text: "\x00" * 40],
)
def test_a_damaged_journal_is_dropped_and_removes_nothing(desk: "Desk", spoil: Callable[[str], str]) -> None:
    work_dir = desk.folder / "work"
    journals = work_dir / "journals"
    journals.mkdir(parents=True)
    precious = desk.folder / "precious.novaforge-abc"
    precious.mkdir()
    line = '{"step": "begin", "schema": "novaforge.journal/1", "token": "other"}\n'
    staged = f'{{"step": "staging", "path": "{precious}", "folders": []}}\n'
    (journals / "x.jsonl").write_text(spoil(line + staged), encoding="utf-8")
    assert recover(replace(desk.ctx, work_dir=work_dir)) == []
    assert precious.is_dir() and not list(journals.iterdir())


def test_a_journal_that_names_another_folder_than_its_own_staging_removes_nothing(desk: "Desk") -> None:
    journals = desk.folder / "work" / "journals"
    journals.mkdir(parents=True)
    desk.write("precious/notes.txt", "mine")
    line = '{"step": "begin", "schema": "novaforge.journal/1", "token": "abc"}\n'
    staged = f'{{"step": "staging", "path": "{desk.folder / "precious"}", "folders": ["{desk.folder / "precious"}"]}}\n'
    (journals / "x.jsonl").write_text(line + staged, encoding="utf-8")
    assert recover(replace(desk.ctx, work_dir=desk.folder / "work")) == []
    assert desk.tree()["precious/notes.txt"] == b"mine"


def test_the_context_of_a_server_keeps_journals_and_those_of_tests_do_not(desk: "Desk") -> None:
    bare: ToolContext = desk.ctx
    with Outputs.of(bare, str(desk.folder / "out")) as outputs:
        outputs.create("train", "train.jsonl").write(b"{}\n")
        outputs.commit()
    assert set(desk.tree()) == {"out/train.jsonl"}
