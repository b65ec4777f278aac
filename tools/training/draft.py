"""Put a job's plan together: request, facts, findings, cost and preconditions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from novaforge.guards.cost import Estimate
from novaforge.guards.errors import AwsError, InputError, NotFoundError, NovaForgeError, RefusedError
from novaforge.guards.findings import Fact, Finding, known, not_checked
from novaforge.guards.plan import Action, Cost, PlanBody, Precondition, RecipeSource, Step
from novaforge.guards.rules.facts import Known, Seen, Unknown
from novaforge.guards.rules.table import check_training
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.jobs.refresh import refresh
from novaforge.tools.plans.checks import check_steps
from novaforge.tools.plans.draft import new_plan_id, plan_tags, plan_times, store_plan
from novaforge.tools.plans.preconditions import expect
from novaforge.tools.plans.view import PlanView
from novaforge.tools.platforms.base import JobOrder
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.records import ENDED_PHASES, JobPhase, JobRecord
from novaforge.tools.training.facts import data_facts, machine_facts, training_facts
from novaforge.tools.training.hub import HubRecipe
from novaforge.tools.training.inputs import JobInput
from novaforge.tools.training.machines import job_cost
from novaforge.tools.training.places import read_bucket_regions
from novaforge.tools.training.render import Rendered
from novaforge.tools.training.rewards import Reward
from novaforge.tools.training.roles import Right, execution_role, look_at_role, s3_rights
from novaforge.tools.training.setup import Setup
from novaforge.tools.training.start import read_history
from novaforge.tools.training.yamltext import HUB_CHANGED


@dataclass(frozen=True)
class Draft:
    """All that is decided about one job before its plan is written."""

    setup: Setup
    action: Action
    title: str
    recipe: Rendered
    inputs: tuple[JobInput, ...]
    estimate: Estimate
    spec: JsonObject
    role: str | None = None
    max_runtime_s: int | None = None
    reward: Reward | None = None
    notes: tuple[Fact, ...] = field(default=())


def whole(recipe: Rendered, name: str) -> int:
    """Return a whole number of the effective recipe; raises RefusedError when the recipe lacks it."""
    value = recipe.value(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusedError(
            f"The recipe has no {name}, so its cost cannot be estimated.", rule="recipe", fix=HUB_CHANGED
        )
    return value


def plain_spec(arguments: dict[str, Any]) -> JsonObject:
    """Return a tool's arguments for the plan: what was not given left out, floats as text."""
    return {name: _no_floats(value) for name, value in arguments.items() if value is not None}


def store(ctx: ToolContext, draft: Draft) -> PlanView:
    """Gather what remains to be known, apply the rules, and store the plan. Nothing is started or written to AWS."""
    created, expires = plan_times(ctx)
    cost = job_cost(draft.setup.machines, draft.estimate, draft.max_runtime_s)
    role = execution_role(ctx, draft.role)
    role_facts, role_fact, role_arn = look_at_role(ctx, role, _rights(draft))
    empty = _output_empty(ctx, draft.setup.output)
    tags = plan_tags(ctx, cost.ceiling_usd, expires)
    steps = _steps(draft, role_arn, cost, tags)
    check_steps(ctx, steps)
    regions = read_bucket_regions(ctx, [*(item.read_from for item in draft.inputs), draft.setup.output])
    facts = training_facts(
        draft.setup.combination,
        draft.recipe,
        machine=machine_facts(ctx, draft.setup.machines, cost, draft.setup.hub.image, draft.estimate.seconds_per_step),
        data=data_facts(draft.inputs[0], draft.recipe, len(draft.inputs) > 1, regions),
        role=role_facts,
        history=read_history(ctx, draft.setup.start, draft.setup.base, empty, draft.setup.combination.model),
        reward=draft.reward.facts if draft.reward else None,
        output=draft.setup.output,
    )
    body = PlanBody(
        plan_id=new_plan_id(created),
        action=draft.action,
        title=draft.title,
        name=draft.setup.name,
        model=draft.setup.combination.model,
        method=draft.setup.combination.method,
        platform=draft.setup.combination.platform,
        principal=ctx.aws.principal(),
        sandbox=ctx.mode.sandbox,
        steps=tuple(steps),
        recipe=_source(draft),
        image=draft.setup.hub.image,
        inputs=tuple(item.identity for item in draft.inputs),
        cost=cost,
        findings=(*check_training(facts), *_same_output(ctx, draft.setup.output), *_further_findings(draft)),
        facts=(*_facts(ctx, draft, empty), role_fact),
        preconditions=tuple(_preconditions(ctx, draft, role_arn, empty)),
        output=draft.setup.output,
        spec=draft.spec,
        created_at=created,
        expires_at=expires,
    )
    return store_plan(ctx, body)


