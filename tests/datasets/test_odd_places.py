"""Odd files, names and disks: a clear error or the right rows, never a hang, and nothing left behind."""

import errno
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import ConfigError, InputError, NovaForgeError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.output import places
from novaforge.tools.datasets.output.outputs import Outputs
from novaforge.tools.datasets.output.recovery import recover

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ROWS = [("question one", "HQ"), ("question two", "LQ")]


@pytest.mark.parametrize(
    "content", ["", "\ufeff", "\n\n \n\r\n", "\ufeff\n\n", "Body,Y\n", "\ufeffBody,Y", "Body,Y\n\n\n"]
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "txt", "json", "bin"])
def test_a_file_without_rows_is_an_error_that_leaves_nothing(desk: "Desk", content: str, suffix: str) -> None:
    if suffix in ("txt", "jsonl") and "Body" in content:
        content = content.replace("Body,Y", "")
    source = desk.write(f"data.{suffix}", content)
    before = desk.tree()
    with pytest.raises(NovaForgeError) as caught:
        desk.transform(source)
    assert caught.value.fix and desk.tree() == before and not (desk.folder / "out").exists()


@pytest.mark.parametrize("content", ["Body,Y\na,b", "\ufeffBody,Y\r\na,b\r\n", "\n\nBody,Y\n\na,b\n\n"])
def test_one_row_is_enough(desk: "Desk", content: str) -> None:
    assert desk.transform(desk.write("data.csv", content)).rows_written == 1


@pytest.mark.parametrize(
    "name", ["with blank.csv", "é 😀 名.csv", "line\nfeed.csv", "a'b\"c.csv", "-x.csv", "%41&?.csv"]
)
def test_any_name_a_file_may_have_is_read_and_written(desk: "Desk", name: str) -> None:
    folder = f"in {name.removesuffix('.csv')}"
    alone = desk.transform(desk.csv(ROWS, name=f"{folder}/{name}"), f"out {name}")
    desk.csv([("", "x")], name=f"{folder}/other.csv")
    both = desk.transform(str(desk.folder / folder), f"both {name}")
    assert (alone.rows_written, both.rows_written, both.rejected["rows"]) == (2, 2, 1)
    assert Path(alone.files[0].uri).is_file() and Path(alone.files[0].uri).parent.name == f"out {name}"


def test_a_pipe_or_a_device_is_no_source_and_nobody_waits_for_it(desk: "Desk") -> None:
    os.mkfifo(desk.folder / "pipe.csv")
    with pytest.raises(InputError, match="no file"):
        desk.transform(str(desk.folder / "pipe.csv"))
    with pytest.raises(InputError):
        desk.transform("/dev/zero")
    desk.csv(ROWS, name="in/a.csv")
    os.mkfifo(desk.folder / "in" / "b.csv")
    assert desk.transform(str(desk.folder / "in")).rows_written == 2


def test_links_that_go_round_are_left_and_every_row_is_read_once(desk: "Desk") -> None:
    desk.csv(ROWS, name="in/deep/a.csv")
    (desk.folder / "in" / "deep" / "up").symlink_to(desk.folder / "in", target_is_directory=True)
    (desk.folder / "in" / "self").symlink_to("self")
    assert desk.transform(str(desk.folder / "in")).rows_read == 2
    with pytest.raises(InputError):
        desk.transform(str(desk.folder / "in" / "self"))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read_is_an_error_by_name(desk: "Desk") -> None:
    desk.csv(ROWS, name="in/a.csv")
    os.chmod(desk.csv(ROWS, name="in/b.csv"), 0)
    with pytest.raises(NovaForgeError, match=r"b\.csv"):
        desk.transform(str(desk.folder / "in"))
    assert not (desk.folder / "out").exists()


@pytest.mark.parametrize("code", [errno.EDQUOT, errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("step", ["write", "seal", "rename"])
def test_a_disk_that_fails_at_any_step_leaves_the_old_state_and_says_so(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch, code: int, step: str
) -> None:
    source, ctx = desk.csv(ROWS), replace(desk.ctx, work_dir=desk.folder / "work")
    before = desk.tree()

    def fail(*given: Any) -> Any:
        raise OSError(code, os.strerror(code))

    sink = places._FileSink  # pyright: ignore[reportPrivateUsage]  # where a disk fails
    monkeypatch.setattr(*((Path, "rename", fail) if step == "rename" else (sink, step, fail)))
    with pytest.raises(ConfigError) as caught:
        desk.transform(source, "new/out", ctx=ctx)
    assert os.strerror(code) in caught.value.message and "nothing was left behind" in caught.value.fix
    assert desk.tree() == before and not (desk.folder / "new").exists()


def test_two_servers_with_one_work_folder_do_not_disturb_each_other(desk: "Desk") -> None:
    ctx = replace(desk.ctx, work_dir=desk.folder / "work")
    entered: list[str] = []

    def between(name: str) -> None:
        # While the first is about to show its files, another one begins, cleans up, and finishes a transform.
        if name == "publish:before_rename" and not entered:
            entered.append(name)
            assert recover(ctx) == []
            desk.transform(source, "second", ctx=ctx)

    source = desk.csv(ROWS)
    first = desk.transform(source, "first", ctx=replace(ctx, checkpoint=between))
    assert entered and first.rows_written == 2
    assert [sorted(path.name for path in (desk.folder / name).iterdir()) for name in ("first", "second")] == [
        ["manifest.json", "train.jsonl"]
    ] * 2
    assert not list((desk.folder / "work" / "journals").iterdir())


def test_two_that_want_one_target_leave_the_files_of_one_of_them_whole(desk: "Desk") -> None:
    ctx = replace(desk.ctx, work_dir=desk.folder / "work")
    source = desk.csv(ROWS)

    def between(name: str) -> None:
        if name == "publish:before_rename":
            _publish(ctx, str(desk.folder / "out"))

    with pytest.raises(NovaForgeError, match="not empty"):
        desk.transform(source, ctx=replace(ctx, checkpoint=between))
    assert (desk.folder / "out" / "theirs.jsonl").read_bytes() == b"{}\n"
    assert sorted(path.name for path in desk.folder.iterdir()) == ["data.csv", "out", "work"]


def _publish(ctx: ToolContext, target: str) -> None:
    with Outputs.of(ctx, target) as outputs:
        outputs.create("train", "theirs.jsonl").write(b"{}\n")
        outputs.commit()


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="wants a second file system")
def test_the_work_folder_may_be_on_another_disk_than_the_target(desk: "Desk") -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        ctx = replace(desk.ctx, work_dir=Path(folder))
        result = desk.transform(
            desk.csv([(str(row), "ab"[row % 2]) for row in range(40)]),
            ctx=ctx,
            split={"train": 10, "test": 5},
            stratify_by="Y",
        )
        assert result.rows_written == 15 and not [path for path in Path(folder).rglob("*") if path.is_file()]
