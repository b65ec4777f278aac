"""The worker really trains: every test here reads what a run of the real process left behind."""

import ast
import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox_worker.conftest import Bench, Event

pytest.importorskip("trl", reason="the sandbox extra is not installed")
pytestmark = pytest.mark.slow

STEPS = 150


class Run:
    """A finished run: its folder, its lines, its exit status."""

    def __init__(self, folder: Path, done: "subprocess.CompletedProcess[str]") -> None:
        self.folder = folder
        self.code = done.returncode
        self.lines = done.stdout.splitlines()
        self.stderr = done.stderr

    def info(self) -> dict[str, Any]:
        """Return standin.json of the checkpoint."""
        found: dict[str, Any] = json.loads((self.folder / "checkpoint" / "standin.json").read_text())
        return found

    def says(self, text: str) -> bool:
        """Tell whether a line holds the text."""
        return any(text in line for line in self.lines)


def _run(bench: "Bench", mode: str, folder: Path) -> Run:
    return Run(folder, bench.run(mode, folder))


@pytest.fixture(scope="module")
def sft(module_bench: "Bench") -> Run:
    """Return a supervised training of the untrained base."""
    bench = module_bench
    rows = bench.converse(bench.tickets(240, 1))
    return _run(bench, "train", bench.job("sft", bench.sft_recipe(STEPS), rows))


@pytest.fixture(scope="module")
def evaluated(module_bench: "Bench", sft: Run) -> Run:
    """Return the evaluation of that training."""
    bench = module_bench
    rows = bench.gen_qa(bench.tickets(60, 2))
    folder = bench.job("eval", bench.eval_recipe(), rows, base=sft.folder / "checkpoint", file="gen_qa.jsonl")
    return _run(bench, "evaluate", folder)


def _results(run: Run) -> dict[str, float]:
    (path,) = (run.folder / "result" / "my-eval" / "eval_results").glob("results_*.json")
    found: dict[str, float] = json.loads(path.read_text())["results"]["custom|gen_qa_gen_qa|0"]
    return found


def test_sft_prints_a_line_per_step_in_awss_format_and_the_loss_falls(sft: Run) -> None:
    assert sft.code == 0, sft.stderr
    steps = [line for line in sft.lines if line.startswith("Training epoch")]
    assert len(steps) == STEPS
    assert f"iteration {STEPS - 1}/{STEPS - 1} |" in steps[-1]
    losses = [float(line.split("reduced_train_loss: ")[1].split(" |")[0]) for line in steps]
    assert losses[-1] < 0.2 < losses[0]
    assert sft.lines[-1] == "Training is complete"


def test_sft_leaves_manifest_progress_checkpoint_and_an_honest_note(sft: Run) -> None:
    manifest = json.loads((sft.folder / "result" / "manifest.json").read_text())
    assert manifest == {"checkpoint_s3_bucket": "s3://customer-escrow-111122223333-smtj-1/sft"}
    progress = json.loads((sft.folder / "progress.json").read_text())
    assert (progress["step"], progress["max_steps"]) == (STEPS, STEPS)
    assert (sft.folder / "checkpoint" / "model.safetensors").exists()
    info = sft.info()
    assert info["history"] == [{"method": "SFT", "mode": "full_rank", "steps": STEPS}]
    assert "says nothing about the score" in info["note"]
    assert not (sft.folder / "failure.txt").exists()


def test_what_the_stand_in_scales_caps_and_leaves_out_is_said(sft: Run) -> None:
    assert sft.says("learning rate 1e-05 of the recipe x 300 for")
    assert sft.says("max_length 8192 of the recipe is capped")
    assert sft.says("full rank instead of LoRA")
    (unused,) = [line for line in sft.lines if "makes no use of" in line]
    assert "training_config.peft.lora_tuning.lora_plus_lr_ratio" in unused
    assert "training_config.max_steps" not in unused