def _steps(draft: Draft, role_arn: str, cost: Cost, tags: list[JsonObject]) -> list[Step]:
    order = JobOrder(
        method=draft.setup.combination.method,
        name=draft.setup.name,
        role_arn=role_arn,
        image=draft.setup.hub.image,
        start=draft.setup.start.location,
        reward_arn=draft.reward.arn if draft.reward else None,
        inputs=tuple(("validation" if item.role == "validation" else "train", item.read_from) for item in draft.inputs),
        recipe=draft.recipe.text,
        output=draft.setup.output,
        instance_type=draft.setup.machines.instance_type,
        instance_count=draft.setup.machines.count,
        max_runtime_s=cost.max_runtime_s,
        tags=tags,
    )
    uploads = [item.upload for item in draft.inputs if item.upload]
    return [*uploads, *platform_of(draft.setup.combination.platform).render(order)]


def _rights(draft: Draft) -> list[Right]:
    reads = [item.read_from for item in draft.inputs]
    rights = s3_rights(
        [*reads, *platform_of(draft.setup.combination.platform).reads(draft.setup.output)], draft.setup.output
    )
    return [*rights, Right("lambda:InvokeFunction", draft.reward.arn)] if draft.reward else rights


def _source(draft: Draft) -> RecipeSource:
    hub = draft.setup.hub
    return RecipeSource(
        name=hub.name,
        hub_content=hub.hub_content,
        hub_version=hub.hub_version,
        template_uri=hub.template_uri,
        template_sha256=hub.template_sha256,
        text=draft.recipe.text,
    )


def _output_empty(ctx: ToolContext, output: str) -> Seen[bool]:
    try:
        return Known(not ctx.storage.list(f"{output}/", limit=1))
    except NotFoundError as error:
        raise InputError(
            f"The bucket of {output} does not exist.", field="output", value=output, fix="create it, or name another"
        ) from error
    except AwsError as error:
        return Unknown(f"the output prefix cannot be listed ({error.code})")


def _same_output(ctx: ToolContext, output: str) -> Iterator[Finding]:
    """Yield a block for each job that still writes to this output: the same plan made again would pay twice.

    The prefix stays empty until a job ends, so PL10 alone does not see it.
    """
    for job in ctx.ledger.jobs(phases=("waiting", "running", "stopping", "unknown"), limit=200):
        if job.output.rstrip("/") == output and (phase := _phase_now(ctx, job)) not in ENDED_PHASES:
            yield Finding(
                rule="PL10",
                severity="block",
                message=f"The job {job.job_id} writes to {output} and is {phase}; this plan would start a second one.",
                fix=f'follow it with get_job(job_id="{job.job_id}"), or give another output to run both',
            )


def _phase_now(ctx: ToolContext, job: JobRecord) -> JobPhase:
    try:
        return refresh(ctx, job)[1].phase
    except NovaForgeError:
        # Whether it ended cannot be read: it counts as it was last seen.
        return job.phase


def _further_findings(draft: Draft) -> list[Finding]:
    of_data = [_of(item, finding) for item in draft.inputs for finding in item.file.findings]
    return [*of_data, *_same_data(draft.inputs), *(draft.reward.findings if draft.reward else ())]


