"""Reinforcement fine-tuning: TRL's GRPO with the deployed reward function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer  # pyright: ignore[reportPrivateImportUsage]  # TRL exports them lazily

from novaforge.guards.values import JsonObject
from novaforge.server.sandbox.worker.chat import fit
from novaforge.server.sandbox.worker.generate import end_ids, marked
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import note, rft_line
from novaforge.server.sandbox.worker.recipe import Recipe
from novaforge.server.sandbox.worker.reward import RewardFunction, Sample, reward_arn
from novaforge.server.sandbox.worker.rows import prompt, read_rows, rft_row
from novaforge.server.sandbox.worker.standin import StandIn, load
from novaforge.server.sandbox.worker.train import StepLog, adapt, finish, run, scaled_rate, shared_arguments

SECTION = "training_config.trainer"
ROLLOUT = "training_config.rollout"
MICRO_BATCH = 16
"""Completions scored at once; on a CPU, TRL builds the logits of every position, 1.2 MB per completion."""


@dataclass(frozen=True)
class Plan:
    """What one step does: `batch` completions, `generations` of each prompt."""

    max_steps: int
    batch: int
    generations: int


class Scorer:
    """The trainer's reward callable; builds the function's samples and keeps the last step's scores."""

    __name__ = "reward_function"  # TRL names its metrics after it

    def __init__(self, rows: Sequence[dict[str, Any]], function: RewardFunction, ends: set[int]) -> None:
        self._rows = rows
        self._function = function
        self._ends = ends
        self.last: list[float] = []

    def __call__(
        self, completions: list[Any], completion_ids: list[list[int]], row: list[int], **_columns: Any
    ) -> list[float | None]:
        """Return one score per completion; raises InputError as RewardFunction.scores does."""
        samples = [
            self._sample(index, completion[0]["content"], bool(ids) and ids[-1] in self._ends)
            for index, completion, ids in zip(row, completions, completion_ids, strict=True)
        ]
        self.last = self._function.scores(samples)
        return list(self.last)

    def _sample(self, index: int, text: str, complete: bool) -> Sample:
        source = self._rows[index]
        answer = {"role": "assistant", "content": marked(text, complete)}
        return {**source, "id": source.get("id") or f"row-{index + 1}", "messages": [*source["messages"], answer]}


def train_rft(job: Job, recipe: Recipe) -> None:
    """Train on the job's prompts with the deployed reward function; raises InputError."""
    rows = read_rows(job.data_file(), rft_row)
    limit = recipe.count(f"{ROLLOUT}.rewards.api_endpoint.lambda_concurrency_limit", default=12)
    function = RewardFunction(job, reward_arn(job, recipe), limit)
    standin = load(job, (message["content"] for row in rows for message in prompt(row)))
    data = _prompts(job, recipe, standin, rows)
    plan = _plan(recipe, len(rows))
    mode = adapt(standin, recipe, job, f"{SECTION}.peft")
    if not standin.trained:
        # The reference of the KL term is loaded by path, and random weights have none yet.
        standin.model.save_pretrained(job.folder / "start")
        standin.model.config._name_or_path = str(job.folder / "start")
    scorer = Scorer(rows, function, end_ids(standin))
    trainer = GRPOTrainer(
        model=standin.model,
        reward_funcs=[scorer],
        args=_arguments(job, recipe, standin, plan),
        train_dataset=data,
        processing_class=standin.tokenizer,
        callbacks=[StepLog(job, lambda state, logs, seconds: _line(state, logs, seconds, scorer.last))],
    )
    run(trainer)
    tokens = standin.answer_tokens(job.settings)
    info: JsonObject = {
        "method": "RFT",
        "mode": mode,
        "steps": plan.max_steps,
        "rows": len(rows),
        "answer_tokens": tokens,
    }
    finish(job, standin, recipe, info)