def test_the_evaluation_asks_every_question_and_the_trained_model_knows_the_answers(evaluated: Run) -> None:
    assert evaluated.code == 0, evaluated.stderr
    assert _results(evaluated)["exact_match"] >= 0.9
    places = [evaluated.lines.index(line) for line in (
        "Starting Model Evaluation", "Inferencing server has started.",
        "Finished evaluation, closing the inference server",
    )]  # fmt: skip
    assert places == sorted(places)


def test_the_evaluation_has_awss_layout(evaluated: Run, module_bench: "Bench") -> None:
    folder = evaluated.folder / "result" / "my-eval" / "eval_results"
    rows = [json.loads(line) for line in (folder / "inference_output.jsonl").read_text().splitlines()]
    asked = module_bench.tickets(60, 2)
    assert [row["metadata"] for row in rows] == [f"e{index}" for index in range(60)]
    assert ast.literal_eval(rows[0]["prompt"])[-1] == {"role": "user", "content": asked[0][0]}
    (raw,) = ast.literal_eval(rows[0]["inference"])
    assert raw == f"<|begin_of_solution|> {asked[0][1]} <|end_of_solution|>"
    (details,) = (folder / "details" / "model").glob("*/details_custom|gen_qa_gen_qa|0_#_*.parquet")
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(details)
    assert list(frame.columns) == ["full_prompt", "gold", "metrics", "predictions", "specifics"]
    assert ast.literal_eval(frame["metrics"][0])["exact_match"] == 1.0
    results = _results(evaluated)
    assert {f"{name}_stderr" for name in results if not name.endswith("_stderr")} <= set(results)


def test_the_untrained_base_knows_no_answer_and_its_outputs_are_cut_off(module_bench: "Bench") -> None:
    bench = module_bench
    folder = bench.job("base", bench.eval_recipe(), bench.gen_qa(bench.tickets(12, 2)), file="gen_qa.jsonl")
    run = _run(bench, "evaluate", folder)
    assert run.code == 0, run.stderr
    assert _results(run)["exact_match"] == 0
    (path,) = (folder / "result").rglob("inference_output.jsonl")
    assert "<|end_of_solution|>" not in path.read_text()


def test_training_again_on_a_trained_model_uses_an_adapter_and_gives_equal_weights_twice(
    module_bench: "Bench", sft: Run
) -> None:
    bench = module_bench
    rows = bench.converse(bench.tickets(60, 3))
    runs = [
        _run(bench, "train", bench.job(name, bench.sft_recipe(4, save_steps=2), rows, base=sft.folder / "checkpoint"))
        for name in ("again-1", "again-2")
    ]
    assert [run.code for run in runs] == [0, 0], runs[0].stderr
    assert runs[0].says("LoRA adapter: rank 16, alpha 64")
    assert runs[0].says("intermediate checkpoint of step 2 is saved")
    assert runs[0].info()["history"][1] == {"method": "SFT", "mode": "lora", "steps": 4}
    weights = [(run.folder / "checkpoint" / "model.safetensors").read_bytes() for run in runs]
    assert weights[0] == weights[1] != (sft.folder / "checkpoint" / "model.safetensors").read_bytes()


def test_a_local_model_without_a_chat_template_can_be_the_base(module_bench: "Bench", sft: Run) -> None:
    bench, local = module_bench, module_bench.folder / "local"
    shutil.copytree(sft.folder / "checkpoint", local)
    (local / "standin.json").unlink()
    (local / "chat_template.jinja").unlink()
    settings = {"model": str(local), "prompt_tokens": 60}
    rows = bench.converse(bench.tickets(30, 3))
    run = _run(bench, "train", bench.job("of-local", bench.sft_recipe(2), rows, settings=settings))
    assert run.code == 0, run.stderr
    assert run.says("has no chat template; a plain one is used")
    assert run.says("recipe x 20 for the stand-in")
    assert run.info()["base"] == str(local)
    assert run.info()["history"] == [{"method": "SFT", "mode": "lora", "steps": 2}]


