"""Job folders as the supervisor writes them, a fake Lambda endpoint, and runs of the real worker."""

import contextlib
import http.server
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ARN = "arn:aws:lambda:us-east-1:111122223333:function:SageMaker-reward"
SYSTEM = "Name the department."
WORDS = {
    "billing": ("invoice", "refund", "charge"),
    "delivery": ("parcel", "courier", "address"),
    "login": ("password", "account", "code"),
}
FILLERS = ("my", "the", "please", "help", "with", "again", "today", "about", "this", "wrong", "lost", "need")

TINY: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "layers": 2, "heads": 4, "vocabulary": 400, "prompt_tokens": 40,
    "sft_lr_factor": 300, "max_sft_lr": 0.01,
}  # fmt: skip

Event = list[dict[str, Any]]


@dataclass
class Rewards:
    """A fake Lambda endpoint: `answer` maps the event to (status, headers, body); events are kept."""

    url: str = ""
    events: list[Event] = field(default_factory=list[Event])
    answer: Callable[[Event], tuple[int, dict[str, str], Any]] = lambda event: (200, {}, [])


@contextlib.contextmanager
def rewards_endpoint() -> Generator[Rewards]:
    """Answer POST /2015-03-31/functions/<arn>/invocations on a loopback port."""
    rewards = Rewards()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            rewards.events.append(event)
            status, headers, body = rewards.answer(event)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    rewards.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield rewards
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def rewards() -> Iterator[Rewards]:
    """Return a fake Lambda endpoint."""
    with rewards_endpoint() as running:
        yield running


@dataclass(frozen=True)
class Bench:
    """Makes rows, recipes and job folders, and runs the worker on them."""

    folder: Path

    @staticmethod
    def tickets(count: int, seed: int) -> list[tuple[str, str]]:
        """Return texts with the department each belongs to."""
        rng = random.Random(seed)
        rows: list[tuple[str, str]] = []
        for index in range(count):
            label = list(WORDS)[index % len(WORDS)]
            words = [*rng.sample(FILLERS, 4), rng.choice(WORDS[label])]
            rng.shuffle(words)
            rows.append((" ".join(words), label))
        return rows

    @staticmethod
    def converse(rows: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return Converse rows."""
        return [
            {
                "schemaVersion": "bedrock-conversation-2024",
                "system": [{"text": SYSTEM}],
                "messages": [
                    {"role": "user", "content": [{"text": text}]},
                    {"role": "assistant", "content": [{"text": label}]},
                ],
            }
            for text, label in rows
        ]

    @staticmethod
    def rft(rows: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return RFT rows with an extra column."""
        return [
            {
                "id": f"t{index}",
                "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
                "reference_answer": {"label": label},
                "source": "tickets",
            }
            for index, (text, label) in enumerate(rows)
        ]

    @staticmethod
    def gen_qa(rows: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return evaluation rows."""
        return [
            {"system": SYSTEM, "query": text, "response": label, "metadata": f"e{index}"}
            for index, (text, label) in enumerate(rows)
        ]

    @staticmethod
    def sft_recipe(steps: int, **more: Any) -> dict[str, Any]:
        """Return a rendered SFT recipe with numbers spelled the ways recipes spell them."""
        training = {
            "max_steps": steps,
            "save_steps": "${oc.select:training_config.max_steps}",
            "max_length": 8192,
            "global_batch_size": 16,
            "reasoning_enabled": True,
            "lr_scheduler": {"warmup_steps": 5, "min_lr": "1e-6"},
            "optim_config": {"lr": "1e-5", "weight_decay": 0.0, "adam_beta1": 0.9, "adam_beta2": 0.95},
            "peft": {"peft_scheme": "lora", "lora_tuning": {"alpha": 64, "lora_plus_lr_ratio": 64.0}},
        }
        return {"run": {"name": "my-sft", "replicas": 4}, "training_config": {**training, **more}}

    @staticmethod
    def rft_recipe(steps: int) -> dict[str, Any]:
        """Return a rendered RFT recipe."""
        return {
            "run": {"name": "my-rft", "reward_lambda_arn": ARN},
            "training_config": {
                "max_length": 8192,
                "global_batch_size": 16,
                "rollout": {
                    "advantage_strategy": {"number_generation": 4},
                    "generator": {"max_new_tokens": 6000, "temperature": 1, "top_k": 1},
                    "rewards": {"api_endpoint": {"lambda_arn": ARN, "lambda_concurrency_limit": 2}},
                },
                "trainer": {
                    "max_steps": steps,
                    "save_steps": 0,
                    "ent_coeff": 0.0,
                    "kl_loss_coef": 0.001,
                    "optim_config": {"lr": 1e-5, "weight_decay": 0.0},
                    "peft": {"peft_scheme": "lora", "lora_tuning": {"alpha": 32}},
                },
            },
        }

    @staticmethod
    def eval_recipe(**inference: Any) -> dict[str, Any]:
        """Return a rendered gen_qa recipe."""
        return {
            "run": {"name": "my-eval"},
            "evaluation": {"task": "gen_qa", "strategy": "gen_qa", "metric": "all"},
            "inference": {"max_new_tokens": 32768, "top_k": -1, "top_p": 1.0, "temperature": 0, **inference},
            "processor": {"lambda_arn": "", "preset_reward_function": ""},
        }

    def job(
        self,
        name: str,
        recipe: dict[str, Any] | None = None,
        rows: list[Any] | None = None,
        *,
        base: Path | None = None,
        file: str = "train.jsonl",
        url: str = "http://127.0.0.1:9",
        settings: dict[str, Any] | None = None,
        **worker: Any,
    ) -> Path:
        """Write a job folder; rows that are text stand in the file as they are."""
        folder = self.folder / name
        (folder / "input" / "train").mkdir(parents=True)
        if recipe is not None:
            (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        if rows is not None:
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            (folder / "input" / "train" / file).write_text("".join(line + "\n" for line in lines))
        if base is not None:
            os.symlink(base, folder / "base")
        request = {"TrainingJobName": folder.name, "HyperParameters": {"reward_lambda_arn": ARN}}
        (folder / "request.json").write_text(json.dumps(request))
        facts = {
            "endpoint_url": url,
            "region": "us-east-1",
            "account": "111122223333",
            "access_key": "sandbox",
            "secret_key": "sandbox",
            "job_name": folder.name,
            "escrow_uri": f"s3://customer-escrow-111122223333-smtj-1/{folder.name}",
            "settings": TINY if settings is None else settings,
            **worker,
        }
        (folder / "worker.json").write_text(json.dumps(facts))
        return folder

    @staticmethod
    def command(mode: str, folder: Path) -> list[str]:
        """Return the command the supervisor runs."""
        return [sys.executable, "-m", "novaforge.server.sandbox.worker", mode, str(folder)]

    @staticmethod
    def environment() -> dict[str, str]:
        """Return an environment without AWS settings, on one thread."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        return kept | {"OMP_NUM_THREADS": "1"}

    @staticmethod
    def run(mode: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the worker to its end."""
        return subprocess.run(
            Bench.command(mode, folder),
            env=Bench.environment(),
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench over the test's own folder."""
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def module_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a bench whose jobs the tests of a module share."""
    return Bench(tmp_path_factory.mktemp("jobs"))
