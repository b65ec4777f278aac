"""Whether this method, adapter and reward make sense here."""

from collections.abc import Iterator

from novaforge.guards.rules.facts import TrainingFacts, need
from novaforge.guards.rules.rule import ALL, RFT, TRAINING, Remark, Rule, block, confirm, warn

ALPHAS = {"SFT_LORA": (32, 64, 96, 128, 160, 192), "RFT_LORA": (16, 32, 64)}
RATIOS = {"SFT_LORA": (1.0, 70.0), "RFT_LORA": (0.0, 100.0)}
REWARD_ROWS = 10
REWARD_SLOW_S = 5


def _baseline(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.history.baselines) == 0:
        yield confirm(
            "No evaluation of the base model is on record; without it no gain can be shown.",
            "run plan_evaluation without base first",
        )


def _something_to_reinforce(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.reward.positive_share) == 0:
        yield block("The model never earns a positive reward: there is nothing to reinforce.", "run SFT first")


def _sparse_reward(facts: TrainingFacts) -> Iterator[Remark]:
    share = need(facts.reward.positive_share)
    if 0 < share < 0.05:
        yield confirm(f"Only {share:.1%} of the answers earn a positive reward; RFT struggles below 5 %.", "SFT first")


def _nothing_to_gain(facts: TrainingFacts) -> Iterator[Remark]:
    share = need(facts.reward.mean)
    if share > 0.95:
        yield confirm(f"The mean reward is {share:.2f} already; RFT may be unnecessary.", "deploy what there is")


def _flat_groups(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.reward.group_variance) < 1e-6:
        message = "Rewards do not differ within a prompt's answers; the method needs right and wrong ones."
        yield confirm(message, "raise temperature or use a finer reward")


def _rft_model(facts: TrainingFacts) -> Iterator[Remark]:
    if facts.model != "nova_lite_2":
        yield block(f"Reinforcement works for nova_lite_2 only, not {facts.model}.", "use nova_lite_2")


def _same_adapter_kind(facts: TrainingFacts) -> Iterator[Remark]:
    before = need(facts.history.base_method)
    if before is not None and before.endswith("_FULL") != facts.method.endswith("_FULL"):
        yield block(f"{facts.method} cannot continue from {before}: stages do not mix LoRA and full rank.")


def _checkpoint_not_output(facts: TrainingFacts) -> Iterator[Remark]:
    if facts.history.base_is_output_path:
        message = "base is a job's output path, not its checkpoint; the run would start from the base model."
        yield block(message, "give the job id as base; its manifest names the checkpoint")


def _alpha_listed(facts: TrainingFacts) -> Iterator[Remark]:
    alpha, legal = need(facts.recipe.alpha), ALPHAS[facts.method]
    if alpha not in legal:
        yield block(f"alpha {alpha} is not one of {legal}.", "use one of these")


def _alpha_large(facts: TrainingFacts) -> Iterator[Remark]:
    alpha = need(facts.recipe.alpha)
    if alpha > 128:
        yield warn(f"alpha {alpha} is above 128: overfitting and instability.", '"alpha": 64')


def _ratio(facts: TrainingFacts) -> Iterator[Remark]:
    ratio, (low, high) = need(facts.recipe.lora_plus_lr_ratio), RATIOS[facts.method]
    if not low <= ratio <= high:
        yield block(f"lora_plus_lr_ratio {ratio:g} is outside {low:g} to {high:g}.", '"lora_plus_lr_ratio": 64')


def _generations(facts: TrainingFacts) -> Iterator[Remark]:
    count = need(facts.recipe.number_generation)
    if count < 4:
        yield warn(f"{count} answers per prompt estimate the advantage weakly.", '"number_generation": 8')


def _greedy_rollouts(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.recipe.top_k) == 1 and need(facts.recipe.temperature) > 0:
        message = "top_k 1 samples only the top token, so the answers of a group would be identical."
        yield confirm(f"{message} AWS's recipe file ships it.", '"top_k": 0')


def _no_pull_to_base(facts: TrainingFacts) -> Iterator[Remark]:
    if need(facts.recipe.kl_loss_coef) == 0 and need(facts.recipe.max_steps) > 100:
        yield warn("kl_loss_coef is 0 over more than 100 steps: nothing pulls to the base.", '"kl_loss_coef": 0.001')


def _reward_exists(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.reward.exists):
        yield block("The reward function does not exist in this account and region.", "create it with plan_reward")


def _reward_verified(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.reward.exists):
        return
    rows, wanted = need(facts.reward.rows_checked), REWARD_ROWS
    if rows < min(wanted, need(facts.data.rows)):
        yield block(f"The reward function was tried on {rows} rows of this data, not {wanted}.", "run test_reward")


def _reward_slow(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.reward.exists):
        return
    latency = need(facts.reward.latency_s)
    if latency > REWARD_SLOW_S:
        message = f"One call of the reward function took {latency:.1f} s; above {REWARD_SLOW_S} s training stalls."
        yield confirm(message, "make it faster; test_reward measures it")


def _reward_concurrency(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.reward.exists):
        return
    reserved, wanted = need(facts.reward.reserved_concurrency), need(facts.recipe.lambda_concurrency_limit)
    if reserved is not None and reserved < wanted:
        message = f"The function's reserved concurrency {reserved} is below lambda_concurrency_limit {wanted}."
        yield confirm(message, "raise the reserved concurrency or lower the limit")


RULES = (
    Rule("ME1", _baseline, TRAINING, "S,D5"),
    Rule("ME2", _something_to_reinforce, RFT, "D5,D6"),
    Rule("ME3", _sparse_reward, RFT, "D5"),
    Rule("ME4", _nothing_to_gain, RFT, "D5,D6"),
    Rule("ME5", _flat_groups, RFT, "S"),
    Rule("ME6", _rft_model, RFT, "K,D6"),
    Rule("ME11", _same_adapter_kind, TRAINING, "S"),
    Rule("ME13", _checkpoint_not_output, ALL, "S"),
    Rule("LO1", _alpha_listed, TRAINING, "R,T"),
    Rule("LO2", _alpha_large, TRAINING, "S,D1"),
    Rule("LO3", _ratio, TRAINING, "T"),
    Rule("RL1", _generations, RFT, "D4,S"),
    Rule("RL2", _greedy_rollouts, RFT, "R"),
    Rule("RL3", _no_pull_to_base, RFT, "D4,S"),
    Rule("RL0", _reward_exists, RFT, "D5"),
    Rule("RL4", _reward_verified, RFT, "K,S"),
    Rule("RL6", _reward_slow, RFT, "D5"),
    Rule("RL7", _reward_concurrency, RFT, "R"),
)
