"""What every job plan settles first: recipe, machines and where the job starts from."""

from dataclasses import dataclass

from novaforge.guards.errors import InputError
from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.catalog.support import Combination
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.names import slug
from novaforge.tools.training.hub import HubRecipe, find_recipe
from novaforge.tools.training.machines import Machines, choose_machines
from novaforge.tools.training.start import Start, resolve_start


@dataclass(frozen=True)
class Setup:
    """A job apart from its recipe's values and its data; `output` is a prefix without a slash at its end."""

    combination: Combination
    name: str
    output: str
    hub: HubRecipe
    machines: Machines
    start: Start
    base: str | None
    """What the start was given as."""


def set_up(
    ctx: ToolContext,
    combination: Combination,
    *,
    name: str,
    output: str,
    base: str | None,
    instance_type: str | None,
    instance_count: int | None,
    task: str | None = None,
) -> Setup:
    """Return what was asked for with the hub's recipe, the machines and the start; raises what these raise."""
    target, label = output_prefix(output), slug(name)
    hub = find_recipe(ctx, combination, instance_type=instance_type, task=task)
    machines = choose_machines(ctx, combination, hub, instance_type, instance_count)
    return Setup(combination, label, target, hub, machines, resolve_start(ctx, base, combination.model), base)


def output_prefix(output: str) -> str:
    """Return an output prefix without a slash at its end; raises InputError for a local path or a whole bucket."""
    if not is_s3(output) or not split_s3(output)[1].strip("/"):
        raise InputError(
            f"{output} is not an S3 prefix.", field="output", value=output, fix="write s3://bucket/a-fresh-prefix"
        )
    return output.rstrip("/")
