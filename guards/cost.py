"""How long a run may take, from the few published figures, and the runtime limit that follows."""

import math
from dataclasses import dataclass

SFT_STEP_S = 73.79
"""Seconds per optimizer step in the sample log line of AWS's Nova SFT page (global_batch_size 32)."""

SFT_STEP_BATCH = 32
SFT_STEP_NODES = 4
"""Batch size of that log line, and the node count of AWS's walk-through, which we take it to come from."""

EVAL_BASE_S = 646
"""Billable seconds of AWS's evaluation sample: 5 rows on one ml.p5.48xlarge, about 6 minutes of it model load."""

EVAL_TOKENS_PER_S = 4429
"""Published output tokens per second of Nova 2 Lite on one ml.p5.48xlarge (16k context, concurrency 32)."""

ANSWER_TOKENS = 512
"""Our assumption of the mean answer length where nothing else is known."""

START_S = 900
"""Our assumption for image download, model load and upload at the end, which bill too."""

P4D_FACTOR = 3.0
"""Our assumption: one ml.p4d.24xlarge does a third of an ml.p5.48xlarge's work per second."""

RUNTIME_MIN_S = 3600
RUNTIME_FACTOR = 2
RUNTIME_LIMIT_S = 28 * 24 * 3600
"""Default limit: twice the estimate, at least one hour; the service allows 28 days."""


@dataclass(frozen=True)
class Estimate:
    """Expected billable wall seconds with the basis in words; seconds_per_step is None for evaluations."""

    seconds: int
    basis: str
    seconds_per_step: float | None = None


def _slower(instance_type: str) -> float:
    return P4D_FACTOR if instance_type.startswith("ml.p4") else 1.0


def _slower_words(instance_type: str) -> str:
    factor = _slower(instance_type)
    return f"; all x {factor:g} on {instance_type} (assumption)" if factor != 1 else ""


def estimate_sft(steps: int, batch: int, nodes: int, instance_type: str) -> Estimate:
    """Return the expected time of a supervised run: the sample step time, scaled by batch size and nodes."""
    step = SFT_STEP_S * batch / SFT_STEP_BATCH * SFT_STEP_NODES / max(1, nodes) * _slower(instance_type)
    basis = (
        f"{steps} steps x {step:.1f} s (AWS sample log: {SFT_STEP_S} s per step of 32 rows, taken as {SFT_STEP_NODES} x"
        f" ml.p5.48xlarge, scaled linearly) + {START_S} s start and upload (assumption)"
        f"{_slower_words(instance_type)}"
    )
    return Estimate(math.ceil(round(steps * step, 3)) + START_S, basis, step)


def estimate_rft(
    steps: int, batch: int, generations: int, max_new_tokens: int, nodes: int, instance_type: str
) -> Estimate:
    """Return the expected time of a reinforcement run; no figure is published, so all of it is an assumption."""
    tokens = batch * generations * min(ANSWER_TOKENS, max_new_tokens)
    generate = tokens / EVAL_TOKENS_PER_S
    update = SFT_STEP_S * batch / SFT_STEP_BATCH * SFT_STEP_NODES
    step = (generate + update) / max(1, nodes) * _slower(instance_type)
    basis = (
        f"assumption, no figure is published: {steps} steps x {step:.1f} s (an SFT step of the same batch plus"
        f" {tokens} generated tokens at {EVAL_TOKENS_PER_S} tokens/s per node) + {START_S} s start and upload"
        f"{_slower_words(instance_type)}"
    )
    return Estimate(math.ceil(round(steps * step, 3)) + START_S, basis, step)


def estimate_evaluation(rows: int, max_new_tokens: int, nodes: int, instance_type: str) -> Estimate:
    """Return the expected time of an evaluation: AWS's sample run plus the answers at the published throughput."""
    tokens = rows * min(ANSWER_TOKENS, max_new_tokens)
    answers = tokens / EVAL_TOKENS_PER_S / max(1, nodes)
    basis = (
        f"AWS sample: {EVAL_BASE_S} s for 5 rows on one ml.p5.48xlarge, about 360 s of it model load; plus"
        f" {tokens} output tokens (length assumed) at {EVAL_TOKENS_PER_S} tokens/s per node"
        f"{_slower_words(instance_type)}"
    )
    return Estimate(math.ceil((EVAL_BASE_S + answers) * _slower(instance_type)), basis)


def default_runtime(expected_s: int) -> int:
    """Return the runtime limit used when none is given: twice the estimate, at least an hour, in whole minutes."""
    wanted = max(RUNTIME_MIN_S, RUNTIME_FACTOR * expected_s)
    return min(RUNTIME_LIMIT_S, math.ceil(wanted / 60) * 60)
