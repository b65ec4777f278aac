"""What results and manifests say of a source is what is in it: hashes, files, blank lines, labels, columns, arguments."""

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.engine import run as engine
from novaforge.tools.datasets.engine.pool import Pool
from novaforge.tools.datasets.reading import opened
from novaforge.tools.datasets.request import Request
from novaforge.tools.datasets.tool import inspect_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


def manifest_of(result: Any) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(Path(result.manifest_uri).read_text(encoding="utf-8")))


class Logs:
    """Logs Insights that answers every query with the same events."""

    def __init__(self, messages: list[str]) -> None:
        self.messages = messages

    def call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        if operation == "start_query":
            return {"queryId": "1"}
        return {"status": "Complete", "results": [[{"field": "@message", "value": said}] for said in self.messages]}


def from_logs(desk: "Desk", messages: list[str]) -> Any:
    ctx = replace(desk.ctx, aws=cast(Any, Logs(messages)))
    return desk.read("cloudwatch://g?query=fields%20@message&start=1767225600&end=1767312000", ctx).identity


def test_the_identity_of_a_query_is_the_hash_of_the_json_lines_it_gave(desk: "Desk") -> None:
    lines = b"".join(json.dumps({"@message": said}, separators=(",", ":")).encode() + b"\n" for said in ("one", "two"))
    seen = from_logs(desk, ["one", "two"])
    assert (seen.sha256, seen.bytes, seen.rows) == (hashlib.sha256(lines).hexdigest(), len(lines), 2)
    assert from_logs(desk, ["one", "Two"]).sha256 != seen.sha256


