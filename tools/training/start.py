"""Where a job starts from: the base model, an earlier job's checkpoint, or a checkpoint URI."""

from dataclasses import dataclass
from typing import Any

import yaml

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Fact, known, not_checked
from novaforge.guards.rules.facts import HistoryFacts, Known, Seen, Unknown
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.catalog.support import model_info
from novaforge.tools.context import ToolContext
from novaforge.tools.jobs.artifacts import checkpoint_of, stored_below
from novaforge.tools.records import JobRecord

NO_RECORD = Unknown("the checkpoint was given as a URI; how it was trained is not on record")


@dataclass(frozen=True)
class Start:
    """The model a job starts from; `location` is a plain id of the base model or the checkpoint's URI."""

    location: str
    job: JobRecord | None
    fact: Fact

    @property
    def is_base_model(self) -> bool:
        """Whether nothing was tuned before."""
        return not is_s3(self.location)


def resolve_start(ctx: ToolContext, base: str | None, model: str) -> Start:
    """Return where to start from.

    Raises InputError for a job that is unknown, unfinished or of another model and for an empty folder, RefusedError for
    other kinds of base.
    """
    if base is None:
        plain = model_info(model).base
        return Start(plain, None, known("base", {"model": plain}, "catalog"))
    if is_s3(base):
        return Start(base, _job_with(ctx, base), _checkpoint(ctx, base))
    if base.startswith("arn:"):
        raise RefusedError(
            f"Starting from {base} does not work yet.",
            rule="unsupported",
            fix="base is a job id of this server, an s3:// checkpoint URI, or absent for the base model",
        )
    job = ctx.ledger.job(base)
    if job is None:
        raise InputError(
            f"No job {base} is on record.",
            field="base",
            value=base,
            fix="list_jobs shows job ids; or give a checkpoint URI",
        )
    if job.model != model:
        raise InputError(
            f"{base} trained {job.model}, not {model}.", field="base", value=base, fix=f"model={job.model}"
        )
    checkpoint = checkpoint_of(ctx, base)
    return Start(checkpoint, job, known("base", {"job": base, "checkpoint": checkpoint}, "manifest.json"))


def _checkpoint(ctx: ToolContext, uri: str) -> Fact:
    seen = stored_below(ctx, uri)
    if seen is False and not _is_an_output(ctx, uri):  # rule ME13 speaks of a job's output, empty or not
        raise InputError(
            f"Nothing is stored below {uri}.",
            field="base",
            value=uri,
            fix="give the job's id, whose manifest names the checkpoint",
        )
    shown: JsonObject = {"checkpoint": uri, "empty": not seen}
    return not_checked("base", f"{uri}: {seen}") if isinstance(seen, str) else known("base", shown, "s3:ListObjectsV2")


def read_history(
    ctx: ToolContext, start: Start, base: str | None, output_empty: Seen[bool], model: str
) -> HistoryFacts:
    """Return what came before this job, from the ledger."""
    if start.is_base_model:
        return HistoryFacts(baselines=_baselines(ctx, model), output_empty=output_empty)
    recipe = _recipe_of(ctx, start.job)
    if start.job is None or recipe is None:
        return HistoryFacts(
            baselines=_baselines(ctx, model),
            output_empty=output_empty,
            base_method=Known(start.job.method) if start.job else NO_RECORD,
            base_lr=NO_RECORD,
            base_reasoning=NO_RECORD,
            base_is_output_path=_is_an_output(ctx, base),
        )
    return HistoryFacts(
        baselines=_baselines(ctx, model),
        output_empty=output_empty,
        base_method=Known(start.job.method),
        base_lr=_rate(recipe),
        base_reasoning=_reasoning(recipe),
    )


def _baselines(ctx: ToolContext, model: str) -> Seen[int]:
    """Return how many evaluations of the base model have completed; one that still runs has no result to go by."""
    completed = ctx.ledger.jobs(phases=("completed",), limit=1000)
    return Known(
        sum(1 for job in completed if job.kind == "evaluation" and job.model == model and not job.spec.get("base"))
    )


def _is_an_output(ctx: ToolContext, base: str | None) -> bool:
    if base is None or not is_s3(base):
        return False
    return any(f"{base.rstrip('/')}/".startswith(f"{job.output.rstrip('/')}/") for job in ctx.ledger.jobs(limit=1000))


def _job_with(ctx: ToolContext, checkpoint: str) -> JobRecord | None:
    wanted = checkpoint.rstrip("/")
    return next((job for job in ctx.ledger.jobs(limit=1000) if (job.checkpoint or "").rstrip("/") == wanted), None)


def _recipe_of(ctx: ToolContext, job: JobRecord | None) -> Any:
    record = ctx.ledger.plan(job.plan_id) if job else None
    return yaml.safe_load(record.plan.recipe.text) if record and record.plan.recipe else None


def _rate(recipe: Any) -> Seen[float | None]:
    rate = _find(recipe, "lr")
    return Known(float(rate)) if isinstance(rate, int | float) else Unknown("the earlier recipe has no lr")


def _reasoning(recipe: Any) -> Seen[bool | None]:
    """Return whether the earlier stage trained with reasoning: a switch in SFT recipes, an effort in RFT ones."""
    enabled = _find(recipe, "reasoning_enabled")
    if isinstance(enabled, bool):
        return Known(enabled)
    training = recipe.get("training_config", {})
    if isinstance(training, dict) and "reasoning_effort" in training:
        return Known(bool(training["reasoning_effort"]))
    return Unknown("the earlier recipe does not say whether reasoning was on")


def _find(tree: Any, name: str) -> Any:
    if not isinstance(tree, dict):
        return None
    if name in tree:
        return tree[name]
    return next((found for item in tree.values() if (found := _find(item, name)) is not None), None)
