"""Batch, weight decay, sequence length, reasoning and the data file."""

from collections.abc import Iterator
from math import ceil

from novaforge.guards.rules.facts import TrainingFacts, need, value_or
from novaforge.guards.rules.rule import EVALUATION, RFT, SFT, TRAINING, Remark, Rule, block, confirm, warn

SFT_BATCHES = (32, 64, 128, 256)
RFT_BATCHES = (16, 128)
LENGTH_TEXT_MAX = 32768
LENGTH_STEP = 1024
REASONING_TOKENS = 32768
GEN_QA_FILE = "gen_qa.jsonl"


def _sft_batch(facts: TrainingFacts) -> Iterator[Remark]:
    batch = need(facts.recipe.global_batch_size)
    if batch not in SFT_BATCHES:
        yield block(f"global_batch_size {batch} is not one of {SFT_BATCHES}.", "use one of these")


def _rft_batch(facts: TrainingFacts) -> Iterator[Remark]:
    batch, (low, high) = need(facts.recipe.global_batch_size), RFT_BATCHES
    if not low <= batch <= high:
        yield block(f"global_batch_size {batch} is outside {low} to {high}.", f"use {low} to {high}")


def _batch_rule(facts: TrainingFacts) -> Iterator[Remark]:
    yield from _sft_batch(facts) if facts.method == "SFT_LORA" else _rft_batch(facts)


def _rows_below_batch(facts: TrainingFacts) -> Iterator[Remark]:
    rows, batch = need(facts.data.rows), need(facts.recipe.global_batch_size)
    if rows < batch:
        yield block(f"{rows} rows are fewer than one batch of {batch}.", f"give at least {batch} rows")


def _narrow_data_large_batch(facts: TrainingFacts) -> Iterator[Remark]:
    batch = need(facts.recipe.global_batch_size)
    if batch >= 128 and 0 < need(facts.data.labels) <= 50:
        yield warn(f"global_batch_size {batch} can over-smooth narrow data.", '"global_batch_size": 32 or 64')


def _prompts_below_batch(facts: TrainingFacts) -> Iterator[Remark]:
    rows, batch = need(facts.data.rows), need(facts.recipe.global_batch_size)
    if rows < batch:
        yield warn(f"{rows} prompts are fewer than one batch of {batch}.", "add prompts or lower global_batch_size")


def _weight_decay(facts: TrainingFacts) -> Iterator[Remark]:
    decay = need(facts.recipe.weight_decay)
    if decay > 0.1:
        yield warn(f"weight_decay {decay:g} is above 0.1.", "0.01 to 0.1, and only against overfitting")


def _length_max(facts: TrainingFacts) -> Iterator[Remark]:
    length = need(facts.recipe.max_length)
    if length > LENGTH_TEXT_MAX:
        yield confirm(
            f"max_length {length} is above {LENGTH_TEXT_MAX}, the maximum the guide states (recipe files list more).",
            f'"max_length": {LENGTH_TEXT_MAX} or less',
        )


def _length_too_generous(facts: TrainingFacts) -> Iterator[Remark]:
    length, used = need(facts.recipe.max_length), need(facts.data.row_tokens_p95)
    if used * 1.1 < length / 2:
        # Below the 99th percentile rule SL3 would ask to raise it again.
        enough = ceil(max(used * 1.3, value_or(facts.data.row_tokens_p99, 0)) / LENGTH_STEP) * LENGTH_STEP
        if enough >= length:
            return
        message = f"95 % of the rows have at most about {used} tokens (estimate); max_length is {length}."
        yield warn(message, f'"max_length": {enough} would do')


def _rows_too_long(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.data.many_rows_too_long):
        length, most = need(facts.recipe.max_length), need(facts.data.row_tokens_p99)
        message = f"One row in a hundred has about {most} tokens or more (estimate); max_length is {length}."
        fix = f"raise max_length or shorten the rows; validate_dataset with max_length {length} names them"
        yield confirm(message, fix)


