"""Learning rate, warm-up, steps and checkpoints."""

import math
from collections.abc import Iterator

from novaforge.guards.rules.facts import TrainingFacts, need
from novaforge.guards.rules.rule import RFT, SFT, TRAINING, Remark, Rule, block, confirm, info, warn

WARMUP_SHARE = 0.15
WARMUP_MAX = 100
"""Recommended share of max_steps, and the largest warm-up the templates accept."""

MIN_STEPS = {"SFT_LORA": 4, "RFT_LORA": 5}
EPOCHS_MAX = {"SFT_LORA": 2.0}
EPOCHS_MIN = 0.5


def recommended_warmup(max_steps: int) -> int:
    """Return 15 % of the steps, at least 1 and at most 100."""
    return min(WARMUP_MAX, max(1, round(WARMUP_SHARE * max_steps)))


def steps_for(rows: int, batch: int, epochs: float, minimum: int = 4) -> int:
    """Return the optimizer steps that show every row `epochs` times."""
    return max(minimum, math.ceil(rows * epochs / batch))


def epochs(facts: TrainingFacts) -> float:
    """Return how often each row is seen: max_steps x global_batch_size / rows."""
    seen = need(facts.recipe.max_steps) * need(facts.recipe.global_batch_size)
    return seen / max(1, need(facts.data.rows))


def suggested(facts: TrainingFacts) -> str:
    """Return overrides that satisfy the schedule rules, as an argument to copy."""
    steps = need(facts.recipe.max_steps)
    if "max_steps" not in facts.overridden or epochs(facts) < EPOCHS_MIN:
        steps = steps_for(need(facts.data.rows), need(facts.recipe.global_batch_size), 1.0, MIN_STEPS[facts.method])
    parts = [f'"max_steps": {steps}', f'"save_steps": {steps}']
    if facts.method == "SFT_LORA":
        parts.insert(1, f'"warmup_steps": {min(recommended_warmup(steps), steps - 1)}')
    return f"overrides={{{', '.join(parts)}}}"


def _lr_range(facts: TrainingFacts) -> Iterator[Remark]:
    lr = need(facts.recipe.lr)
    if not 1e-6 <= lr <= 1e-4:
        yield block(
            f"lr {lr:g} is outside 1e-6 to 1e-4; the service accepts up to 1.0 and would run it.",
            'start from overrides={"lr": 1e-5}',
        )


def _lr_above_published(facts: TrainingFacts) -> Iterator[Remark]:
    lr = need(facts.recipe.lr)
    if 5e-5 < lr <= 1e-4:
        yield confirm(f"lr {lr:g} is above every published starting point (1e-5 to 5e-5).", "use 1e-5 to 5e-5")


def _rft_lr(facts: TrainingFacts) -> Iterator[Remark]:
    lr = need(facts.recipe.lr)
    if lr > 1e-5:
        message = f"lr {lr:g} is above 1e-5, the default for reinforcement on training jobs (one recipe file has 1e-4)."
        yield confirm(message, 'overrides={"lr": 1e-5}')


def _min_lr(facts: TrainingFacts) -> Iterator[Remark]:
    lr, low = need(facts.recipe.lr), need(facts.recipe.min_lr)
    if low >= lr:
        yield block(f"min_lr {low:g} is not below lr {lr:g}.", f"set min_lr to {lr / 10:g}")


def _lr_far_from_default(facts: TrainingFacts) -> Iterator[Remark]:
    if "lr" not in facts.overridden:
        return
    lr, default = need(facts.recipe.lr), need(facts.default_lr)
    if not default / 2.001 <= lr <= default * 2.001:
        yield warn(
            f"lr {lr:g} is more than a factor 2 from the default {default:g}.", "vary by 0.5 or 2, one at a time"
        )


def _warmup_below_steps(facts: TrainingFacts) -> Iterator[Remark]:
    warmup, steps = need(facts.recipe.warmup_steps), need(facts.recipe.max_steps)
    if warmup >= steps:
        message = f"warmup_steps {warmup} is not below max_steps {steps}: the rate never reaches its set value."
        yield block(message, suggested(facts))


