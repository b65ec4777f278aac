"""Plan a training job."""

from typing import Any

from novaforge.guards.cost import Estimate, estimate_rft, estimate_sft
from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Fact, known
from novaforge.tools.arguments import Method, Model, Overrides, PlatformName
from novaforge.tools.catalog.support import Combination, require_supported
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.draft import Draft, plain_spec, store, whole
from novaforge.tools.training.inputs import JobInput, look_at_inputs
from novaforge.tools.training.machines import Machines
from novaforge.tools.training.render import Rendered, render
from novaforge.tools.training.rewards import look_at_reward, reward_arn
from novaforge.tools.training.setup import Setup, set_up
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

    Raises InputError for what cannot be used, RefusedError for combinations, RunningError while large data are read.
    """
    arguments = {key: value for key, value in locals().items() if key != "ctx"}
    combination = _combination(method, model, platform, reward, validation_data)
    setup = set_up(
        ctx, combination, name=name or f"{method}-{model}".lower(), output=output, base=base,
        instance_type=instance_type, instance_count=instance_count,
    )  # fmt: skip
    arn = reward_arn(reward, ctx.aws.principal()) if reward else None
    recipe = _render(setup, overrides or {}, arn)
    inputs = look_at_inputs(ctx, combination, {"train": data, "validation": validation_data or None}, setup.output)
    draft = Draft(
        setup=setup,
        action="train",
        title=_title(setup),
        recipe=recipe,
        inputs=inputs,
        estimate=_estimate(method, recipe, setup.machines),
        spec=plain_spec(arguments),
        role=role,
        max_runtime_s=max_runtime_s,
        reward=look_at_reward(ctx, arn, inputs[0].given) if arn else None,
        notes=(_exposure(recipe, inputs[0]),),
    )
    return store(ctx, draft)


def _combination(
    method: str, model: str, platform: str, reward: str | None, validation_data: str | None
) -> Combination:
    combination = require_supported(model, method, platform)
    if method == "EVALUATION":
        raise RefusedError("EVALUATION is not a training method.", rule="unsupported", fix="call plan_evaluation")
    _check_method_arguments(method, reward, validation_data)
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


def _render(setup: Setup, overrides: Overrides, reward: str | None) -> Rendered:
    injected: dict[str, Any] = {
        "name": setup.name,
        "replicas": setup.machines.count,
        "run.model_name_or_path": setup.start.location,
        # HyperPod's fields: a training job reads its channels instead.
        "data_s3_path": "",
        "output_s3_path": "",
        "validation_s3_path": "",
    }
    if reward:
        injected |= {"reward_lambda_arn": reward, "run.reward_lambda_arn": reward, "api_endpoint.lambda_arn": reward}
    template = load_template(setup.hub.template_text, setup.hub.template_uri)
    return render(template, setup.hub.params, overrides, injected)


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


def _title(setup: Setup) -> str:
    combination, machines, start = setup.combination, setup.machines, setup.start
    source = "the base model" if start.is_base_model else start.job.job_id if start.job else "a checkpoint"
    return (
        f"Train {combination.model} with {combination.method} from {source}"
        f" on {machines.count} x {machines.instance_type}"
    )
