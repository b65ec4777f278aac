"""What SFT and RFT share: the choice between them, adapters, saving, log callback."""

import json
import resource
import time
from typing import Any

from peft import LoraConfig, get_peft_model
from transformers import PrinterCallback, TrainerCallback

from novaforge.guards.errors import InputError
from novaforge.guards.values import JsonObject
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import note, say
from novaforge.server.sandbox.worker.recipe import Recipe
from novaforge.server.sandbox.worker.standin import StandIn, device, prepare_torch, save


def train(job: Job) -> None:
    """Train as the recipe says: RFT when it has a rollout section, else SFT; raises InputError."""
    recipe = job.recipe()
    if recipe.has("evaluation"):
        raise InputError("The recipe is one of an evaluation, not of a training.", field="recipe")
    if recipe.has("training_config.dpo_cfg") or recipe.has("training_config.model.dpo_cfg"):
        raise InputError("The sandbox trains SFT and RFT; this recipe asks for DPO.", field="recipe")
    prepare_torch(job.settings)
    if recipe.has("training_config.rollout"):
        from novaforge.server.sandbox.worker.rft import train_rft as method
    else:
        from novaforge.server.sandbox.worker.sft import train_sft as method
    note(f"starting {job.name}")
    method(job, recipe)


def adapt(standin: StandIn, recipe: Recipe, job: Job, section: str) -> str:
    """Put a LoRA adapter on trained weights when the recipe asks for one; returns "lora" or "full_rank"."""
    if recipe.value(f"{section}.peft_scheme") != "lora":
        return "full_rank"
    alpha = recipe.count(f"{section}.lora_tuning.alpha", default=32)
    if not standin.trained:
        note(
            "the base has random weights, on which an adapter stands for nothing: training in full rank instead of LoRA"
        )
        return "full_rank"
    rank = job.settings.lora_rank
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    standin.model = get_peft_model(standin.model, config)
    note(f"LoRA adapter: rank {rank}, alpha {alpha}")
    return "lora"


def scaled_rate(rate: float, factor: float, most: float) -> float:
    """Return the stand-in's learning rate and say how it was reached."""
    used = min(rate * factor, most)
    note(f"learning rate {rate:g} of the recipe x {factor:g} for the stand-in, at most {most:g}: {used:g}")
    return used


def shared_arguments(job: Job, recipe: Recipe, section: str, max_steps: int) -> dict[str, Any]:
    """Return the trainer arguments that SFT and RFT have in common; `section` holds optim_config."""
    save_steps = recipe.count(f"{section}.save_steps", default=max_steps) or max_steps
    return {
        "output_dir": str(job.folder / "intermediate"),
        "max_steps": max_steps,
        "weight_decay": recipe.number(f"{section}.optim_config.weight_decay", default=0.0),
        "adam_beta1": recipe.number(f"{section}.optim_config.adam_beta1", default=0.9),
        "adam_beta2": recipe.number(f"{section}.optim_config.adam_beta2", default=0.95),
        "seed": job.settings.seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
        "save_strategy": "steps" if save_steps < max_steps else "no",
        "save_steps": save_steps,
        "save_total_limit": 1,
        "save_only_model": True,
        "activation_checkpointing": False,
        "bf16": False,
        "use_cpu": device() == "cpu",
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
    }


def run(trainer: Any) -> None:
    """Train without the trainer's own printing."""
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def finish(job: Job, standin: StandIn, recipe: Recipe, info: JsonObject) -> None:
    """Merge an adapter, write checkpoint and manifest, and say what the stand-in left out."""
    if info["mode"] == "lora":
        standin.model = standin.model.merge_and_unload()
        note("the adapter is merged into the weights")
    history = [*standin.info.get("history", []), {key: info[key] for key in ("method", "mode", "steps")}]
    save(standin, job.checkpoint, {**info, "base": standin.source, "history": history})
    manifest = {"checkpoint_s3_bucket": job.worker.get("escrow_uri", "")}
    (job.result / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    if unused := recipe.unused():
        note(f"recipe keys the stand-in makes no use of: {', '.join(unused)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    note(f"{time.process_time():.0f} CPU seconds, peak memory {peak:.0f} MiB")
    say("Training is complete")


class StepLog(TrainerCallback):  # type: ignore[misc]  # mypy is told to skip transformers
    """Prints one line per step through `line(step, logs, state, seconds)` and keeps progress.json."""

    def __init__(self, job: Job, line: Any) -> None:
        self._job = job
        self._line = line
        self._began = time.monotonic()
        self._seconds = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the step's clock."""
        self._began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the step's clock and write the progress."""
        self._seconds = time.monotonic() - self._began
        self._job.progress(state.global_step, state.max_steps, float(state.epoch or 0.0))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Print the step's line; the summary at the end of training has no learning rate and is left out."""
        if logs and "learning_rate" in logs:
            say(self._line(state, logs, self._seconds))

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say that an intermediate checkpoint exists."""
        note(f"intermediate checkpoint of step {state.global_step} is saved")
