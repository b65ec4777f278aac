"""A transform leaves complete files with a manifest that describes them, or nothing."""

import errno
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import CancelledError, ConfigError, ConflictError, InputError
from novaforge.tools.datasets.output.outputs import POINTS, Outputs

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ROWS = [(f"question {index}", "ab"[index % 2]) for index in range(40)]
AFTERWARDS = ("publish:after_rename", "publish:done")
SPLIT = {"train": 0.5, "validation": 0.25, "test": 0.25}


DISK_FULL = OSError(errno.ENOSPC, "No space left on device")
DENIED = PermissionError(errno.EACCES, "Permission denied")
IN_S3 = ("publish:before_object", "publish:after_objects", "journal:upload", "journal:uploading", "journal:object")
LOCAL_POINTS = [point for point in POINTS if point not in {*AFTERWARDS, *IN_S3}]


def failing(point: str, error: Exception, *, skip: int = 0) -> Callable[[str], None]:
    """Return a checkpoint that raises when a point is passed, after letting it pass some times."""
    passed = iter(range(skip))

    def check(name: str) -> None:
        if name == point and next(passed, None) is None:
            raise error

    return check


@pytest.mark.parametrize(
    ("point", "skip"), [*((point, 0) for point in LOCAL_POINTS), ("publish:created", 1), ("publish:created", 4)]
)
@pytest.mark.parametrize("error", [DISK_FULL, DENIED])
def test_a_failure_at_any_point_leaves_the_folder_as_it_was(
    desk: "Desk", point: str, error: Exception, skip: int
) -> None:
    source = desk.csv([*ROWS, ("", "a")])
    before = desk.tree()
    ctx = replace(desk.ctx, checkpoint=failing(point, error, skip=skip))
    with pytest.raises(ConfigError, match=str(error.strerror)):  # type: ignore[attr-defined]  # both are OSErrors
        desk.transform(source, "new/deep", split=SPLIT, ctx=ctx)
    assert desk.tree() == before and not (desk.folder / "new").exists()


def test_folders_that_were_there_before_stay(desk: "Desk") -> None:
    (desk.folder / "kept").mkdir()
    ctx = replace(desk.ctx, checkpoint=failing("publish:before_rename", DISK_FULL))
    with pytest.raises(ConfigError, match="No space left"):
        desk.transform(desk.csv(ROWS), "kept/new", ctx=ctx)
    assert (desk.folder / "kept").is_dir() and not list((desk.folder / "kept").iterdir())


def test_an_empty_folder_is_a_fresh_target(desk: "Desk") -> None:
    (desk.folder / "out").mkdir()
    desk.transform(desk.csv(ROWS), "out")
    assert sorted(path.name for path in (desk.folder / "out").iterdir()) == ["manifest.json", "train.jsonl"]


def test_a_folder_that_holds_anything_is_refused_with_a_fresh_one_instead(desk: "Desk") -> None:
    desk.write("out/notes.txt", "mine")
    desk.write("out-2/notes.txt", "mine")
    source = desk.csv(ROWS)
    before = desk.tree()
    with pytest.raises(ConflictError, match="not empty") as caught:
        desk.transform(source, "out")
    assert caught.value.fix.endswith(str(desk.folder / "out-3"))
    assert desk.tree() == before


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_target_that_somebody_else_fills_meanwhile_is_left_to_them(desk: "Desk", what: str) -> None:
    def fill(name: str) -> None:
        if name == "publish:before_rename":
            desk.write("out/theirs.txt" if what == "folder" else "out", "theirs")

    source = desk.csv(ROWS)
    with pytest.raises(ConflictError):
        desk.transform(source, "out", ctx=replace(desk.ctx, checkpoint=fill))
    assert {name for name in desk.tree() if name != "data.csv"} == {"out/theirs.txt" if what == "folder" else "out"}


def test_nothing_is_seen_before_everything_is_written(desk: "Desk") -> None:
    seen: list[bool] = []
    desk.transform(
        desk.csv(ROWS),
        "out",
        split=SPLIT,
        ctx=replace(desk.ctx, checkpoint=lambda name: seen.append((desk.folder / "out").exists())),
    )
    assert seen.count(True) == len(AFTERWARDS) and seen == sorted(seen)


def test_the_outermost_folder_is_no_target_since_nothing_can_be_prepared_beside_it(desk: "Desk") -> None:
    with pytest.raises(InputError, match="outermost"):
        desk.transform(desk.csv(ROWS), ".")


