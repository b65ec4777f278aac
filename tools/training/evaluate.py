"""Plan an evaluation job."""

from typing import Any, Literal

from novaforge.guards.cost import Estimate, estimate_evaluation
from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import known
from novaforge.tools.arguments import Model, Overrides, PlatformName
from novaforge.tools.catalog.support import require_supported
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.draft import Draft, plain_spec, store, whole
from novaforge.tools.training.inputs import look_at_inputs
from novaforge.tools.training.machines import Machines
from novaforge.tools.training.render import Rendered, render
from novaforge.tools.training.setup import Setup, set_up
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

    Raises InputError for what cannot be used, RefusedError for combinations, RunningError while large data are read.
    """
    arguments = {key: value for key, value in locals().items() if key != "ctx"}
    combination = require_supported(model, "EVALUATION", platform)
    file = _require_data(task, data)
    setup = set_up(
        ctx, combination, name=name or f"{task}-{model}", output=output, base=base,
        instance_type=instance_type, instance_count=instance_count, task=task,
    )  # fmt: skip
    recipe = _render(setup, overrides or {}, task)
    inputs = look_at_inputs(ctx, combination, {"evaluation": file}, setup.output, task=task, upload_as=FILE_NAMES[task])
    draft = Draft(
        setup=setup,
        action="evaluate",
        title=_title(task, setup),
        recipe=recipe,
        inputs=inputs,
        estimate=_estimate(inputs[0].file.rows, recipe, setup.machines),
        spec=plain_spec({**arguments, "base_job": setup.start.job.job_id if setup.start.job else None}),
        role=role,
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


def _render(setup: Setup, overrides: Overrides, task: str) -> Rendered:
    template = load_template(setup.hub.template_text, setup.hub.template_uri)
    # The section is for metric Lambdas; left in without one, it names an empty function.
    template.pop("processor", None)
    injected: dict[str, Any] = {
        "name": setup.name,
        "replicas": setup.machines.count,
        "model_name_or_path": setup.start.location,
        "run.model_name_or_path": setup.start.location,
        "data_s3_path": "",
        "output_s3_path": "",
        **TASKS[task],
    }
    rendered = render(template, setup.hub.params, overrides, injected)
    if whole(rendered, "max_new_tokens") < 1:
        # The hub allows 0; such a run bills and every answer is empty.
        raise InputError(
            "max_new_tokens is 0: every answer would be empty.",
            field="overrides.max_new_tokens",
            value=0,
            fix="give 1 or more, or leave it out",
        )
    return rendered


def _estimate(rows: int, recipe: Rendered, machines: Machines) -> Estimate:
    return estimate_evaluation(rows, whole(recipe, "max_new_tokens"), machines.count, machines.instance_type)


def _title(task: str, setup: Setup) -> str:
    start, machines = setup.start, setup.machines
    subject = (
        f"the base model {setup.combination.model}"
        if start.is_base_model
        else start.job.job_id
        if start.job
        else "a checkpoint"
    )
    return f"Evaluate {subject} with {task} on {machines.count} x {machines.instance_type}"
