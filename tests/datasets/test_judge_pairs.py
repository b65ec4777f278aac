"""Two evaluation outputs become judge pairs: joined by id, else by query, with markers and reasoning left out."""

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.rows import Finished, Reject
from novaforge.tools.datasets.shapes.convert import converter
from novaforge.tools.datasets.shapes.pairs import PairedRows, read_pairs
from tests.datasets.converting import lines_of, one

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

JUDGE = row_format("EVALUATION", "nova_lite_2", task="llm_judge")


def output(query: str, answer: str, key: str = "") -> dict[str, Any]:
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": query}]
    row = {"prompt": repr(chat), "inference": repr([answer]), "gold": "g"}
    return {**row, "metadata": key} if key else row


def pair(desk: "Desk", baseline: list[Any], candidate: list[Any]) -> tuple[list[Any], list[Reject], list[str]]:
    from types import SimpleNamespace

    pairs = read_pairs(desk.ctx, desk.jsonl(candidate, "candidate.jsonl"))
    source: Any = SimpleNamespace(uri="baseline.jsonl", columns=None, stem="baseline")
    made = converter(source, lines_of(baseline), None, JUDGE, None, pairs=pairs)
    assert isinstance(made, PairedRows)
    results = [made.finish(line) for line in lines_of(baseline)]
    rows = [json.loads(row.data) for row in results if isinstance(row, Finished)]
    return rows, [row for row in results if isinstance(row, Reject)], [found.message for found in made.findings()]


def test_rows_are_joined_by_id_whatever_their_order(desk: "Desk") -> None:
    baseline = [output("same", "a1", "1"), output("same", "a2", "2"), output("q3", "a3", "3")]
    candidate = [output("same", "b2", "2"), output("same", "b1", "1"), output("q4", "b4", "4")]
    rows, (reject,), findings = pair(desk, baseline, candidate)
    assert rows == [
        {"prompt": "same", "response_A": "a1", "response_B": "b1"},
        {"prompt": "same", "response_A": "a2", "response_B": "b2"},
    ]
    assert reject.line == 3 and "no row of this id or query" in reject.reason
    assert any("1 rows without a partner" in message for message in findings)


def test_rows_without_ids_are_joined_by_query_and_a_query_asked_twice_is_no_key(desk: "Desk") -> None:
    baseline = [output("q1", "a1"), output("q2", "a2")]
    rows, (reject,), _ = pair(desk, baseline, [output("q1", "b1"), output("q2", "b2"), output("q2", "b3")])
    assert rows == [{"prompt": "q1", "response_A": "a1", "response_B": "b1"}]
    assert reject.line == 2 and "several rows" in reject.reason


def test_reasoning_and_markers_are_left_out_and_quotes_and_breaks_kept(desk: "Desk") -> None:
    text = 'it\'s "so"\n\\n 漢字'
    marked = f"thinking...<|begin_of_solution|>{text}<|end_of_solution|>"
    rows, _, _ = pair(desk, [output("q", marked, "1")], [output("q", text, "1")])
    assert rows == [{"prompt": "q", "response_A": text, "response_B": text}]


def test_other_files_cannot_be_paired(desk: "Desk") -> None:
    with pytest.raises(InputError, match="no evaluation output"):
        read_pairs(desk.ctx, desk.jsonl([{"query": "q", "response": "a"}]))
    with pytest.raises(InputError, match="shape table"):
        pair(desk, [{"question": "q", "answer": "a"}], [output("q", "b")])


def test_a_table_of_two_answers_and_an_output_with_gold_answers_serve_evaluations_too() -> None:
    row = {"prompt": "q", "response_A": "a", "response_B": "b"}
    assert one(row, "EVALUATION", task="llm_judge") == row
    columns = {"query": "ask", "response_A": "old", "response_B": "new"}
    assert one({"ask": "q", "old": "a", "new": "b"}, "EVALUATION", task="llm_judge", columns=columns) == row
    again = one(output("q", "a", "7"), "EVALUATION")
    assert again == {"query": "q", "response": "g", "system": "s", "metadata": "7"}


def test_an_answer_without_text_is_a_reject(desk: "Desk") -> None:
    _, (reject,), _ = pair(desk, [output("q", "", "1")], [output("q", "b", "1")])
    assert reject == Reject(1, "the answer is empty", "$.inference")


def test_two_evaluations_are_paired_by_their_job_ids(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace
    from types import SimpleNamespace

    from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset
    from novaforge.tools.jobs.archive import Archive

    def archive(ctx: Any, job_id: str) -> Archive:
        path = desk.folder / "cache" / f"{job_id}-1.tar.gz"
        path.parent.mkdir(exist_ok=True)
        rows = "".join(json.dumps(output(f"q {n}", f"{job_id} says {n}")) + "\n" for n in range(3)).encode()
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("./run/eval_results/inference_output.jsonl")
            info.size = len(rows)
            tar.addfile(info, io.BytesIO(rows))
        return Archive(path)

    monkeypatch.setattr("novaforge.tools.jobs.artifacts.archive_of", archive)
    ledger: Any = SimpleNamespace(job=lambda job_id: SimpleNamespace(kind="evaluation") if "nf-" in job_id else None)
    ctx = replace(desk.ctx, ledger=ledger)
    seen = inspect_dataset(ctx, source="nf-base")
    assert seen.shape == "evaluation_output" and 'source="nf-base"' in seen.next_step
    assert f'target="{desk.folder}/nf-base-pairs"' in seen.next_step
    made = transform_dataset(
        ctx, source="nf-base", target=str(desk.folder / "out"), method="EVALUATION", model="nova_lite_2",
        task="llm_judge", pair_with="nf-new",
    )  # fmt: skip
    rows = [json.loads(line) for line in Path(made.files[0].uri).read_text(encoding="utf-8").splitlines()]
    assert rows[2] == {"prompt": "q 2", "response_A": "nf-base says 2", "response_B": "nf-new says 2"}
    assert json.loads(Path(made.manifest_uri).read_text(encoding="utf-8"))["source"]["uri"] == "nf-base"
    with pytest.raises(InputError, match="outside the folders"):
        inspect_dataset(ctx, source="other-name")
