"""The files of an evaluation, laid out as AWS's container lays them out."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from novaforge.server.sandbox.worker.generate import marked
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import note
from novaforge.server.sandbox.worker.metrics import row_metrics, summary
from novaforge.server.sandbox.worker.rows import Message
from novaforge.server.sandbox.worker.standin import StandIn

TASK = "custom|gen_qa_gen_qa|0"


@dataclass(frozen=True)
class Evaluated:
    """One row, the chat that asked it, the answer, and whether the answer ended by itself."""

    row: dict[str, str]
    chat: list[Message]
    text: str
    complete: bool

    @property
    def raw(self) -> str:
        """The answer with its markers."""
        return marked(self.text, self.complete)


def write_report(job: Job, run_name: str, standin: StandIn, done: list[Evaluated]) -> None:
    """Write results_*.json, inference_output.jsonl and the details file under result/<run name>/eval_results."""
    folder = job.result / run_name / "eval_results"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    metrics = [row_metrics(item.text, item.row["response"]) for item in done]
    totals = summary(metrics, [item.text for item in done], [item.row["response"] for item in done])
    results = {"config_general": _general(job, standin), "results": {TASK: totals}, "versions": {TASK: 0}}
    (folder / f"results_{stamp}.json").write_text(json.dumps(results, indent=2), encoding="utf-8")
    with (folder / "inference_output.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_inference(item), ensure_ascii=False) + "\n" for item in done)
    _write_details(folder / "details" / "model" / stamp / f"details_{TASK}_#_{stamp}.parquet", done, metrics)
    note(", ".join(f"{name}={totals[name]:.4f}" for name in ("exact_match", "f1_score", "rougeL", "bleu")))


def _general(job: Job, standin: StandIn) -> dict[str, Any]:
    ended = time.time()
    return {
        "lighteval_sha": "sandbox",
        "num_fewshot_seeds": 1,
        "max_samples": None,
        "job_id": job.name,
        "start_time": job.began,
        "end_time": ended,
        "total_evaluation_time_secondes": str(ended - job.began),
        "model_name": standin.source,
        "model_sha": "",
        "model_dtype": "float32",
        "model_size": str(standin.parameters),
    }


def _inference(item: Evaluated) -> dict[str, str]:
    return {
        "prompt": repr(item.chat),
        "inference": repr([item.raw]),
        "gold": item.row["response"],
        "metadata": item.row["metadata"],
    }


def _write_details(path: Path, done: list[Evaluated], metrics: list[dict[str, float]]) -> None:
    path.parent.mkdir(parents=True)
    frame = pd.DataFrame(
        {
            "full_prompt": [repr(item.chat) for item in done],
            "gold": [repr([item.row["response"]]) for item in done],
            "metrics": [repr(values) for values in metrics],
            "predictions": [repr([item.raw]) for item in done],
            "specifics": [repr({"metadata": item.row["metadata"]}) for item in done],
        }
    )
    frame.to_parquet(path, index=False)
