"""Turn what was gathered into the facts the rules look at."""

from dataclasses import fields
from typing import Any, cast

from novaforge.guards.plan import Cost
from novaforge.guards.rules.facts import (
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


def data_facts(data: JobInput, has_validation: bool, regions: Seen[dict[str, str]]) -> DataFacts:
    """Return the facts of the training or evaluation file."""
    rows = data.file.rows
    return DataFacts(
        file_name=data.file_name,
        rows=Known(rows),
        reasoning_share=Known(data.file.reasoning_rows / rows) if rows else Unknown("the file has no row"),
        labels=Known(len(data.file.labels)),
        has_validation=has_validation,
        bucket_regions=regions,
    )


def machine_facts(
    ctx: ToolContext, combination: Combination, machines: Machines, cost: Cost, image: str, step_s: float | None
) -> MachineFacts:
    """Return the facts of the machines, their quota and their price."""
    usd = machines.price.usd_per_hour
    assert usd is not None  # choose_machines refuses an unknown price
    return MachineFacts(
        instance_type=machines.instance_type,
        count=machines.count,
        legal_counts=machines.legal_counts,
        # What the hub lists outweighs the document that disagrees with it.
        doubtful_counts=combination.doubtful_counts if machines.legal_counts == combination.counts else (),
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