def _prompts(job: Job, recipe: Recipe, standin: StandIn, rows: Sequence[dict[str, Any]]) -> Dataset:
    limit = recipe.count("training_config.max_length")
    cap = min(job.settings.prompt_tokens, limit)
    chats = [prompt(row) for row in rows]
    fitted = [fit(standin.tokenizer, chat, cap) for chat in chats]
    cut = sum(short != chat for short, chat in zip(fitted, chats, strict=True))
    note(
        f"max_length {limit} of the recipe is capped: prompts keep their last {cap} tokens, {cut} of {len(rows)} are cut"
    )
    return Dataset.from_list([{"prompt": chat, "row": index} for index, chat in enumerate(fitted)])


def _plan(recipe: Recipe, rows: int) -> Plan:
    max_steps = recipe.count(f"{SECTION}.max_steps")
    batch = recipe.count("training_config.global_batch_size")
    generations = max(2, recipe.count(f"{ROLLOUT}.advantage_strategy.number_generation"))
    rounded = -(-batch // generations) * generations
    note(
        f"{rows} prompts, {max_steps} steps of {rounded} completions (global_batch_size {batch}), "
        f"{generations} for each prompt, {max_steps * rounded / generations / rows:.2f} epochs"
    )
    return Plan(max_steps, rounded, generations)


def _arguments(job: Job, recipe: Recipe, standin: StandIn, plan: Plan) -> GRPOConfig:
    kl = recipe.number(f"{SECTION}.kl_loss_coef", default=0.001)
    settings = job.settings
    rate = scaled_rate(recipe.number(f"{SECTION}.optim_config.lr"), settings.rft_lr_factor, settings.max_rft_lr)
    tokens, asked = (
        standin.answer_tokens(job.settings),
        recipe.count(f"{ROLLOUT}.generator.max_new_tokens", default=6000),
    )
    note(
        f"KL weight {kl:g} of the recipe x {job.settings.kl_factor:g} for the stand-in = {kl * job.settings.kl_factor:g}; "
        f"max_new_tokens {asked} is {min(tokens, asked)}; samples are drawn from all tokens whatever top_k says"
    )
    micro = max(size for size in range(1, MICRO_BATCH + 1) if plan.batch % size == 0)
    return GRPOConfig(
        **shared_arguments(job, recipe, SECTION, plan.max_steps),
        learning_rate=rate,
        lr_scheduler_type="constant",
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=plan.batch // micro,
        num_generations=plan.generations,
        max_completion_length=min(tokens, asked),
        temperature=recipe.number(f"{ROLLOUT}.generator.temperature", default=1.0),
        beta=kl * job.settings.kl_factor,
        entropy_coef=recipe.number(f"{SECTION}.ent_coeff", default=0.0),
    )


def _line(state: Any, logs: dict[str, Any], seconds: float, scores: Sequence[float]) -> str:
    mean = sum(scores) / len(scores)
    length = float(logs["completions/mean_length"])
    kl = float(logs.get("kl", 0.0))
    values: dict[str, float] = {
        "actor/entropy": float(logs["entropy"]),
        "actor/reward_kl_penalty": 0.0,
        "actor/pg_loss": float(logs["loss"]),
        # One update per batch: the old policy is the present one, so the divergence shown is that from the start.
        "actor/ppo_kl": kl,
        "actor/kl_loss": kl,
        "actor/grad_norm": float(logs["grad_norm"]),
        "actor/lr": float(logs["learning_rate"]),
        "training/global_step": int(state.global_step),
        "training/epoch": int(state.epoch or 0),
        "critic/score/mean": mean,
        "critic/rewards/mean": mean,
        "critic/rewards/max": max(scores),
        "critic/rewards/min": min(scores),
        "response_length/mean": length,
        "response_length/clip_ratio": float(logs["completions/clipped_ratio"]),
        "perf/time_per_step": seconds,
        "perf/throughput": length * len(scores) / max(seconds, 1e-9),
    }
    return rft_line(state.global_step, values)