def _room_for_answers(facts: TrainingFacts) -> Iterator[Remark]:
    new, length = need(facts.recipe.max_new_tokens), need(facts.recipe.max_length)
    if new >= length:
        yield block(f"max_new_tokens {new} leaves no room for a prompt in max_length {length}.", "lower it")
        return
    prompt = need(facts.data.prompt_tokens_max)
    if prompt + new > length:
        message = f"Prompts of up to about {prompt} tokens and {new} new tokens pass max_length {length}."
        yield confirm(message, "raise max_length or lower max_new_tokens")


def _reasoning_room(facts: TrainingFacts) -> Iterator[Remark]:
    new = need(facts.recipe.max_new_tokens)
    if need(facts.recipe.reasoning_effort) and new < REASONING_TOKENS:
        yield warn(
            f"max_new_tokens {new} is below {REASONING_TOKENS}, the guide's value while reasoning is on.",
            '"reasoning_effort": null for short answers without reasoning, or raise max_new_tokens',
        )


def _traces_unused(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.recipe.reasoning_enabled) and need(facts.data.reasoning_share) > 0:
        yield confirm("Rows hold reasoning but reasoning_enabled is false: it is ignored.", '"reasoning_enabled": true')


def _traces_missing(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.recipe.reasoning_enabled) and need(facts.data.reasoning_share) == 0:
        message = "reasoning_enabled is true (the recipe's default) but no row holds reasoning."
        yield confirm(f"{message} The model may lose its own reasoning.", '"reasoning_enabled": false')


def _traces_mixed(facts: TrainingFacts) -> Iterator[Remark]:
    share = need(facts.data.reasoning_share)
    if 0 < share < 1:
        yield warn(f"Only {share:.0%} of the rows hold reasoning.", "give all rows reasoning, or none")


def _effort_medium(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.recipe.reasoning_effort) == "medium":
        yield block("reasoning_effort medium exists on Bedrock only.", 'use "low", "high" or null')


def _same_reasoning(facts: TrainingFacts) -> Iterator[Remark]:
    trained = need(facts.history.base_reasoning)
    if trained is None:
        return
    now = bool(need(facts.recipe.reasoning_effort))
    if trained != now:
        words = {True: "on", False: "off"}
        message = f"The model was trained with reasoning {words[trained]} and is evaluated with it {words[now]}."
        yield confirm(message, f'"reasoning_effort": {"low or high" if trained else "null"}')


def _gen_qa_name(facts: TrainingFacts) -> Iterator[Remark]:
    name = facts.data.file_name
    if name and name != GEN_QA_FILE:
        message = f"The evaluation reads a file named {GEN_QA_FILE}; this one is {name}."
        yield block(message, f"write it with transform_dataset(method=EVALUATION), or copy it to .../{GEN_QA_FILE}")


def _validation_unused(facts: TrainingFacts) -> Iterator[Remark]:
    if facts.data.has_validation:
        yield warn("The guide says validation data is not used on training jobs; newer recipe files list it.")


RULES = (
    Rule("BS1", _batch_rule, TRAINING, "R,T"),
    Rule("BS2", _rows_below_batch, SFT, "K"),
    Rule("BS3", _narrow_data_large_batch, SFT, "D1"),
    Rule("BS4", _prompts_below_batch, RFT, "arithmetic"),
    Rule("WD1", _weight_decay, TRAINING, "D1,S"),
    Rule("SL1", _length_max, SFT, "D1"),
    Rule("SL2", _length_too_generous, SFT, "D1"),
    Rule("SL3", _rows_too_long, TRAINING, "D1"),
    Rule("SL4", _room_for_answers, RFT, "R,D5"),
    Rule("SL5", _reasoning_room, RFT, "D6"),
    Rule("RE1", _traces_unused, SFT, "D1,K"),
    Rule("RE2", _traces_missing, SFT, "D1,S"),
    Rule("RE3", _traces_mixed, SFT, "D3"),
    Rule("RE5", _effort_medium, RFT, "D6,K"),
    Rule("RE6", _same_reasoning, EVALUATION, "D1,S"),
    Rule("DA1", _gen_qa_name, EVALUATION, "EVAL"),
    Rule("DA13", _validation_unused, SFT, "D1,D2"),
)
