"""What can be set about the stand-in; the values were chosen on the labelled question set of the shared data."""

from pydantic import Field

from novaforge.guards.values import Frozen


class Settings(Frozen):
    """Settings of the stand-in; lengths in tokens, factors multiply the recipe's value."""

    model: str = ""
    """A local model folder or hub id used as the base model instead of the tiny one."""
    seed: int = 7
    vocabulary: int = Field(default=2048, ge=300)
    hidden_size: int = 160
    intermediate_size: int = 480
    layers: int = 2
    heads: int = 4
    prompt_tokens: int = Field(default=144, ge=16)
    """Longer prompts lose their beginning, in training, evaluation and serving alike."""
    answer_tokens: int = Field(default=128, ge=1)
    """Longest answer trained or generated."""
    untrained_tokens: int = Field(default=16, ge=1)
    """Longest answer of the untrained base, which never ends one by itself."""
    sft_lr_factor: float | None = Field(default=None, gt=0)
    """300 for the tiny model, 20 for a configured one, whose weights a rate for random ones would ruin."""
    rft_lr_factor: float = Field(default=30.0, gt=0)
    max_sft_lr: float = Field(default=4e-3, gt=0)
    max_rft_lr: float = Field(default=1e-3, gt=0)
    kl_factor: float = Field(default=20.0, ge=0)
    lora_rank: int = Field(default=16, ge=1)
    reward_batch: int = Field(default=32, ge=1)
    """Samples in one call of the reward function."""
    eval_batch: int = Field(default=64, ge=1)

    def sft_factor(self) -> float:
        """Return what the recipe's learning rate is multiplied by in supervised training."""
        return self.sft_lr_factor or (20.0 if self.model else 300.0)
