"""Plan an evaluation job."""

from typing import Any, Literal

from novaforge.guards.cost import estimate_evaluation
from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import known
from novaforge.tools.arguments import Model, Overrides, PlatformName
from novaforge.tools.catalog.support import require_supported
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.names import slug
from novaforge.tools.plans.view import PlanView
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.training.draft import Draft, output_prefix, plain_spec, store, whole
from novaforge.tools.training.hub import HubRecipe, find_recipe
from novaforge.tools.training.inputs import look_at_input
from novaforge.tools.training.machines import Machines, choose_machines
from novaforge.tools.training.render import Rendered, render
from novaforge.tools.training.start import Start, resolve_start
from novaforge.tools.training.yamltext import load_template

Task = Literal["gen_qa"]

TASKS: dict[str, dict[str, str]] = {"gen_qa": {"task": "gen_qa", "strategy": "gen_qa", "metric": "all"}}
"""What a task puts in the recipe's evaluation section. Source: Nova user guide, bring your own dataset."""

FILE_NAMES = {"gen_qa": "gen_qa.jsonl"}
"""The name the container looks for."""


def plan_evaluation(
    ctx: ToolContext,
    *,
    task: Task,
    model: Model,
    platform: PlatformName,
    output: str,
    data: str | None = None,
    base: str | None = None,
    instance_type: str | None = None,
    instance_count: int | None = None,
    overrides: Overrides | None = None,
    name: str | None = None,
    role: str | None = None,
) -> PlanView:
    """Plan an evaluation of the base model, or of `base`, without starting anything.

    Raises InputError for arguments and files that cannot be used, RefusedError for combinations that do not work.
    """
    arguments = {key: value for key, value in locals().items() if key != "ctx"}
    combination = require_supported(model, "EVALUATION", platform)
    file = _require_data(task, data)
    target, label = output_prefix(output), slug(name or f"{task}-{model}")
    hub = find_recipe(ctx, combination, instance_type=instance_type, task=task)
    machines = choose_machines(ctx, combination, hub, instance_type, instance_count)
    start = resolve_start(ctx, base, model)
    recipe = _render(hub, overrides or {}, label, machines, start, task)
    data_file = look_at_input(
        ctx,
        file,
        role="evaluation",
        method="EVALUATION",
        model=model,
        prefix=platform_of(combination.platform).uploads(target),
        upload_as=FILE_NAMES[task],
    )
    draft = Draft(
        action="evaluate",
        title=_title(task, model, machines, start),
        name=label,
        combination=combination,
        hub=hub,
        recipe=recipe,
        machines=machines,
        start=start,
        inputs=(data_file,),
        output=target,
        estimate=estimate_evaluation(
            data_file.file.rows, whole(recipe, "max_new_tokens"), machines.count, machines.instance_type
        ),
        spec=plain_spec({**arguments, "base_job": start.job.job_id if start.job else None}),
        role=role,
        base=base,
        notes=(known("recipe section processor", "left out: it is for metric Lambdas, and none is used", "recipe"),),
    )
    return store(ctx, draft)


def _require_data(task: str, data: str | None) -> str:
    if task not in TASKS:
        raise RefusedError(
            f"The evaluation task {task} does not work yet.", rule="unsupported", fix=f"use one of: {', '.join(TASKS)}"
        )
    if data is None:
        fix = "rows of {query, response}; transform_dataset(method=EVALUATION) writes them"
        raise InputError(f"{task} needs data.", field="data", fix=fix)
    return data


def _render(hub: HubRecipe, overrides: Overrides, label: str, machines: Machines, start: Start, task: str) -> Rendered:
    template = load_template(hub.template_text, hub.template_uri)
    # The section is for metric Lambdas; left in without one, it names an empty function.
    template.pop("processor", None)
    injected: dict[str, Any] = {
        "name": label,
        "replicas": machines.count,
        "model_name_or_path": start.location,
        "run.model_name_or_path": start.location,
        "data_s3_path": "",
        "output_s3_path": "",
        **TASKS[task],
    }
    rendered = render(template, hub.params, overrides, injected)
    if whole(rendered, "max_new_tokens") < 1:
        # The hub allows 0; such a run bills and every answer is empty.
        raise InputError(
            "max_new_tokens is 0: every answer would be empty.",
            field="overrides.max_new_tokens",
            value=0,
            fix="give 1 or more, or leave it out",
        )
    return rendered


def _title(task: str, model: str, machines: Machines, start: Start) -> str:
    subject = f"the base model {model}" if start.is_base_model else start.job.job_id if start.job else "a checkpoint"
    return f"Evaluate {subject} with {task} on {machines.count} x {machines.instance_type}"
