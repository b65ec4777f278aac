"""Supervised fine-tuning with TRL; the loss is taken of the assistant's texts only."""

from typing import Any

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportPrivateImportUsage]  # TRL exports them lazily

from novaforge.guards.values import JsonObject
from novaforge.server.sandbox.worker.chat import fit, head, training_ids
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import note, sft_line
from novaforge.server.sandbox.worker.recipe import Recipe
from novaforge.server.sandbox.worker.rows import Message, converse_row, read_rows
from novaforge.server.sandbox.worker.standin import StandIn, load
from novaforge.server.sandbox.worker.train import StepLog, adapt, finish, run, scaled_rate, shared_arguments

SECTION = "training_config"


class CompletionTrainer(SFTTrainer):  # type: ignore[misc]  # mypy is told to skip TRL
    """SFTTrainer that runs the output layer over the answers alone.

    On a CPU, TRL scores every position and masks afterwards; with prompts of a hundred tokens and answers of three
    that is a third of the whole step.
    """

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean cross-entropy of the labelled tokens."""
        labels = inputs["labels"]
        first = int((labels != -100).any(dim=0).int().argmax())
        keep = labels.shape[1] - max(first - 1, 0)
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            position_ids=(inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0),
            logits_to_keep=keep,
            use_cache=False,
        )
        loss = torch.nn.functional.cross_entropy(
            outputs.logits[:, :-1].flatten(0, 1).float(), labels[:, -keep + 1 :].flatten()
        )
        return (loss, outputs) if return_outputs else loss


class LeftPadding:
    """Collator that pads on the left, so that the answers of a batch end at the same column."""

    def __init__(self, pad_id: int) -> None:
        self._pad = pad_id

    def __call__(self, rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Return input_ids, attention_mask and labels, each of shape (rows, longest row)."""
        width = max(len(row["input_ids"]) for row in rows)

        def stack(key: str, filler: int) -> torch.Tensor:
            return torch.tensor([[filler] * (width - len(row[key])) + row[key] for row in rows])

        mask = [[0] * (width - len(row["input_ids"])) + [1] * len(row["input_ids"]) for row in rows]
        return {
            "input_ids": stack("input_ids", self._pad),
            "attention_mask": torch.tensor(mask),
            "labels": stack("labels", -100),
        }


def train_sft(job: Job, recipe: Recipe) -> None:
    """Train on the job's Converse rows as the recipe says; raises InputError."""
    chats = read_rows(job.data_file(), converse_row)
    standin = load(job, (message["content"] for chat in chats for message in chat))
    data, longest = _tokenized(job, recipe, standin, chats)
    max_steps = recipe.count(f"{SECTION}.max_steps")
    batch = recipe.count(f"{SECTION}.global_batch_size")
    mode = adapt(standin, recipe, job, f"{SECTION}.peft")
    arguments = _arguments(job, recipe, max_steps, batch)
    note(f"{len(chats)} rows, {max_steps} steps of {batch}, {max_steps * batch / len(chats):.2f} epochs")
    trainer = CompletionTrainer(
        model=standin.model,
        args=arguments,
        train_dataset=data,
        processing_class=standin.tokenizer,
        data_collator=LeftPadding(standin.tokenizer.pad_token_id),
        callbacks=[StepLog(job, lambda state, logs, seconds: _line(state, logs, seconds, batch))],
    )
    run(trainer)
    info: JsonObject = {"method": "SFT", "mode": mode, "steps": max_steps, "rows": len(chats), "answer_tokens": longest}
    finish(job, standin, recipe, info)


def _tokenized(job: Job, recipe: Recipe, standin: StandIn, chats: list[list[Message]]) -> tuple[Dataset, int]:
    """Return the dataset and the longest answer in tokens; prompts and answers are cut to the settings' caps."""
    tokenizer, settings = standin.tokenizer, job.settings
    limit = recipe.count(f"{SECTION}.max_length")
    prompt_limit, answer_limit = min(settings.prompt_tokens, limit), min(settings.answer_tokens, limit)
    rows: list[dict[str, list[int]]] = []
    cut = longest = 0
    for chat in chats:
        prompt = fit(tokenizer, chat[:-1], prompt_limit)
        answer = head(tokenizer, chat[-1]["content"], answer_limit)
        cut += prompt != chat[:-1] or answer != chat[-1]["content"]
        longest = max(longest, len(tokenizer(answer, add_special_tokens=False)["input_ids"]) + 1)
        ids, labels = training_ids(tokenizer, [*prompt, {"role": "assistant", "content": answer}])
        rows.append({"input_ids": ids, "labels": labels})
    note(
        f"max_length {limit} of the recipe is capped for the stand-in: the last {prompt_limit} tokens of a prompt, "
        f"the first {answer_limit} of an answer; {cut} of {len(chats)} rows are cut; longest answer {longest} tokens"
    )
    return Dataset.from_list(rows), min(longest, settings.answer_tokens)


def _arguments(job: Job, recipe: Recipe, max_steps: int, batch: int) -> SFTConfig:
    rate = recipe.number(f"{SECTION}.optim_config.lr")
    factor = job.settings.sft_factor()
    least = recipe.number(f"{SECTION}.lr_scheduler.min_lr", default=0.0) * factor
    used = scaled_rate(rate, factor, job.settings.max_sft_lr)
    return SFTConfig(
        **shared_arguments(job, recipe, SECTION, max_steps),
        learning_rate=used,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr": min(least, used)},
        warmup_steps=recipe.count(f"{SECTION}.lr_scheduler.warmup_steps", default=0),
        per_device_train_batch_size=batch,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
    )


def _line(state: Any, logs: dict[str, float], seconds: float, batch: int) -> str:
    epoch = int(state.epoch or 0)
    return sft_line(state.global_step, state.max_steps, epoch, batch, logs["loss"], logs["learning_rate"], seconds)