def _of(item: JobInput, finding: Finding) -> Finding:
    """Say which file a finding is about where a plan has two."""
    if item.role != "validation":
        return finding
    return finding.model_copy(update={"message": f"validation data: {finding.message}"})


def _same_data(inputs: tuple[JobInput, ...]) -> list[Finding]:
    seen = [item.identity.sha256 for item in inputs]
    if None in seen or len(set(seen)) == len(seen):
        return []
    message = "the validation data are the training data, byte for byte: the validation loss would say nothing"
    fix = "split with transform_dataset, or leave validation_data out"
    return [Finding(rule="DA11-overlap", severity="block", message=message, fix=fix)]


def _facts(ctx: ToolContext, draft: Draft, empty: Seen[bool]) -> Iterator[Fact]:
    principal = ctx.aws.principal()
    yield known("caller", {"account": principal.account, "arn": principal.arn}, "sts:GetCallerIdentity")
    yield known("region", principal.region, "configuration")
    for item in draft.inputs:
        seen = item.file.identity
        value: JsonObject = {"uri": item.given, "bytes": seen.bytes, "rows": item.file.rows, "etag": seen.etag}
        yield known(f"{item.role} data", value, "s3:HeadObject, streamed once" if is_s3(item.given) else "local file")
    if isinstance(empty, Unknown):
        yield not_checked("output", empty.reason, "s3:ListObjectsV2")
    else:
        yield known("output", {"uri": draft.setup.output, "empty": empty.value}, "s3:ListObjectsV2")
    yield draft.setup.start.fact
    legal: list[JsonValue] = list(draft.setup.machines.legal_counts)
    hub: JsonObject = {"recipe": draft.setup.hub.name, "version": draft.setup.hub.hub_version, "legal_counts": legal}
    yield known("hub", hub, "sagemaker:DescribeHubContent")
    yield known("image", {"uri": draft.setup.hub.image, "pinned": False}, "hub")
    price = draft.setup.machines.price
    shown: JsonObject = {"usd_per_hour": str(price.usd_per_hour), "as_of": price.as_of.isoformat()}
    yield known(f"price {price.instance_type}", shown, price.source)
    yield draft.setup.machines.quota.fact()
    if draft.reward:
        yield draft.reward.fact
    yield from draft.notes


def _preconditions(ctx: ToolContext, draft: Draft, role_arn: str, empty: Seen[bool]) -> Iterator[Precondition]:
    yield expect(ctx, "caller", "caller", {})
    for item in draft.inputs:
        yield item.precondition
    if isinstance(empty, Known):
        yield expect(ctx, "output", "empty_prefix", {"uri": f"{draft.setup.output}/"})
    yield expect(ctx, "recipe", "recipe", _recipe_target(draft.setup.hub))
    price = draft.setup.machines.price
    target: JsonObject = {
        "instance_type": price.instance_type,
        "region": price.region,
        "component": price.component,
    }
    yield Precondition(name="price", kind="price", target=target, expected=str(price.usd_per_hour))
    yield from _readable(ctx, "role", "role", {"arn": role_arn})
    if draft.reward:
        yield from _readable(ctx, "reward function", "function", {"arn": draft.reward.arn})


def _recipe_target(hub: HubRecipe) -> JsonObject:
    return {"hub_content": hub.hub_content, "template_uri": hub.template_uri, "params_uri": hub.params_uri}


def _readable(ctx: ToolContext, name: str, kind: str, target: JsonObject) -> Iterator[Precondition]:
    """Yield a precondition when its value can be read; where it cannot, the plan's fact says so already."""
    try:
        yield expect(ctx, name, kind, target)
    except AwsError:
        return


def _no_floats(value: Any) -> JsonValue:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {str(name): _no_floats(item) for name, item in value.items()}
    return [_no_floats(item) for item in value] if isinstance(value, list) else value