def test_the_identity_of_a_packed_file_is_that_of_the_file_and_not_of_what_is_in_it(desk: "Desk") -> None:
    data = gzip.compress(b"Body,Y\n" + b"".join(b"question %d,a\n" % number for number in range(50)), mtime=0)
    said = manifest_of(desk.transform(desk.write("data.csv.gz", data)))["source"]
    assert (said["sha256"], said["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (said["compression"], said["format"], said["files"]) == ("gzip", "csv", [])


def test_a_manifest_of_several_files_lists_each_with_its_own_hash(desk: "Desk") -> None:
    files = {f"in/part{number}.csv": f"Body,Y\nquestion {number},a\n".encode() for number in range(3)}
    for name, data in files.items():
        desk.write(name, data)
    said = manifest_of(desk.transform(str(desk.folder / "in")))["source"]
    assert [(file["name"], file["bytes"], file["sha256"]) for file in said["files"]] == [
        (name.removeprefix("in/"), len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    ]


def test_the_arguments_of_a_manifest_are_those_that_were_given(desk: "Desk") -> None:
    given: dict[str, Any] = {
        "split": {"train": 0.5, "test": 0.5}, "seed": 4, "group_by": "Y", "columns": {"query": "Body", "response": "Y"},
        "filters": {"max_chars": 90}, "system_prompt": "S", "platform": "sagemaker",
    }  # fmt: skip
    source = desk.csv([(f"question {number}", f"answer {number}") for number in range(40)])
    told = manifest_of(desk.transform(source, **given))["arguments"]
    assert {name: told.get(name) for name in given} == given
    unasked = asdict(Request(source, "", "SFT_LORA", "nova_lite_2"))
    rest = {name: value for name, value in told.items() if name not in given}
    assert rest == {name: value for name, value in unasked.items() if name in rest} and "target" not in rest
    assert None not in told.values() and {"source", "method", "model"} <= rest.keys()


BLANK: dict[str, Callable[[int], str]] = {
    "data.csv": lambda number: f"question {number},a\n\n",
    "data.jsonl": lambda number: json.dumps({"Body": f"question {number}", "Y": "a"}) + "\n \n",
}


@pytest.mark.parametrize("name", BLANK)
@pytest.mark.parametrize("workers", [0, 2])
def test_blank_lines_are_counted_once_whoever_reads_them_and_move_no_line_number(
    desk: "Desk", name: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "block_bytes", lambda total: 300)
    monkeypatch.setattr(engine, "workers_for", lambda total: workers)
    monkeypatch.setattr(Pool, "any_ready", property(lambda pool: True))
    rows = [BLANK[name](number) for number in range(60)]
    rows[40] = ",a\n\n" if name.endswith("csv") else '{"Body": "", "Y": "a"}\n\n'
    header = "Body,Y\n" if name.endswith("csv") else ""
    result = desk.transform(desk.write(name, header + "".join(rows)), columns={"query": "Body", "response": "Y"})
    assert manifest_of(result)["counts"] == {
        "rows_read": 60, "rows_written": 59, "rows_unused": 0, "rows_rejected": 1, "blank_lines": 60,
    }  # fmt: skip
    (left,) = Path(str(result.rejected["uri"])).read_text(encoding="utf-8").splitlines()
    assert json.loads(left)["line"] == 81 + bool(header)


def test_labels_are_told_of_a_table_whose_columns_fit_no_mapping(desk: "Desk") -> None:
    rows = [(f"text {number}", f"other {number}", "xy"[number % 4 == 0]) for number in range(20)]
    seen = inspect_dataset(desk.ctx, source=desk.csv(rows, ("a", "b", "kind")))
    assert seen.suggested["columns"] == {} and seen.labels == {"x": 15, "y": 5}


@pytest.mark.parametrize(("columns", "told"), [(100, False), (101, True)])
def test_only_more_columns_than_are_listed_are_told(desk: "Desk", columns: int, told: bool) -> None:
    names = [f"c{number}" for number in range(columns)]
    seen = inspect_dataset(desk.ctx, source=desk.csv([names], names))
    assert any(finding.rule == "source-columns" for finding in seen.findings) is told


def test_prompts_without_a_reference_answer_are_said_to_serve_no_training(desk: "Desk") -> None:
    rows = [{"messages": [{"role": "user", "content": f"question {number}"}]} for number in range(5)]
    seen = inspect_dataset(desk.ctx, source=desk.jsonl(rows))
    (told,) = [finding for finding in seen.findings if finding.rule == "source-answers"]
    assert seen.shape == "prompts" and told.severity == "warn" and "reference_answer" in told.fix


def test_languages_are_told_by_texts_that_stand_deep_in_a_row(desk: "Desk") -> None:
    text = (
        "Bitte erklären Sie mir ausführlich, warum der Drucker im dritten Stock seit gestern nicht mehr funktioniert."
    )
    rows = [{"kind": "ticket", "inner": {"said": [{"text": f"{text} {number}"}]}} for number in range(10)]
    seen = inspect_dataset(desk.ctx, source=desk.jsonl(rows))
    assert seen.source["languages"] == {"de": 10}


@pytest.mark.parametrize(
    ("method", "sandbox", "wanted", "unwanted"),
    [
        ("SFT_LORA", False, ["<bucket>", "with a bucket of yours"], ["novaforge-sandbox", "plan_reward"]),
        ("SFT_LORA", True, ["s3://novaforge-sandbox/out-output"], ["<bucket>", "with a bucket of yours"]),
        ("RFT_LORA", True, ["s3://novaforge-sandbox/out-output", "<Lambda>", "plan_reward"], ["<bucket>"]),
    ],
)
def test_the_next_step_of_a_valid_file_can_be_called_as_it_stands(
    desk: "Desk", method: str, sandbox: bool, wanted: list[str], unwanted: list[str]
) -> None:
    source = desk.csv([(f"question {number}", f"answer {number}") for number in range(300)])
    ctx: ToolContext = desk.context(mode=Mode(sandbox=sandbox))
    (file,) = desk.transform(source, method=method, ctx=ctx).files
    said = desk.validate(file.uri, method, ctx=ctx).next_step
    assert all(part in said for part in wanted) and not any(part in said for part in unwanted), said


def test_an_output_is_named_after_the_set_and_its_part(desk: "Desk") -> None:
    ctx: ToolContext = desk.context(mode=Mode(sandbox=True))
    source = desk.csv([(f"question {number}", f"answer {number}") for number in range(300)])
    made = desk.transform(source, method="EVALUATION", ctx=ctx, split={"train": 200, "test": 100})
    for file in made.files:
        said = desk.validate(file.uri, "EVALUATION", ctx=ctx).next_step
        assert f'output="s3://novaforge-sandbox/out-{file.role}-output"' in said, said


def test_a_target_that_is_taken_is_refused_with_what_is_there(desk: "Desk") -> None:
    desk.write("out/notes.txt", "mine")
    with pytest.raises(Exception, match=r"\(\S+/out/notes\.txt is there\)"):
        desk.transform(desk.csv([("q", "a")]), "out")


def test_folders_made_for_a_target_go_again_however_many(desk: "Desk") -> None:
    def full(name: str) -> None:
        if name == "publish:sealed":
            raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match="No space left"):
        desk.transform(desk.csv([("q", "a")]), "one/two/three/out", ctx=replace(desk.ctx, checkpoint=full))
    assert [path.name for path in desk.folder.iterdir()] == ["data.csv"]
