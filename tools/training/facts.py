"""Turn what was gathered into the facts the rules look at."""

from dataclasses import fields
from math import ceil
from typing import Any, cast

from novaforge.guards.plan import Cost
from novaforge.guards.rules.facts import (
    NO_LENGTHS,
    DataFacts,
    HistoryFacts,
    Known,
    MachineFacts,
    RecipeFacts,
    RewardFacts,
    RoleFacts,
    Seen,
    TrainingFacts,
    Unknown,
)
from novaforge.tools.catalog.support import Combination, image_regions
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.facts import TrainingFile
from novaforge.tools.training.inputs import JobInput
from novaforge.tools.training.machines import Machines
from novaforge.tools.training.render import Rendered


def recipe_facts(recipe: Rendered) -> RecipeFacts:
    """Return the effective recipe's values by leaf name; a leaf it lacks is unknown."""
    values: dict[str, Any] = {}
    for item in fields(RecipeFacts):
        known = recipe.has(item.name)
        values[item.name] = Known(recipe.value(item.name)) if known else Unknown(f"the recipe has no {item.name}")
    return RecipeFacts(**values)


TOKEN_MARGIN = 1.3
"""Token counts are estimates within about 30 %; what must not be passed is compared with the upper end."""


def data_facts(data: JobInput, recipe: Rendered, has_validation: bool, regions: Seen[dict[str, str]]) -> DataFacts:
    """Return the facts of the training or evaluation file; lengths in tokens are estimates."""
    file = data.file
    longest = _tokens(file, "tokens_max")
    return DataFacts(
        file_name=data.file_name,
        rows=Known(file.rows),
        reasoning_share=Known(file.reasoning_share) if file.rows else Unknown("the file has no row"),
        labels=Known(len(file.labels)),
        row_tokens_p95=_tokens(file, "tokens_p95"),
        row_tokens_p99=_tokens(file, "tokens_p99"),
        many_rows_too_long=_many_too_long(_tokens(file, "tokens_p99"), recipe.value("max_length")),
        prompt_tokens_max=Known(ceil(longest.value * TOKEN_MARGIN)) if isinstance(longest, Known) else longest,
        has_validation=has_validation,
        bucket_regions=regions,
    )


def _tokens(file: TrainingFile, name: str) -> Seen[int]:
    value = file.lengths.get(name)
    return Known(value) if isinstance(value, int) and file.rows else NO_LENGTHS


def _many_too_long(most: Seen[int], limit: Any) -> Seen[bool]:
    """Tell whether more than 1 % of the rows are longer than the limit; `most` tokens are passed by 1 % of them."""
    if isinstance(most, Unknown) or not isinstance(limit, int):
        return NO_LENGTHS
    if most.value <= limit < most.value * TOKEN_MARGIN:
        return Unknown(f"one row in a hundred has about {most.value} tokens by estimate, near max_length {limit}")
    return Known(most.value > limit)


def machine_facts(ctx: ToolContext, machines: Machines, cost: Cost, image: str, step_s: float | None) -> MachineFacts:
    """Return the facts of the machines, their quota and their price."""
    usd = machines.price.usd_per_hour
    assert usd is not None  # choose_machines refuses an unknown price
    return MachineFacts(
        instance_type=machines.instance_type,
        count=machines.count,
        legal_counts=machines.legal_counts,
        doubtful_counts=machines.doubtful_counts,
        legal_regions=image_regions(),
        region=ctx.aws.region,
        image=image,
        quota=machines.quota.limit,
        quota_code=machines.quota.code,
        in_use=machines.quota.in_use,
        cheaper_type=Known(machines.cheaper_type),
        usd_per_hour=usd,
        price_as_of=machines.price.as_of,
        today=ctx.clock().date(),
        max_runtime_s=cost.max_runtime_s,
        expected_s=cost.expected_s or 0,
        seconds_per_step=Unknown("no time per step is known") if step_s is None else Known(step_s),
    )


def training_facts(
    combination: Combination,
    recipe: Rendered,
    *,
    machine: MachineFacts,
    data: DataFacts,
    role: RoleFacts,
    history: HistoryFacts,
    reward: RewardFacts | None,
    output: str,
) -> TrainingFacts:
    """Return everything the rules look at."""
    default = recipe.defaults.get("lr")
    return TrainingFacts(
        method=combination.method,
        model=combination.model,
        platform=combination.platform,
        machine=machine,
        recipe=recipe_facts(recipe),
        data=data,
        role=role,
        reward=reward or RewardFacts(),
        history=history,
        overridden=recipe.overridden,
        default_lr=Known(cast(float, default)) if default is not None else Unknown("the recipe has no default lr"),
        output_uri=output,
    )
