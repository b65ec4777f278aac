"""The job folder: what is read from it, what is refused, what is left there."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.server.sandbox.worker.__main__ import main
from novaforge.server.sandbox.worker.job import Job

if TYPE_CHECKING:
    from tests.sandbox_worker.conftest import Bench


@pytest.mark.parametrize("arguments", [[], ["train"], ["distill", "/x"], ["train", "/x", "more"]])
def test_a_wrong_command_line_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "train|evaluate|serve JOB_DIR" in capsys.readouterr().err


def test_an_unknown_setting_is_named(bench: "Bench") -> None:
    folder = bench.job("job", settings={"layers": 1, "layrs": 2})
    with pytest.raises(InputError, match="layrs"):
        Job.open(folder)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_worker_file_that_cannot_be_read_is_named(bench: "Bench", text: str) -> None:
    folder = bench.job("job")
    (folder / "worker.json").write_text(text)
    with pytest.raises(InputError, match=r"worker\.json"):
        Job.open(folder)


def test_a_base_is_there_only_when_its_folder_holds_something(bench: "Bench") -> None:
    job = Job.open(bench.job("job"))
    assert job.base is None
    (job.folder / "base").mkdir()
    assert job.base is None
    (job.folder / "base" / "config.json").write_text("{}")
    assert job.base == job.folder / "base"


def test_the_named_file_is_preferred_and_the_only_one_is_found_anywhere(bench: "Bench") -> None:
    job = Job.open(bench.job("job", rows=[{}]))
    assert job.data_file("gen_qa.jsonl").name == "train.jsonl"
    (job.folder / "input" / "train" / "gen_qa.jsonl").write_text("{}")
    assert job.data_file("gen_qa.jsonl").name == "gen_qa.jsonl"
    with pytest.raises(InputError, match=r"train/gen_qa\.jsonl, train/train\.jsonl"):
        job.data_file()
    for path in (job.folder / "input" / "train").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="found none"):
        job.data_file()
    (job.folder / "input" / "data").mkdir()
    (job.folder / "input" / "data" / "x.jsonl").write_text("{}")
    assert job.data_file("gen_qa.jsonl").name == "x.jsonl"


def test_progress_is_one_json_object(bench: "Bench") -> None:
    job = Job.open(bench.job("job"))
    job.progress(3, 10, 0.33333)
    assert json.loads((job.folder / "progress.json").read_text()) == {"step": 3, "max_steps": 10, "epoch": 0.3333}


UNSUPPORTED: list[tuple[str, dict[str, Any], str]] = [
    ("evaluate", {"evaluation": {"task": "mmlu"}}, "not 'mmlu'"),
    ("evaluate", {"evaluation": {"task": "gen_qa"}, "processor": {"lambda_arn": "arn:x"}}, "custom metrics"),
    ("train", {"evaluation": {"task": "gen_qa"}}, "one of an evaluation"),
    ("train", {"training_config": {"model": {"dpo_cfg": {"beta": 0.1}}}}, "DPO"),
]


@pytest.mark.parametrize(("mode", "recipe", "why"), UNSUPPORTED)
def test_what_the_sandbox_cannot_do_is_refused(bench: "Bench", mode: str, recipe: dict[str, Any], why: str) -> None:
    pytest.importorskip("trl", reason="the sandbox extra is not installed")
    from novaforge.server.sandbox.worker.evaluate import evaluate
    from novaforge.server.sandbox.worker.train import train

    job = Job.open(bench.job("job", recipe, [{}]))
    with pytest.raises(InputError, match=why):
        {"evaluate": evaluate, "train": train}[mode](job)