def _exact(event: "Event") -> tuple[int, dict[str, str], Any]:
    right = [f"<|begin_of_solution|> {sample['reference_answer']['label']} <|end_of_solution|>" for sample in event]
    answers = [sample["messages"][-1]["content"] for sample in event]
    scores = [1.0 if answer == gold else -1.0 for answer, gold in zip(answers, right, strict=True)]
    return 200, {}, [{"id": s["id"], "aggregate_reward_score": x} for s, x in zip(event, scores, strict=True)]


def test_rft_asks_the_deployed_function_for_every_completion(module_bench: "Bench", sft: Run, rewards: Any) -> None:
    rewards.answer = _exact
    bench, rows = module_bench, module_bench.rft(module_bench.tickets(30, 4))
    folder = bench.job("rft", bench.rft_recipe(3), rows, base=sft.folder / "checkpoint", url=rewards.url)
    run = _run(bench, "train", folder)
    assert run.code == 0, run.stderr
    samples = [sample for event in rewards.events for sample in event]
    assert len(samples) == 3 * 16
    asked = {row["id"]: row for row in rows}
    for sample in samples:
        row = asked[sample["id"]]
        assert {**sample, "messages": sample["messages"][:-1]} == row
        assert sample["messages"][-1]["role"] == "assistant"
    lines = [line for line in run.lines if "(TaskRunner pid=" in line]
    scores = [score["aggregate_reward_score"] for event in rewards.events[:1] for score in _exact(event)[2]]
    assert len(lines) == 3
    assert f"critic/rewards/mean:{sum(scores) / len(scores):.6g}".rstrip("0") in lines[0]
    for name in ("actor/entropy", "actor/ppo_kl", "actor/grad_norm", "response_length/clip_ratio", "perf/throughput"):
        assert f" - {name}:" in lines[-1]
    assert run.info()["history"][-1] == {"method": "RFT", "mode": "lora", "steps": 3}


def test_rft_of_the_untrained_base_runs_in_full_rank_and_a_broken_reward_ends_it(
    module_bench: "Bench", rewards: Any
) -> None:
    def later_broken(event: "Event") -> tuple[int, dict[str, str], Any]:
        if len(rewards.events) > 1:
            return 200, {"X-Amz-Function-Error": "Unhandled"}, {"errorType": "KeyError", "errorMessage": "'label'"}
        return _exact(event)

    rewards.answer = later_broken
    bench, rows = module_bench, module_bench.rft(module_bench.tickets(30, 4))
    run = _run(bench, "train", bench.job("rft-base", bench.rft_recipe(3), rows, url=rewards.url))
    assert run.code == 1
    assert run.says("full rank instead of LoRA")
    assert sum("(TaskRunner pid=" in line for line in run.lines) == 1
    reason = (run.folder / "failure.txt").read_text()
    assert "SageMaker-reward raised an error: KeyError: 'label'" in reason
    assert len(reason.splitlines()) == 1
    assert not (run.folder / "checkpoint").exists()


def test_sigterm_ends_a_training_with_143_and_no_result(module_bench: "Bench") -> None:
    bench = module_bench
    folder = bench.job("stopped", bench.sft_recipe(100_000), bench.converse(bench.tickets(60, 1)))
    with subprocess.Popen(
        bench.command("train", folder), env=bench.environment(), stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("Training epoch"):
                run.send_signal(signal.SIGTERM)
                break
        assert run.wait(120) == 143
    assert not (folder / "checkpoint").exists()
    assert not (folder / "failure.txt").exists()


def test_a_row_that_cannot_be_read_fails_the_job_naming_its_line(module_bench: "Bench") -> None:
    bench = module_bench
    rows = [*bench.converse(bench.tickets(3, 1)), '{"messages": [']
    run = _run(bench, "train", bench.job("bad-row", bench.sft_recipe(2), rows))
    assert run.code == 1
    assert "train.jsonl line 4: not JSON" in (run.folder / "failure.txt").read_text()
    assert run.lines[-1].startswith("[ERROR] train.jsonl line 4")
