"""A transform leaves complete files with a manifest that describes them, or nothing."""

import errno
import hashlib
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import AwsError, ConfigError, ConflictError, InputError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Sink, Storage
from novaforge.tools.datasets.output.outputs import Outputs

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ROWS = [(f"question {index}", "ab"[index % 2]) for index in range(40)]
SPLIT = {"train": 0.5, "validation": 0.25, "test": 0.25}


class Faulty(Storage):
    """Storage that fails at a chosen file, when it is begun, written or published."""

    def __init__(self, root: Path, name: str, moment: str, error: Exception, *, stuck: bool = False) -> None:
        super().__init__(Aws(), (root,))
        self._fault = (name, moment, error)
        self._stuck = stuck

    @contextmanager
    def create(self, uri: str) -> Generator[Sink]:
        name, moment, error = self._fault
        here = Path(uri).name == name
        if here and moment == "begin":
            raise error
        with super().create(uri) as sink:
            yield Full(error) if here and moment == "write" else sink
            if here and moment == "publish":
                raise error

    def discard(self, uri: str) -> None:
        if self._stuck:
            raise AwsError("denied", operation="s3:DeleteObject", code="AccessDenied")
        super().discard(uri)


class Full:
    """A sink on a full disk."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def write(self, data: bytes, /) -> int:
        raise self._error


DISK_FULL = OSError(errno.ENOSPC, "No space left on device")
CONFLICT = ConflictError("exists", operation="create", code="AlreadyExists")


@pytest.mark.parametrize("name", ["train.jsonl", "validation.jsonl", "test.jsonl", "rejects.jsonl", "manifest.json"])
@pytest.mark.parametrize("moment", ["begin", "write", "publish"])
@pytest.mark.parametrize(("error", "seen"), [(DISK_FULL, ConfigError), (CONFLICT, ConflictError)])
def test_a_failure_at_any_file_leaves_the_folder_as_it_was(
    desk: "Desk", name: str, moment: str, error: Exception, seen: type[Exception]
) -> None:
    source = desk.csv([*ROWS, ("", "a")])
    before = desk.tree()
    ctx = desk.context(storage=Faulty(desk.folder, name, moment, error))
    with pytest.raises(seen):
        desk.transform(source, "new/deep", split=SPLIT, ctx=ctx)
    assert desk.tree() == before and not (desk.folder / "new").exists()


def test_folders_that_were_there_before_stay(desk: "Desk") -> None:
    (desk.folder / "kept").mkdir()
    ctx = desk.context(storage=Faulty(desk.folder, "manifest.json", "publish", DISK_FULL))
    with pytest.raises(ConfigError, match="No space left"):
        desk.transform(desk.csv(ROWS), "kept/new", ctx=ctx)
    assert (desk.folder / "kept").is_dir() and not list((desk.folder / "kept").iterdir())


def test_what_cannot_be_removed_again_is_named(desk: "Desk") -> None:
    ctx = desk.context(storage=Faulty(desk.folder, "manifest.json", "publish", CONFLICT, stuck=True))
    with pytest.raises(ConflictError) as caught:
        desk.transform(desk.csv(ROWS), ctx=ctx)
    assert caught.value.data["left_behind"] == [str(desk.folder / "out" / "train.jsonl")]
    assert "train.jsonl" in caught.value.message


def test_an_interrupt_leaves_nothing(desk: "Desk") -> None:
    def stop(done: float, total: float | None, message: str) -> None:
        raise KeyboardInterrupt

    source = desk.csv([(f"question {index}", "a") for index in range(5000)])
    ctx = desk.context()
    before = desk.tree()
    hurried = type(ctx)(**{**ctx.__dict__, "progress": stop})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("novaforge.tools.datasets.progress._EVERY_S", -1.0)
        with pytest.raises(KeyboardInterrupt):
            desk.transform(source, split=SPLIT, ctx=hurried)
    assert desk.tree() == before


def test_a_source_that_changes_while_it_is_read_is_an_error(desk: "Desk") -> None:
    source = desk.csv(ROWS)

    class Moving(Storage):
        @contextmanager
        def create(self, uri: str) -> Generator[Sink]:
            with super().create(uri) as sink:
                with Path(source).open("ab") as file:
                    file.write(b"one more,a\n")
                yield sink

    ctx = desk.context(storage=Moving(Aws(), (desk.folder,)))
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


def test_memory_does_not_hold_the_rows(desk: "Desk", read: Callable[[str], list[Any]]) -> None:
    import tracemalloc

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
    assert peak(8000) < 1.5 * peak(2000)