def test_an_interrupt_leaves_nothing(desk: "Desk") -> None:
    def stop(done: float, total: float | None, message: str) -> None:
        raise KeyboardInterrupt

    source = desk.csv([(f"question {index}", "a") for index in range(5000)])
    before = desk.tree()
    hurried = replace(desk.ctx, progress=stop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("novaforge.tools.datasets.progress._EVERY_S", -1.0)
        with pytest.raises(KeyboardInterrupt):
            desk.transform(source, split=SPLIT, ctx=hurried)
    assert desk.tree() == before


def test_a_call_that_is_cancelled_in_the_middle_leaves_nothing(desk: "Desk") -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 1

    source = desk.csv([(f"question {index}", "a") for index in range(20_000)])
    before = desk.tree()
    with pytest.raises(CancelledError):
        desk.transform(source, split=SPLIT, ctx=replace(desk.ctx, cancelled=cancelled))
    assert desk.tree() == before and len(asked) == 2


def test_a_source_that_changes_while_it_is_read_is_an_error(desk: "Desk") -> None:
    source = desk.csv(ROWS)

    def move(name: str) -> None:
        if name == "publish:created":
            with Path(source).open("ab") as file:
                file.write(b"one more,a\n")

    ctx = replace(desk.ctx, checkpoint=move)
    with pytest.raises(InputError, match="changed while it was being read"):
        desk.transform(source, ctx=ctx)
    assert not (desk.folder / "out").exists()


def test_outputs_that_are_not_committed_are_not_published(desk: "Desk") -> None:
    with Outputs(desk.ctx.storage, str(desk.folder / "out")) as outputs:
        outputs.create("train", "train.jsonl").write(b"{}\n")
    assert not desk.tree()


def test_the_manifest_tells_files_hashes_counts_and_everything_to_repeat_it(desk: "Desk") -> None:
    source = desk.csv([*ROWS, ("", "a"), ("only one cell",)])
    result = desk.transform(
        source, split=SPLIT, seed=7, columns={"question": "Body", "answer": "Y"}, system_prompt="S",
        filters={"max_chars": 500}, platform="sagemaker",
    )  # fmt: skip
    manifest = json.loads(Path(result.manifest_uri).read_text(encoding="utf-8"))
    data = Path(source).read_bytes()
    assert manifest["source"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["source"]["bytes"] == len(data) and manifest["source"]["uri"] == source
    assert manifest["mapping"] == {"query": "Body", "response": "Y"} == result.mapping
    assert manifest["split"]["asked"] == {"train": "0.5", "validation": "0.25", "test": "0.25"}
    assert (manifest["split"]["seed"], manifest["system_prompt"], manifest["filters"]) == (7, "S", {"max_chars": 500})
    assert manifest["counts"] == {
        "rows_read": 42, "rows_written": 40, "rows_unused": 0, "rows_rejected": 2, "blank_lines": 0,
    }  # fmt: skip
    assert manifest["tool"]["name"] == "novaforge-mcp" and manifest["tool"]["version"]
    listed = {file["name"]: file for file in manifest["files"]}
    assert set(listed) == {"train.jsonl", "validation.jsonl", "test.jsonl", "rejects.jsonl"}
    for name, file in listed.items():
        content = (desk.folder / "out" / name).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert (file["bytes"], file["rows"]) == (len(content), content.count(b"\n"))
    for file in result.files:
        entry = listed[Path(file.uri).name]
        assert (file.sha256, file.rows, file.bytes) == (entry["sha256"], entry["rows"], entry["bytes"])


def test_the_same_call_writes_the_same_bytes(desk: "Desk") -> None:
    source = desk.csv(ROWS)
    first = desk.transform(source, "first", split=SPLIT)
    second = desk.transform(source, "second", split=SPLIT)
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]


def test_memory_does_not_hold_the_rows(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    # Each worker has some batches under way: with those of many cores even the larger file would be no more than that.
    monkeypatch.setattr("novaforge.tools.datasets.engine.run.workers_for", lambda size: 2)

    def peak(rows: int) -> int:
        source = desk.csv(
            ((f"question {index} " + "x" * 2000, "ab"[index % 2]) for index in range(rows)), name=f"{rows}.csv"
        )
        tracemalloc.start()
        desk.transform(source, f"out-{rows}", split=SPLIT)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(500)
    assert peak(20_000) < 1.5 * peak(8000)


def test_a_reject_says_file_line_reason_and_detail_and_its_last_line_only_where_it_has_several(
    desk: "Desk", read: Callable[[str], list[Any]]
) -> None:
    desk.write("in/a.csv", 'Body,Y\n,x\ngood,y\n"two\nlines",x,more\n')
    desk.csv([("good", "y")], name="in/b.csv")
    result = desk.transform(str(desk.folder / "in"))
    first, second = read(str(result.rejected["uri"]))
    assert first == {"file": "a.csv", "line": 2, "reason": "query is empty", "detail": ""}
    assert second["file"] == "a.csv" and (second["line"], second["last"]) == (4, 5)
    assert list(second) == ["file", "line", "last", "reason", "detail"]
