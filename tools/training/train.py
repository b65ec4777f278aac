"""Plan a training job."""

from typing import Any

from novaforge.guards.cost import Estimate, estimate_rft, estimate_sft
from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Fact, known
from novaforge.tools.arguments import Method, Model, Overrides, PlatformName
from novaforge.tools.catalog.support import Combination, require_supported
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.names import slug
from novaforge.tools.plans.view import PlanView
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.training.draft import Draft, output_prefix, plain_spec, store, whole
from novaforge.tools.training.hub import HubRecipe, find_recipe
from novaforge.tools.training.inputs import JobInput, look_at_input
from novaforge.tools.training.machines import Machines, choose_machines
from novaforge.tools.training.render import Rendered, render
from novaforge.tools.training.rewards import look_at_reward, reward_arn
from novaforge.tools.training.start import Start, resolve_start
from novaforge.tools.training.yamltext import load_template


def plan_training(
    ctx: ToolContext,
    *,
    method: Method,
    model: Model,
    platform: PlatformName,
    data: str,
    output: str,
    validation_data: str | None = None,
    base: str | None = None,
    reward: str | None = None,
    instance_type: str | None = None,
    instance_count: int | None = None,
    overrides: Overrides | None = None,
    max_runtime_s: int | None = None,
    name: str | None = None,
    role: str | None = None,
) -> PlanView:
    """Plan a training job without starting anything; returns the plan with its ceiling in dollars and its findings.

    Raises InputError for arguments and files that cannot be used, RefusedError for combinations that do not work.
    """
    arguments = {key: value for key, value in locals().items() if key != "ctx"}
    combination = _combination(method, model, platform)
    _check_method_arguments(method, reward, validation_data)
    target, label = output_prefix(output), slug(name or f"{method}-{model}".lower())
    hub = find_recipe(ctx, combination, instance_type=instance_type)
    machines = choose_machines(ctx, combination, hub, instance_type, instance_count)
    start = resolve_start(ctx, base, model)
    arn = reward_arn(reward, ctx.aws.principal()) if reward else None
    recipe = _render(hub, overrides or {}, label, machines, start, arn)
    inputs = _inputs(ctx, combination, target, data, validation_data)
    draft = Draft(
        action="train",
        title=_title(combination, machines, start),
        name=label,
        combination=combination,
        hub=hub,
        recipe=recipe,
        machines=machines,
        start=start,
        inputs=inputs,
        output=target,
        estimate=_estimate(method, recipe, machines),
        spec=plain_spec(arguments),
        role=role,
        max_runtime_s=max_runtime_s,
        reward=look_at_reward(ctx, arn, inputs[0].given) if arn else None,
        base=base,
        notes=(_exposure(recipe, inputs[0]),),
    )
    return store(ctx, draft)


def _combination(method: str, model: str, platform: str) -> Combination:
    combination = require_supported(model, method, platform)
    if method == "EVALUATION":
        raise RefusedError("EVALUATION is not a training method.", rule="unsupported", fix="call plan_evaluation")
    return combination


def _check_method_arguments(method: str, reward: str | None, validation_data: str | None) -> None:
    if method == "RFT_LORA" and not reward:
        fix = "test_reward, then plan_reward; give its function name or ARN"
        raise InputError("RFT_LORA needs a reward function.", field="reward", fix=fix)
    if method != "RFT_LORA" and reward:
        raise InputError(f"{method} takes no reward function.", field="reward", value=reward, fix="leave reward out")
    if method == "RFT_LORA" and validation_data:
        raise InputError(
            "RFT_LORA training jobs read no validation data.",
            field="validation_data",
            value=validation_data,
            fix="leave it out, and evaluate the result with plan_evaluation",
        )


def _render(
    hub: HubRecipe, overrides: Overrides, label: str, machines: Machines, start: Start, reward: str | None
) -> Rendered:
    injected: dict[str, Any] = {
        "name": label,
        "replicas": machines.count,
        "run.model_name_or_path": start.location,
        # HyperPod's fields: a training job reads its channels instead.
        "data_s3_path": "",
        "output_s3_path": "",
        "validation_s3_path": "",
    }
    if reward:
        injected |= {"reward_lambda_arn": reward, "run.reward_lambda_arn": reward, "api_endpoint.lambda_arn": reward}
    return render(load_template(hub.template_text, hub.template_uri), hub.params, overrides, injected)


def _inputs(
    ctx: ToolContext, combination: Combination, output: str, data: str, validation_data: str | None
) -> tuple[JobInput, ...]:
    given = {"train": data} | ({"validation": validation_data} if validation_data else {})
    prefix = platform_of(combination.platform).uploads(output)
    return tuple(
        look_at_input(ctx, uri, role=role, method=combination.method, model=combination.model, prefix=prefix)
        for role, uri in given.items()
    )


def _estimate(method: str, recipe: Rendered, machines: Machines) -> Estimate:
    steps, batch = whole(recipe, "max_steps"), whole(recipe, "global_batch_size")
    if method == "SFT_LORA":
        return estimate_sft(steps, batch, machines.count, machines.instance_type)
    answers, new_tokens = whole(recipe, "number_generation"), whole(recipe, "max_new_tokens")
    return estimate_rft(steps, batch, answers, new_tokens, machines.count, machines.instance_type)


def _exposure(recipe: Rendered, data: JobInput) -> Fact:
    """Return how much of the data the run sees."""
    seen = whole(recipe, "max_steps") * whole(recipe, "global_batch_size")
    epochs = f"{seen / data.file.rows:.2f}" if data.file.rows else "none"
    return known("exposure", {"rows_seen": seen, "epochs": epochs}, "max_steps x global_batch_size / rows")


def _title(combination: Combination, machines: Machines, start: Start) -> str:
    source = "the base model" if start.is_base_model else start.job.job_id if start.job else "a checkpoint"
    return (
        f"Train {combination.model} with {combination.method} from {source}"
        f" on {machines.count} x {machines.instance_type}"
    )
