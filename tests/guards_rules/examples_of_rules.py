"""Facts of a plan without a finding, per method, and for each rule the smallest change that makes it speak."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from novaforge.guards.rules.facts import (
    DataFacts,
    HistoryFacts,
    Known,
    MachineFacts,
    RecipeFacts,
    RewardFacts,
    RoleFacts,
    TrainingFacts,
    Unknown,
)

TODAY = date(2026, 11, 20)

MACHINE = MachineFacts(
    instance_type="ml.p5.48xlarge",
    count=4,
    legal_counts=(4, 8, 16, 32),
    legal_regions=("us-east-1", "us-west-2"),
    region="us-east-1",
    image="708977205387.dkr.ecr.us-east-1.amazonaws.com/nova-fine-tune-repo@sha256:abc",
    quota=Known(8),
    quota_code="L-82E1C851",
    in_use=Known(0),
    usd_per_hour=Decimal("63.296"),
    price_as_of=TODAY,
    today=TODAY,
    max_runtime_s=7200,
    expected_s=3600,
    seconds_per_step=Known(30.0),
)
SFT_RECIPE = RecipeFacts(
    lr=Known(1e-5),
    min_lr=Known(1e-6),
    warmup_steps=Known(15),
    max_steps=Known(100),
    save_steps=Known(100),
    global_batch_size=Known(32),
    weight_decay=Known(0.0),
    max_length=Known(8192),
    alpha=Known(64),
    lora_plus_lr_ratio=Known(64.0),
    reasoning_enabled=Known(False),
)
RFT_RECIPE = RecipeFacts(
    lr=Known(1e-5),
    max_steps=Known(100),
    save_steps=Known(100),
    global_batch_size=Known(32),
    weight_decay=Known(0.0),
    max_length=Known(8192),
    alpha=Known(32),
    lora_plus_lr_ratio=Known(64.0),
    reasoning_effort=Known(None),
    max_new_tokens=Known(1024),
    number_generation=Known(8),
    top_k=Known(0),
    temperature=Known(1.0),
    kl_loss_coef=Known(0.001),
    lambda_concurrency_limit=Known(12),
)
DATA = DataFacts(
    file_name="gen_qa.jsonl",
    rows=Known(3200),
    reasoning_share=Known(0.0),
    labels=Known(3),
    row_tokens_p95=Known(6000),
    many_rows_too_long=Known(False),
    prompt_tokens_max=Known(2000),
    bucket_regions=Known({"mine": "us-east-1"}),
)
ROLE = RoleFacts("arn:aws:iam::111122223333:role/R", Known(True), Known(True), Known(()))
REWARD = RewardFacts(Known(True), Known(10), Known(None), Known(0.2), Known(0.4), Known(0.1), Known(0.5))
HISTORY = HistoryFacts(baselines=Known(1), output_empty=Known(True))


def good(method: str) -> TrainingFacts:
    """Return the facts of a plan no rule has anything to say about."""
    recipe = {"SFT_LORA": SFT_RECIPE, "RFT_LORA": RFT_RECIPE}.get(method, RecipeFacts(reasoning_effort=Known(None)))
    return TrainingFacts(
        method=method,
        model="nova_lite_2",
        platform="sagemaker",
        machine=MACHINE,
        recipe=recipe,
        data=DATA,
        role=ROLE,
        reward=REWARD,
        history=HISTORY,
        default_lr=Known(1e-5),
        output_uri="s3://mine/out",
    )


def changed(facts: TrainingFacts, change: dict[str, Any]) -> TrainingFacts:
    """Return the facts with some replaced; "recipe.lr" reaches into a group, plain values become known ones."""
    for path, value in change.items():
        group, _, name = path.rpartition(".")
        holder: Any = getattr(facts, group) if group else facts
        if isinstance(getattr(holder, name), Known | Unknown) and not isinstance(value, Known | Unknown):
            value = Known(value)
        part = replace(holder, **{name: value})
        facts = replace(facts, **{group: part}) if group else part
    return facts


def unknown(facts: TrainingFacts, reason: str) -> TrainingFacts:
    """Return the facts with every one that may be unknown unknown."""
    for group in ("machine", "recipe", "data", "role", "reward", "history"):
        holder: Any = getattr(facts, group)
        seen = {item.name for item in fields(holder) if isinstance(getattr(holder, item.name), Known | Unknown)}
        facts = replace(facts, **{group: replace(holder, **dict.fromkeys(seen, Unknown(reason)))})
    return replace(facts, default_lr=Unknown(reason))


SFT, RFT, EVAL = "SFT_LORA", "RFT_LORA", "EVALUATION"

SPEAKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "PL1": (SFT, "block", {"machine.count": 2}),
    "PL2": (SFT, "block", {"machine.region": "eu-west-3"}),
    "PL3": (SFT, "block", {"machine.quota": 4, "machine.in_use": 2}),
    "PL4": (EVAL, "info", {"machine.image": "a/b:SM-TJ-Eval-V2-latest"}),
    "PL5": (SFT, "warn", {"recipe.data_s3_path": "s3://mine/train.jsonl"}),
    "PL6": (
        SFT,
        "warn",
        {
            "recipe.mlflow_tracking_uri": "arn:x",
            "recipe.mlflow_experiment_name": "e",
            "recipe.mlflow_run_name": "",
        },
    ),
    "PL8": (SFT, "block", {"role.trusts_sagemaker": False}),
    "PL9": (SFT, "block", {"role.denied": ("s3:PutObject on arn:aws:s3:::mine/out/*",)}),
    "PL10": (SFT, "block", {"history.output_empty": False}),
    "DA12": (SFT, "block", {"data.bucket_regions": {"mine": "eu-west-1"}}),
    "CO1": (SFT, "confirm", {"machine.price_as_of": date(2026, 11, 12)}),
    "CO2": (SFT, "confirm", {"machine.max_runtime_s": 10801}),
    "CO6": (SFT, "confirm", {"machine.max_runtime_s": 3599, "machine.seconds_per_step": 1.0}),
    "CO5": (EVAL, "warn", {"machine.cheaper_type": "ml.p4d.24xlarge"}),
    "LR1": (SFT, "block", {"recipe.lr": 2e-4}),
    "LR3": (SFT, "confirm", {"recipe.lr": 6e-5}),
    "LR4": (RFT, "confirm", {"recipe.lr": 1e-4}),
    "LR6": (SFT, "block", {"recipe.min_lr": 1e-5}),
    "LR7": (SFT, "warn", {"recipe.lr": 3e-5, "overridden": frozenset({"lr"})}),
    "WU1": (SFT, "block", {"recipe.warmup_steps": 100}),
    "WU2": (SFT, "warn", {"recipe.warmup_steps": 50}),
    "WU3": (SFT, "block", {"recipe.warmup_steps": 101, "recipe.max_steps": 700}),
    "WU6": (SFT, "warn", {"history.base_method": SFT, "history.base_lr": 1e-5}),
    "ST1": (RFT, "block", {"recipe.max_steps": 4, "recipe.save_steps": 4}),
    "ST3": (SFT, "warn", {"data.rows": 1500}),
    "ST4": (SFT, "warn", {"data.rows": 6401}),
    "ST6": (SFT, "block", {"recipe.save_steps": 101}),
    "ST8": (SFT, "confirm", {"machine.max_runtime_s": 3600, "machine.seconds_per_step": 30.0}),
    "ST9": (SFT, "info", {"overridden": frozenset({"save_top_k"})}),
    "BS1": (RFT, "block", {"recipe.global_batch_size": 8}),
    "BS2": (SFT, "block", {"data.rows": 31}),
    "BS3": (SFT, "warn", {"recipe.global_batch_size": 128}),
    "BS4": (RFT, "warn", {"data.rows": 31}),
    "WD1": (SFT, "warn", {"recipe.weight_decay": 0.2}),
    "SL1": (SFT, "confirm", {"recipe.max_length": 65536}),
    "SL2": (SFT, "warn", {"data.row_tokens_p95": 1000}),
    "SL3": (SFT, "confirm", {"data.many_rows_too_long": True, "data.row_tokens_p99": 50_000}),
    "SL4": (RFT, "block", {"recipe.max_new_tokens": 8192}),
    "SL5": (RFT, "warn", {"recipe.reasoning_effort": "high"}),
    "RE1": (SFT, "confirm", {"data.reasoning_share": 1.0}),
    "RE2": (SFT, "confirm", {"recipe.reasoning_enabled": True}),
    "RE3": (SFT, "warn", {"data.reasoning_share": 0.5}),
    "RE5": (RFT, "block", {"recipe.reasoning_effort": "medium"}),
    "RE6": (EVAL, "confirm", {"history.base_reasoning": True}),
    "DA1": (EVAL, "block", {"data.file_name": "test.jsonl"}),
    "DA13": (SFT, "warn", {"data.has_validation": True}),
    "ME1": (SFT, "confirm", {"history.baselines": 0}),
    "ME2": (RFT, "block", {"reward.positive_share": 0.0}),
    "ME3": (RFT, "confirm", {"reward.positive_share": 0.04}),
    "ME4": (RFT, "confirm", {"reward.mean": 0.96}),
    "ME5": (RFT, "confirm", {"reward.group_variance": 0.0}),
    "ME6": (RFT, "block", {"model": "nova_pro"}),
    "ME11": (SFT, "block", {"history.base_method": "SFT_FULL"}),
    "ME13": (EVAL, "block", {"history.base_is_output_path": True}),
    "LO1": (RFT, "block", {"recipe.alpha": 128}),
    "LO2": (SFT, "warn", {"recipe.alpha": 160}),
    "LO3": (SFT, "block", {"recipe.lora_plus_lr_ratio": 0.5}),
    "RL0": (RFT, "block", {"reward.exists": False}),
    "RL1": (RFT, "warn", {"recipe.number_generation": 2}),
    "RL2": (RFT, "confirm", {"recipe.top_k": 1}),
    "RL3": (RFT, "warn", {"recipe.kl_loss_coef": 0.0, "recipe.max_steps": 101}),
    "RL4": (RFT, "block", {"reward.rows_checked": 9}),
    "RL6": (RFT, "confirm", {"reward.latency_s": 5.1}),
    "RL7": (RFT, "confirm", {"reward.reserved_concurrency": 11}),
}
"""Rule id -> method, severity of what it says, and the change."""

SILENT: dict[str, tuple[str, dict[str, Any]]] = {
    "PL1": (SFT, {"machine.count": 32}),
    "PL3": (SFT, {"machine.quota": 4, "machine.in_use": 0}),
    "CO1": (SFT, {"machine.price_as_of": date(2026, 11, 13)}),
    "CO2": (SFT, {"machine.max_runtime_s": 3600, "machine.expected_s": 60, "machine.seconds_per_step": 0.1}),
    "CO6": (SFT, {"machine.max_runtime_s": 3600, "machine.seconds_per_step": 1.0}),
    "LR1": (SFT, {"recipe.lr": 1e-6, "recipe.min_lr": 1e-7}),
    "LR3": (SFT, {"recipe.lr": 5e-5}),
    "LR7": (SFT, {"recipe.lr": 2e-5, "overridden": frozenset({"lr"})}),
    "WU2": (SFT, {"recipe.warmup_steps": 100, "recipe.max_steps": 5000}),
    "WU3": (SFT, {"recipe.warmup_steps": 100, "recipe.max_steps": 700}),
    "WU6": (SFT, {"history.base_method": RFT, "history.base_lr": 1e-5}),
    "ST1": (RFT, {"recipe.max_steps": 5, "recipe.save_steps": 5}),
    "ST4": (SFT, {"data.rows": 6400}),
    "ST6": (SFT, {"recipe.save_steps": 50}),
    "BS1": (RFT, {"recipe.global_batch_size": 16}),
    "BS2": (SFT, {"data.rows": 32}),
    "BS3": (SFT, {"recipe.global_batch_size": 128, "data.labels": 0}),
    "RE6": (EVAL, {"history.base_reasoning": True, "recipe.reasoning_effort": "low"}),
    "ME3": (RFT, {"reward.positive_share": 0.05}),
    "RL2": (RFT, {"recipe.top_k": 1, "recipe.temperature": 0.0}),
    "RL4": (RFT, {"reward.rows_checked": 5, "data.rows": 5}),
    "RL7": (RFT, {"reward.reserved_concurrency": 12}),
}
"""Rule id -> the change that comes nearest without making it speak; for the rest, the good facts."""