def _warmup_share(facts: TrainingFacts) -> Iterator[Remark]:
    warmup, steps = need(facts.recipe.warmup_steps), need(facts.recipe.max_steps)
    best = recommended_warmup(steps)
    if warmup < steps and warmup != best and abs(warmup / steps - WARMUP_SHARE) > 0.05:
        yield warn(f"warmup_steps {warmup} is far from 15 % of max_steps ({best}).", f'"warmup_steps": {best}')


def _warmup_max(facts: TrainingFacts) -> Iterator[Remark]:
    warmup = need(facts.recipe.warmup_steps)
    if warmup > WARMUP_MAX:
        yield block(f"warmup_steps {warmup} is above {WARMUP_MAX}.", f'"warmup_steps": {WARMUP_MAX}')


def _later_stage_rate(facts: TrainingFacts) -> Iterator[Remark]:
    before = need(facts.history.base_lr)
    # Rates of different methods are not on one scale, so only SFT after SFT or RFT after RFT is compared.
    if before is None or need(facts.history.base_method) != facts.method:
        return
    lr = need(facts.recipe.lr)
    if lr >= before:
        yield warn(f"lr {lr:g} is not below the earlier stage's {before:g}.", f'for example "lr": {before / 2:g}')


def _min_steps(facts: TrainingFacts) -> Iterator[Remark]:
    steps, least = need(facts.recipe.max_steps), MIN_STEPS[facts.method]
    if steps < least:
        yield block(f"max_steps {steps} is below the minimum {least}.", f'"max_steps": {least} or more')


def _too_many_epochs(facts: TrainingFacts) -> Iterator[Remark]:
    count, most = epochs(facts), EPOCHS_MAX[facts.method]
    if count > most:
        fewer = steps_for(need(facts.data.rows), need(facts.recipe.global_batch_size), most)
        yield warn(f"Every row is seen {count:.1f} times; more than {most:g} overfits.", f'"max_steps": {fewer}')


def _too_few_epochs(facts: TrainingFacts) -> Iterator[Remark]:
    count = epochs(facts)
    if count < EPOCHS_MIN:
        yield warn(f"Only {count:.0%} of the rows will be seen.", f"{suggested(facts)}, or a smaller global_batch_size")


def _save_within_steps(facts: TrainingFacts) -> Iterator[Remark]:
    save, steps = need(facts.recipe.save_steps), need(facts.recipe.max_steps)
    if save > steps:
        yield block(f"save_steps {save} is above max_steps {steps}: no checkpoint.", f'"save_steps": {steps}')


def _save_before_the_limit(facts: TrainingFacts) -> Iterator[Remark]:
    steps = need(facts.recipe.max_steps)
    save = need(facts.recipe.save_steps) or steps  # 0 saves only at the end
    seconds = save * need(facts.machine.seconds_per_step)
    if save <= steps and seconds > facts.machine.max_runtime_s / 2:
        yield confirm(
            f"A checkpoint takes about {seconds / 60:.0f} min and the run is cut at {facts.machine.max_runtime_s / 60:.0f}"
            " min; stopped at the limit, it may leave nothing.",
            "save more often, or raise max_runtime_s",
        )


def _save_top_k(facts: TrainingFacts) -> Iterator[Remark]:
    if "save_top_k" in facts.overridden:
        yield info("save_top_k is used on HyperPod only.")


RULES = (
    Rule("LR1", _lr_range, SFT, "D1,T"),
    Rule("LR3", _lr_above_published, SFT, "D1,S"),
    Rule("LR4", _rft_lr, RFT, "D4,R,T"),
    Rule("LR6", _min_lr, SFT, "D1"),
    Rule("LR7", _lr_far_from_default, TRAINING, "D8"),
    Rule("WU1", _warmup_below_steps, SFT, "D11"),
    Rule("WU2", _warmup_share, SFT, "R,D2"),
    Rule("WU3", _warmup_max, SFT, "T"),
    Rule("WU6", _later_stage_rate, TRAINING, "S"),
    Rule("ST1", _min_steps, TRAINING, "R,T"),
    Rule("ST3", _too_many_epochs, SFT, "D1,S"),
    Rule("ST4", _too_few_epochs, TRAINING, "arithmetic"),
    Rule("ST6", _save_within_steps, TRAINING, "K,R"),
    Rule("ST8", _save_before_the_limit, TRAINING, "ours"),
    Rule("ST9", _save_top_k, TRAINING, "R"),
)
