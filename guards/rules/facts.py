"""What the rules look at: everything read for a training or evaluation plan, each item known or unknown with a reason."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")


class NotKnownError(Exception):
    """A rule needs a fact that could not be read; the text is the reason."""


@dataclass(frozen=True)
class Known(Generic[T]):
    """A fact that was read."""

    value: T


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be read, and why."""

    reason: str


Seen: TypeAlias = Known[T] | Unknown
"""Known, or unknown with a reason; never a silent default."""

NOT_READ = Unknown("it was not read")
NO_LENGTHS = Unknown("the lengths of the rows were not measured")


def need(fact: Known[T] | Unknown) -> T:
    """Return a known fact's value; raises NotKnownError with the reason otherwise."""
    if isinstance(fact, Unknown):
        raise NotKnownError(fact.reason)
    return fact.value


def value_or(fact: Known[T] | Unknown, default: T) -> T:
    """Return a known fact's value, or the default where absence means nothing was asked for."""
    return default if isinstance(fact, Unknown) else fact.value


@dataclass(frozen=True)
class RecipeFacts:
    """Values of the effective recipe by leaf name; a leaf the recipe lacks is unknown."""

    lr: Seen[float] = NOT_READ
    min_lr: Seen[float] = NOT_READ
    warmup_steps: Seen[int] = NOT_READ
    max_steps: Seen[int] = NOT_READ
    save_steps: Seen[int] = NOT_READ
    global_batch_size: Seen[int] = NOT_READ
    weight_decay: Seen[float] = NOT_READ
    max_length: Seen[int] = NOT_READ
    alpha: Seen[int] = NOT_READ
    lora_plus_lr_ratio: Seen[float] = NOT_READ
    reasoning_enabled: Seen[bool] = NOT_READ
    reasoning_effort: Seen[str | None] = NOT_READ
    max_new_tokens: Seen[int] = NOT_READ
    number_generation: Seen[int] = NOT_READ
    top_k: Seen[int] = NOT_READ
    temperature: Seen[float] = NOT_READ
    kl_loss_coef: Seen[float] = NOT_READ
    lambda_concurrency_limit: Seen[int] = NOT_READ
    mlflow_tracking_uri: Seen[str] = NOT_READ
    mlflow_experiment_name: Seen[str] = NOT_READ
    mlflow_run_name: Seen[str] = NOT_READ
    data_s3_path: Seen[str] = NOT_READ
    output_s3_path: Seen[str] = NOT_READ


@dataclass(frozen=True)
class DataFacts:
    """The training or evaluation file; shares are between 0 and 1, tokens are estimates."""

    file_name: str = ""
    rows: Seen[int] = NOT_READ
    reasoning_share: Seen[float] = NOT_READ
    labels: Seen[int] = NOT_READ
    row_tokens_p95: Seen[int] = NO_LENGTHS
    row_tokens_p99: Seen[int] = NO_LENGTHS
    many_rows_too_long: Seen[bool] = NO_LENGTHS
    prompt_tokens_max: Seen[int] = NO_LENGTHS
    has_validation: bool = False
    bucket_regions: Seen[dict[str, str]] = NOT_READ


@dataclass(frozen=True)
class MachineFacts:
    """Where it runs; `legal_counts` comes from the hub's specification or the documented table."""

    instance_type: str
    count: int
    legal_counts: tuple[int, ...]
    doubtful_counts: tuple[int, ...] = ()
    legal_regions: tuple[str, ...] = ()
    region: str = ""
    image: str = ""
    quota: Seen[int] = NOT_READ
    quota_code: str = ""
    in_use: Seen[int] = NOT_READ
    cheaper_type: Seen[str | None] = Known(None)
    usd_per_hour: Decimal = Decimal(0)
    price_as_of: date = date(1970, 1, 1)
    today: date = date(1970, 1, 1)
    max_runtime_s: int = 0
    expected_s: int = 0
    seconds_per_step: Seen[float] = NOT_READ


@dataclass(frozen=True)
class RoleFacts:
    """The execution role as IAM describes it."""

    arn: str = ""
    exists: Seen[bool] = NOT_READ
    trusts_sagemaker: Seen[bool] = NOT_READ
    denied: Seen[tuple[str, ...]] = NOT_READ


@dataclass(frozen=True)
class RewardFacts:
    """The reward function of a reinforcement run; latency of one call, in seconds."""

    exists: Seen[bool] = NOT_READ
    rows_checked: Seen[int] = NOT_READ
    reserved_concurrency: Seen[int | None] = NOT_READ
    latency_s: Seen[float] = NOT_READ
    positive_share: Seen[float] = NOT_READ
    mean: Seen[float] = NOT_READ
    group_variance: Seen[float] = NOT_READ


@dataclass(frozen=True)
class HistoryFacts:
    """What came before: the stage that is continued, and evaluations on record."""

    baselines: Seen[int] = NOT_READ
    output_empty: Seen[bool] = NOT_READ
    base_method: Seen[str | None] = Known(None)
    base_lr: Seen[float | None] = Known(None)
    base_reasoning: Seen[bool | None] = Known(None)
    base_is_output_path: bool = False


@dataclass(frozen=True)
class TrainingFacts:
    """Everything a rule may look at for one plan."""

    method: str
    model: str
    platform: str
    machine: MachineFacts
    recipe: RecipeFacts = RecipeFacts()
    data: DataFacts = DataFacts()
    role: RoleFacts = RoleFacts()
    reward: RewardFacts = RewardFacts()
    history: HistoryFacts = HistoryFacts()
    overridden: frozenset[str] = frozenset()
    default_lr: Seen[float] = NOT_READ
    output_uri: str = ""
