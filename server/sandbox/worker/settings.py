"""What can be set about the stand-in; the values were chosen on the labelled question set of the shared data."""

from pydantic import Field

from novaforge.guards.values import Frozen


class Settings(Frozen):
    """Settings of the stand-in; lengths in tokens, factors multiply the recipe's value."""

    model: str = ""
    """A local model folder or hub id used as the base model instead of the tiny one."""
    seed: int = 7
    vocabulary: int = Field(2048, ge=300)
    hidden_size: int = 160
    intermediate_size: int = 480
    layers: int = 2
    heads: int = 4
    prompt_tokens: int = Field(144, ge=16)
    """Longer prompts lose their beginning, in training, evaluation and serving alike."""
    answer_tokens: int = Field(128, ge=1)
    """Longest answer trained or generated."""
    untrained_tokens: int = Field(16, ge=1)
    """Longest answer of the untrained base, which never ends one by itself."""
    sft_lr_factor: float = Field(300.0, gt=0)
    rft_lr_factor: float = Field(30.0, gt=0)
    max_sft_lr: float = Field(4e-3, gt=0)
    max_rft_lr: float = Field(1e-3, gt=0)
    kl_factor: float = Field(20.0, ge=0)
    lora_rank: int = Field(16, ge=1)
    reward_batch: int = Field(32, ge=1)
    """Samples in one call of the reward function."""
    eval_batch: int = Field(64, ge=1)
